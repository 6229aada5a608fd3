package idea

import (
	"context"
	"errors"
	"fmt"

	"github.com/parleydb/parley/clock"
	"github.com/parleydb/parley/internal/lab/spacetime"
	"github.com/parleydb/parley/internal/lab/story"
)

func lamport() idea {
	return idea{
		name: "lamport", section: inClocks,
		short: "Lamport clocks order a pair that is concurrent",
		long: `A counter on each process, raised by every event, sent along with messages, and
raised above what arrives (Lamport, "Time, Clocks, and the Ordering of Events in a
Distributed System", 1978). If one event happened before another, its time is the
lower one. The converse does not hold, and this finds the pairs that show it.

The times are computed by package clock (clock/lamport.go).`,
		example: "  parley lab lamport\n  parley lab lamport --out lamport.svg",
		run: func(_ context.Context, s *story.Stage) (*spacetime.Diagram, error) {
			t := threeProcesses()
			times := t.lamportTimes()
			pairs := orderedConcurrent(t, times)
			if len(pairs) == 0 {
				return nil, errors.New("this run has no concurrent pair that is ordered")
			}
			s.Say("Three processes; a message goes from p to q, and later one from q to r. Each event gets the next number of its process, and an arrival one above the number that came.")
			s.Step("The run, in the order of true time, which no process knows")
			rows := [][]string{{"event", "", "Lamport time"}}
			for i, e := range t.events {
				rows = append(rows, []string{e.name, t.what(i), fmt.Sprint(times[i])})
			}
			s.Table(rows...)
			s.Step("What the numbers promise")
			kept, all := clockCondition(t, times)
			s.Good("%d pairs of events of which one happened before the other: its number is the lower one in %d of them.", all, kept)
			s.Step("What they do not")
			a, b := neighbours(t, pairs)
			s.Bad("%s has %d and %s has %d, so %s looks earlier. But no message leads from %s to %s or back: they are concurrent.", t.events[a].name, times[a], t.events[b].name, times[b], t.events[a].name, t.events[a].name, t.events[b].name)
			s.Say("There are %d such pairs here. So from two Lamport times one can never conclude that one event caused the other; only that the later one did not cause the earlier. With process numbers to break ties they give one total order, which is what a lock queue or a last-writer-wins register needs: an order that respects causes, not one that tells them.", len(pairs))
			s.Next("parley lab vector          # clocks that do tell", "parley lab hlc             # clocks that are near real time too", "go doc github.com/parleydb/parley/clock")
			d := t.picture("Lamport clocks", "Each event with its time", func(i int) string { return fmt.Sprint(times[i]) })
			markPair(d, t, a, b, fmt.Sprintf("%d < %d, yet concurrent", times[a], times[b]))
			return d, nil
		},
	}
}

