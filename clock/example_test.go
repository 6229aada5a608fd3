package clock_test

import (
	"fmt"
	"time"

	"github.com/parleydb/parley/clock"
)

// A message's arrival is after its sending, whatever the two clocks said.
func ExampleLamport() {
	var alice, bob clock.Lamport
	for range 3 {
		alice.Tick()
	}
	sent := alice.Tick()
	fmt.Println("sent at", sent, "arrived at", bob.Receive(sent))
	// Output: sent at 4 arrived at 5
}

// The times are ordered, yet nothing passed between the two: the order of
// Lamport's clocks does not say what happened before what.
func ExampleLamport_converse() {
	var alice, bob clock.Lamport
	a := alice.Tick()
	bob.Tick()
	b := bob.Tick()
	fmt.Println(a < b, "but", clock.Vector{1, 0}.Compare(clock.Vector{0, 2}))
	// Output: true but concurrent
}

// Two writers who did not know of each other, and a third who knew both.
func ExampleVector() {
	alice, bob := make(clock.Vector, 2), make(clock.Vector, 2)
	alice.Tick(0)
	bob.Tick(1)
	fmt.Println(alice, bob, alice.Compare(bob))
	before := alice.Clone()
	bob.Receive(1, alice)
	fmt.Println(before, bob, before.Compare(bob))
	// Output:
	// [1 0] [0 1] concurrent
	// [1 0] [1 2] happened before
}

// The receiver's wall clock is 20 ms behind the sender's; what it does next is
// still later than what it received.
func ExampleHLC() {
	var sender, receiver clock.HLC
	sent := sender.Now(1020)
	if err := receiver.Receive(1000, sent); err != nil {
		fmt.Println(err)
	}
	next := receiver.Now(1000)
	fmt.Println(sent, next, sent < next)
	// Output: 1020.0 1020.1 true
}

// A clock that is an hour ahead is not followed.
func ExampleHLC_skew() {
	receiver := clock.HLC{Bound: 500 * time.Millisecond}
	fmt.Println(receiver.Receive(1000, clock.At(3_601_000)))
	fmt.Println(receiver.Now(1000))
	// Output:
	// clock reading is 1h0m0s ahead of this node's clock, more than the bound of 500ms: check the clocks of both nodes
	// 1000.0
}

// Equal times are told apart by the processes' numbers: any order that all agree
// on will do, since it is of concurrent events.
func ExampleBefore() {
	fmt.Println(clock.Before(3, 1, 3, 2), clock.Before(3, 2, 3, 1), clock.Before(4, 1, 3, 2))
	// Output: true false false
}

// A dot names one event, so that it can be found in what another replica has seen.
func ExampleDot() {
	dot, err := clock.ParseDot("2:3")
	if err != nil {
		fmt.Println(err)
		return
	}
	var seen clock.Version
	for range 3 {
		seen.Next(2)
	}
	fmt.Println(dot, seen, seen.Contains(dot), seen.Contains(clock.Dot{Replica: 2, Counter: 4}))
	// Output: 2:3 {2:3} true false
}

// Two replicas change a state at the same time; the versions show the conflict.
func ExampleVersion() {
	var a clock.Version
	a.Next(1)
	b := a.Clone()
	first, second := a.Next(1), b.Next(2)
	fmt.Println(first, second, a.Compare(b))
	a.Merge(b)
	fmt.Println(a, a.Compare(b))
	// Output:
	// 1:2 2:1 concurrent
	// {1:2 2:1} happened after
}
