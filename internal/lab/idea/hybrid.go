package idea

import (
	"context"
	"fmt"
	"time"

	"github.com/parleydb/parley/clock"
	"github.com/parleydb/parley/internal/lab/spacetime"
	"github.com/parleydb/parley/internal/lab/story"
)

// noon is the start of runs that need a date, in milliseconds since 1970.
const noon = int64(1_800_000_000_000)

// hybridOff is how far the wall clocks of p, q and r are off, in milliseconds.
var hybridOff = []int64{30, 0, -15}

func hybrid() idea {
	return idea{
		name: "hlc", section: inClocks,
		short: "hybrid logical clocks: near real time, in the order of causes",
		long: `A hybrid logical clock shows the wall clock's milliseconds and a counter, and never
less than what it has shown or received (Kulkarni, Demirbas, Madappa, Avva and
Leone, "Logical Physical Clocks", 2014). So it keeps the order of causes as
Lamport's does, and stays as near to real time as the worst wall clock.

Every entry of a Parley log carries such a stamp; RECEIPT LAST shows it. The
readings are computed by package clock (clock/hlc.go), for the run of
'parley lab lamport' with wall clocks that are off.`,
		example: "  parley lab hlc\n  parley lab hlc --out hlc.svg",
		run: func(_ context.Context, s *story.Stage) (*spacetime.Diagram, error) {
			t := threeProcesses()
			stamps, wall, err := t.hybridTimes(noon, hybridOff)
			if err != nil {
				return nil, err
			}
			s.Say("The run of `parley lab lamport`, with wall clocks that are off: p's by %+d ms, r's by %+d ms. All times in milliseconds since the run began.", hybridOff[0], hybridOff[2])
			s.Step("The run")
			rows := [][]string{{"event", "", "true time", "wall clock", "hybrid clock"}}
			for i, e := range t.events {
				rows = append(rows, []string{e.name, t.what(i), fmt.Sprint(e.at), fmt.Sprint(wall[i] - noon), shortStamp(stamps[i])})
			}
			s.Table(rows...)
			s.Step("Causes")
			found := compareWithWall(t, stamps, wall)
			s.Bad("wall clocks: of %d pairs with a cause and its effect, %d show the effect before, or with, its cause.", found.pairs, found.wallWrong)
			s.Good("hybrid clocks: %d.", found.hybridWrong)
			s.Good("No reading is further from the wall clock of its process than %d ms; the clocks are %d ms apart.", found.ahead, hybridOff[0]-hybridOff[2])
			s.Step("A clock that is too far ahead")
			skew, err := refused()
			if err != nil {
				return nil, err
			}
			s.Good("A clock that is bound to 500 ms refuses a reading that is 2 s ahead: %s.", skew)
			s.Say("Without a bound one broken clock would drag all others with it, for ever, since a hybrid clock never goes back. A Parley node whose clock is off by more than --clock-bound (500 ms) stamps nothing.")
			s.Next("parley lab clock-skew      # what goes wrong with wall clocks alone", "parley lab lamport", "parley dev                 # then redis-cli: SET a 1, RECEIPT LAST")
			d := t.picture("Hybrid logical clocks", "Each event with its hybrid reading; in brackets the wall clock, which is off", func(i int) string {
				return fmt.Sprintf("%s (%d)", shortStamp(stamps[i]), wall[i]-noon)
			})
			for i := range d.Events {
				if stamps[i].Millis() != wall[i] {
					d.Events[i].Mood = spacetime.Good
				}
			}
			d.Notes = []string{"Milliseconds, then a counter. Green: the clock is ahead of its wall clock, because of what it has received."}
			return d, nil
		},
	}
}

// shortStamp is a reading since noon.
func shortStamp(t clock.Timestamp) string {
	return fmt.Sprintf("%d.%d", t.Millis()-noon, t.Logical())
}

// hybridFound is how the two kinds of clocks keep the order of causes.
type hybridFound struct {
	pairs, wallWrong, hybridWrong int
	ahead                         int64 // the furthest of a reading from its wall clock; ms
}

func compareWithWall(t trace, stamps []clock.Timestamp, wall []int64) (f hybridFound) {
	for b := range t.events {
		f.ahead = max(f.ahead, stamps[b].Millis()-wall[b])
		for a := range b {
			if !t.happenedBefore(a, b) {
				continue
			}
			f.pairs++
			if wall[a] >= wall[b] {
				f.wallWrong++
			}
			if stamps[a] >= stamps[b] {
				f.hybridWrong++
			}
		}
	}
	return f
}

// refused shows a reading that a clock with a bound does not take.
func refused() (string, error) {
	c := clock.HLC{Bound: 500 * time.Millisecond}
	before := c.Now(noon)
	err := c.Receive(noon, clock.At(noon+2000))
	if err == nil || c.Last() != before {
		return "", fmt.Errorf("a reading 2 s ahead was taken by a clock with a bound of %v", c.Bound)
	}
	return err.Error(), nil
}
