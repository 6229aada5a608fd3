package idea

import (
	"fmt"

	"github.com/parleydb/parley/clock"
	"github.com/parleydb/parley/internal/lab/spacetime"
)

// event is something that happens on a process: a step of its own, the sending
// of a message, or the arrival of one.
type event struct {
	name    string
	process int
	at      int64 // true time, in milliseconds, which no process knows
	from    int   // for an arrival: which event sent the message; else none
}

const none = -1

// trace is a run of a few processes, its events in the order of true time.
type trace struct {
	processes []string
	events    []event
}

// threeProcesses is the run that the ideas about logical clocks share: p and r
// begin on their own, and r hears of p only through q.
func threeProcesses() trace {
	return trace{
		processes: []string{"p", "q", "r"},
		events: []event{
			{"a", 0, 10, none}, // p sends to q
			{"x", 2, 12, none}, // r by itself
			{"b", 1, 22, 0},    // q hears from p
			{"c", 0, 26, none}, // p by itself
			{"y", 2, 30, none}, // r by itself
			{"d", 1, 34, none}, // q sends to r
			{"z", 2, 40, none}, // r by itself
			{"e", 2, 48, 5},    // r hears from q
			{"f", 0, 54, none}, // p by itself
		},
	}
}

// lamportTimes are the events' times by Lamport's clocks.
func (t trace) lamportTimes() []uint64 {
	clocks := make([]clock.Lamport, len(t.processes))
	times := make([]uint64, len(t.events))
	for i, e := range t.events {
		if e.from == none {
			times[i] = clocks[e.process].Tick()
		} else {
			times[i] = clocks[e.process].Receive(times[e.from])
		}
	}
	return times
}

// vectorTimes are the events' times by vector clocks.
func (t trace) vectorTimes() []clock.Vector {
	clocks := make([]clock.Vector, len(t.processes))
	for i := range clocks {
		clocks[i] = make(clock.Vector, len(t.processes))
	}
	times := make([]clock.Vector, len(t.events))
	for i, e := range t.events {
		v := clocks[e.process]
		if e.from == none {
			v.Tick(e.process)
		} else {
			v.Receive(e.process, times[e.from])
		}
		times[i] = v.Clone()
	}
	return times
}

// hybridTimes are the events' times by hybrid clocks, where each process's wall
// clock is off by so many milliseconds, and what the wall clocks showed.
func (t trace) hybridTimes(start int64, off []int64) (times []clock.Timestamp, wall []int64, err error) {
	clocks := make([]clock.HLC, len(t.processes))
	for _, e := range t.events {
		c := &clocks[e.process]
		shown := start + e.at + off[e.process]
		if e.from != none {
			if err := c.Receive(shown, times[e.from]); err != nil {
				return nil, nil, err
			}
		}
		times, wall = append(times, c.Now(shown)), append(wall, shown)
	}
	return times, wall, nil
}

// follows says whether an event comes right after another: as the next one of
// its process, or as the arrival of its message.
func (t trace) follows(later, earlier int) bool {
	if t.events[later].from == earlier {
		return true
	}
	for i := later - 1; i >= 0; i-- {
		if t.events[i].process == t.events[later].process {
			return i == earlier
		}
	}
	return false
}

// happenedBefore is Lamport's relation, by its definition: the reachable.
func (t trace) happenedBefore(a, b int) bool {
	for i := range b {
		if t.follows(b, i) && (i == a || t.happenedBefore(a, i)) {
			return true
		}
	}
	return false
}

// picture draws the run with a label for each event.
func (t trace) picture(title, subtitle string, label func(i int) string) *spacetime.Diagram {
	d := &spacetime.Diagram{Title: title, Subtitle: subtitle}
	for _, p := range t.processes {
		d.Lanes = append(d.Lanes, spacetime.Lane{Name: p, Kind: "node"})
	}
	for i, e := range t.events {
		d.Events = append(d.Events, spacetime.Event{Lane: e.process, At: nanos(e.at), Label: e.name + " " + label(i)})
		if e.from != none {
			sent := t.events[e.from]
			d.Arrows = append(d.Arrows, spacetime.Arrow{
				FromLane: sent.process, ToLane: e.process, From: nanos(sent.at), To: nanos(e.at),
				Detail: fmt.Sprintf("message from %s to %s", sent.name, e.name),
			})
		}
	}
	return d
}

// markPair shows two events of the picture of a run, and how they stand.
func markPair(d *spacetime.Diagram, t trace, a, b int, label string) {
	d.Events[a].Mood, d.Events[b].Mood = spacetime.Bad, spacetime.Bad
	d.Arrows = append(d.Arrows, spacetime.Arrow{
		FromLane: t.events[a].process, ToLane: t.events[b].process, From: nanos(t.events[a].at), To: nanos(t.events[b].at),
		Label: label, Mood: spacetime.Bad, Dashed: true,
	})
}

func nanos(millis int64) int64 { return millis * 1e6 }

// what says what an event is.
func (t trace) what(i int) string {
	e := t.events[i]
	if e.from != none {
		return fmt.Sprintf("%s hears from %s", t.processes[e.process], t.processes[t.events[e.from].process])
	}
	for _, o := range t.events {
		if o.from == i {
			return fmt.Sprintf("%s sends to %s", t.processes[e.process], t.processes[o.process])
		}
	}
	return fmt.Sprintf("%s by itself", t.processes[e.process])
}
