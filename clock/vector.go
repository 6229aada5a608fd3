package clock

import "fmt"

// Order is how two events, or two versions, stand to each other.
type Order uint8

// The four possible answers.
const (
	Equal Order = iota
	HappenedBefore
	HappenedAfter
	Concurrent
)

func (o Order) String() string {
	return [...]string{"equal", "happened before", "happened after", "concurrent"}[o]
}

// Vector is a vector clock over a fixed set of processes, numbered from 0
// (Fidge 1988; Mattern, "Virtual Time and Global States of Distributed
// Systems", 1989). Entry i is how many events of process i are in the past.
// Unlike Lamport's clock it decides: a happened before b if and only if a's
// vector is less than b's. A shorter vector stands for one with zeros behind.
type Vector []uint64

// Tick is a local event, or the sending of a message, of the given process:
// the vector is its time from then on.
func (v Vector) Tick(process int) { v[process]++ }

// Receive is the arrival at the given process of a message sent at the other
// vector, which must not be longer than v.
func (v Vector) Receive(process int, sent Vector) {
	for i, n := range sent {
		v[i] = max(v[i], n)
	}
	v[process]++
}

// Clone is a copy: what a message takes along, or an event keeps.
func (v Vector) Clone() Vector { return append(Vector(nil), v...) }

// Compare says how the event at v stands to the one at o.
func (v Vector) Compare(o Vector) Order {
	less, more := false, false
	for i := range max(len(v), len(o)) {
		a, b := v.at(i), o.at(i)
		less = less || a < b
		more = more || a > b
	}
	return orderOf(less, more)
}

func orderOf(less, more bool) Order {
	switch {
	case less && more:
		return Concurrent
	case less:
		return HappenedBefore
	case more:
		return HappenedAfter
	}
	return Equal
}

func (v Vector) at(i int) uint64 {
	if i < len(v) {
		return v[i]
	}
	return 0
}

// String is "[1 0 2]".
func (v Vector) String() string { return fmt.Sprint([]uint64(v)) }
