package idea

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"github.com/parleydb/parley/clock"
	"github.com/parleydb/parley/internal/lab/spacetime"
	"github.com/parleydb/parley/internal/lab/story"
)

func clockSkew() idea {
	var apart, skew time.Duration
	live := true
	var port int
	return idea{
		name: "clock-skew", section: inClocks,
		short: "the later of two writes is lost by wall clocks",
		long: `Two writers write the same key, one --apart after the other. The first one's clock
is --skew ahead. Where the last writer wins by the wall clock, the later write is
lost, and nobody is told. With hybrid clocks it wins, if the second writer had
heard of the first; if not, the two are concurrent, and no logical clock can help.

Then the same with a Parley cluster: the clock of the leader is set ahead, it
takes the first write and is killed, and the second write goes through another
leader. Its stamp is above, by a clock that is behind.`,
		example: `  parley lab clock-skew
  parley lab clock-skew --apart 10ms --skew 1s
  parley lab clock-skew --live=false --out skew.svg`,
		flags: func(f *pflag.FlagSet) {
			f.DurationVar(&apart, "apart", 50*time.Millisecond, "how long after the first the second write comes; at least 2ms")
			f.DurationVar(&skew, "skew", 200*time.Millisecond, "how far the first writer's clock is ahead")
			f.BoolVar(&live, "live", true, "show it on a cluster, too")
			portFlag(f, &port)
		},
		run: func(ctx context.Context, s *story.Stage) (*spacetime.Diagram, error) {
			if apart < 2*time.Millisecond || skew < 0 || apart > time.Hour || skew > time.Hour {
				return nil, &story.ExitError{Code: story.ExitUsage, Err: fmt.Errorf("--apart must be 2ms to 1h, and --skew 0s to 1h")}
			}
			found, err := twoWriters(apart, skew)
			if err != nil {
				return nil, err
			}
			tellSkew(s, found)
			if live {
				if err := tellLiveSkew(ctx, s, port); err != nil {
					return nil, err
				}
			}
			s.Next("parley lab hlc             # how the hybrid clock does it", "parley lab fallacies       # a clock beyond the bound", "parley fault clock n3 2s   # on a cluster of 'parley dev'")
			return found.picture(), nil
		},
	}
}

// skewFound is who wins, and by which stamps.
type skewFound struct {
	apart, skew time.Duration
	wall        [2]int64           // what the two wall clocks showed
	hybrid      [2]clock.Timestamp // the second writer had heard of the first
	apartHybrid [2]clock.Timestamp // it had not
}

// twoWriters stamps two writes. The second writer's clock is right.
func twoWriters(apart, skew time.Duration) (skewFound, error) {
	f := skewFound{apart: apart, skew: skew}
	second := noon + apart.Milliseconds()
	f.wall = [2]int64{noon + skew.Milliseconds(), second}
	var one, two, deaf clock.HLC
	f.hybrid[0] = one.Now(f.wall[0])
	if err := two.Receive(noon+apart.Milliseconds()/2, f.hybrid[0]); err != nil {
		return f, err
	}
	f.hybrid[1] = two.Now(second)
	f.apartHybrid = [2]clock.Timestamp{f.hybrid[0], deaf.Now(second)}
	return f, nil
}

// Who wins by each clock: true if the later write.
func (f skewFound) laterByWall() bool   { return f.wall[1] > f.wall[0] }
func (f skewFound) laterByHybrid() bool { return f.hybrid[1] > f.hybrid[0] }
func (f skewFound) laterUnheard() bool  { return f.apartHybrid[1] > f.apartHybrid[0] }

func tellSkew(s *story.Stage, f skewFound) {
	s.Say("Writer A writes x=first. %v later writer B, who has seen that, writes x=second. Everybody would say that x is second. A's clock is %v ahead, B's is right. The last writer wins: each value is kept with a stamp, and the higher stamp stays. Milliseconds since A's write:", f.apart, f.skew)
	winner := func(later bool) string {
		if later {
			return "second"
		}
		return "first (lost: second)"
	}
	s.Line("")
	s.Table(
		[]string{"stamps by", "x=first", "x=second", "x is in the end"},
		[]string{"wall clocks", fmt.Sprint(f.wall[0] - noon), fmt.Sprint(f.wall[1] - noon), winner(f.laterByWall())},
		[]string{"hybrid clocks", shortStamp(f.hybrid[0]), shortStamp(f.hybrid[1]), winner(f.laterByHybrid())},
		[]string{"hybrid, B had not seen it", shortStamp(f.apartHybrid[0]), shortStamp(f.apartHybrid[1]), winner(f.laterUnheard())},
	)
	s.Line("")
	if f.laterByWall() {
		s.Say("Here the skew is less than the writes are apart, so even wall clocks get it right.")
	} else {
		s.Bad("By wall clocks the later write is gone, though it was acknowledged. No error, no trace: an old value came back.")
	}
	s.Good("With hybrid clocks B's stamp is above what B has seen, whatever B's wall clock says.")
	s.Say("The last row is the limit: if B had not heard of A's write, the two are concurrent for any logical clock. Then it takes one place that orders all writes (a leader, as in Parley's strong keyspaces), or clocks with a known error and waiting it out (Spanner's TrueTime).")
}

func (f skewFound) picture() *spacetime.Diagram {
	heard := spacetime.Arrow{FromLane: 0, ToLane: 1, From: 0, To: f.apart.Nanoseconds() / 2, Label: "B sees x=first"}
	mood := spacetime.Bad
	if f.laterByWall() {
		mood = spacetime.Good
	}
	label := func(value string, wall int64, hybrid clock.Timestamp) string {
		return fmt.Sprintf("%s: %d / %s", value, wall-noon, shortStamp(hybrid))
	}
	return &spacetime.Diagram{
		Title:    "Two writers",
		Subtitle: fmt.Sprintf("%v apart; A's clock is %v ahead; milliseconds", f.apart, f.skew),
		Lanes:    []spacetime.Lane{{Name: "A", Kind: "client"}, {Name: "B", Kind: "client"}},
		Events: []spacetime.Event{
			{Lane: 0, At: 0, Label: label("first", f.wall[0], f.hybrid[0])},
			{Lane: 1, At: f.apart.Nanoseconds(), Label: label("second", f.wall[1], f.hybrid[1]), Mood: mood},
		},
		Arrows: []spacetime.Arrow{heard},
		Notes: []string{
			"Each write of x with its stamp by the writer's wall clock / by its hybrid clock.",
			"The higher stamp stays. By wall clocks the later write is lost if A's clock is further ahead than the writes are apart.",
			"By hybrid clocks it stays: B's clock shows no less than what B has seen.",
		},
	}
}
