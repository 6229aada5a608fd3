// Package clock holds the logical clocks of distributed systems as pure
// values: Lamport clocks, vector clocks, hybrid logical clocks, dots and
// version vectors. Time is always an argument; nothing here reads a clock,
// takes a lock or starts a goroutine.
package clock