func vector() idea {
	return idea{
		name: "vector", section: inClocks,
		short: "vector clocks tell what is concurrent",
		long: `A counter for each process instead of one number: what each event knows of all
processes (Fidge 1988; Mattern 1989). One event happened before another if and only
if its vector is less; if neither is less, they are concurrent. A database that
keeps vectors with its values (or dots, or version vectors) can tell an overwrite
from a conflict.

The vectors are computed by package clock (clock/vector.go), for the run of
'parley lab lamport'.`,
		example: "  parley lab vector\n  parley lab vector --out vector.svg",
		run: func(_ context.Context, s *story.Stage) (*spacetime.Diagram, error) {
			t := threeProcesses()
			vectors, numbers := t.vectorTimes(), t.lamportTimes()
			pairs := orderedConcurrent(t, numbers)
			if len(pairs) == 0 {
				return nil, errors.New("this run has no concurrent pair that Lamport's clocks order")
			}
			s.Say("The same run as in `parley lab lamport`. A vector has one number for each of p, q, r: how many of its events are known. An arrival takes the larger of each, and counts itself.")
			s.Step("The run")
			rows := [][]string{{"event", "", "Lamport", "vector"}}
			for i, e := range t.events {
				rows = append(rows, []string{e.name, t.what(i), fmt.Sprint(numbers[i]), vectors[i].String()})
			}
			s.Table(rows...)
			s.Step("Comparing them")
			for _, p := range comparedPairs(t, pairs) {
				a, b := p[0], p[1]
				s.Saw("%s %s and %s %s: %s", t.events[a].name, vectors[a], t.events[b].name, vectors[b], relation(vectors[a].Compare(vectors[b]), t.events[a].name, t.events[b].name))
			}
			right, all := vectorsRight(t, vectors)
			s.Good("All %d pairs of events: the vectors say what the messages say in %d of them.", all, right)
			s.Say("The price is their size, one number for each process that ever wrote. Dots and version vectors (clock/dot.go, clock/version.go) count replicas instead of clients; a Parley token counts sites. No smaller clock can tell all pairs apart (Charron-Bost 1991).")
			s.Next("parley lab lamport         # one number, and what it cannot tell", "go test -v -run Example ./clock", "parley check FILE --level causal   # judge a recorded history by causes")
			a, b := neighbours(t, pairs)
			d := t.picture("Vector clocks", "Each event with what it knows of p, q and r", func(i int) string { return vectors[i].String() })
			markPair(d, t, a, b, "neither is less: concurrent")
			return d, nil
		},
	}
}

func relation(o clock.Order, a, b string) string {
	switch o {
	case clock.HappenedBefore:
		return a + " happened before " + b
	case clock.HappenedAfter:
		return b + " happened before " + a
	}
	return "concurrent"
}

// clockCondition counts the pairs of which the first happened before the
// second, and those of them in which it has the lower time: all, by Lamport's
// clock condition.
func clockCondition(t trace, times []uint64) (kept, all int) {
	for b := range t.events {
		for a := range b {
			if !t.happenedBefore(a, b) {
				continue
			}
			all++
			if times[a] < times[b] {
				kept++
			}
		}
	}
	return kept, all
}

// orderedConcurrent are the pairs of which the first has the lower time, though
// neither happened before the other.
func orderedConcurrent(t trace, times []uint64) (pairs [][2]int) {
	for a := range t.events {
		for b := range t.events {
			if times[a] < times[b] && !t.happenedBefore(a, b) && !t.happenedBefore(b, a) {
				pairs = append(pairs, [2]int{a, b})
			}
		}
	}
	return pairs
}

// neighbours is a pair of events on processes that are next to each other in a
// picture, or the first pair.
func neighbours(t trace, pairs [][2]int) (a, b int) {
	for _, p := range pairs {
		if d := t.events[p[0]].process - t.events[p[1]].process; d == 1 || d == -1 {
			return p[0], p[1]
		}
	}
	return pairs[0][0], pairs[0][1]
}

// comparedPairs are three pairs to look at: the next of a process, over a
// message, and one that is concurrent.
func comparedPairs(t trace, concurrent [][2]int) (pairs [][2]int) {
	for i, e := range t.events {
		if e.from != none {
			pairs = append(pairs, [2]int{e.from, i})
		}
	}
	last := len(t.events) - 1
	for i := last; i >= 0; i-- {
		if t.happenedBefore(0, i) && t.events[i].process == len(t.processes)-1 {
			pairs = append(pairs, [2]int{0, i}) // through two messages
			break
		}
	}
	a, b := neighbours(t, concurrent)
	return append(pairs, [2]int{a, b})
}

// vectorsRight counts the pairs for which the vectors say what the definition
// of happened-before says, and all pairs.
func vectorsRight(t trace, vectors []clock.Vector) (right, all int) {
	for b := range t.events {
		for a := range b {
			want := clock.Concurrent
			switch {
			case t.happenedBefore(a, b):
				want = clock.HappenedBefore
			case t.happenedBefore(b, a):
				want = clock.HappenedAfter
			}
			all++
			if vectors[a].Compare(vectors[b]) == want {
				right++
			}
		}
	}
	return right, all
}
