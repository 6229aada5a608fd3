// Package nemesis draws schedules of faults from a seed: which fault, of which
// nodes, when and for how long. The same seed and wishes give the same schedule.
//
// It is pure: it makes no fault itself, see lab.Target.Inject.
package nemesis
