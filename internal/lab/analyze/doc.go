// Package analyze is `parley lab analyze`: which guarantees a real database gave
// in a run, by what was asked of it.
//
// At every level that a target offers, and at all of them at the same time, it
// goes through three small schedules in which weak levels show that they are
// weak (a node is cut off; the leader fails; the leader fails and the one who is
// behind takes over), and then runs workloads under faults drawn from a seed.
// All of it is recorded, and judged by every checker that applies. What a
// database's own documents promise stands beside it.
//
// The package knows targets by the interfaces of package lab only.
package analyze
