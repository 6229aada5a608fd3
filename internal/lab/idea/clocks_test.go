package idea

import (
	"testing"
	"time"

	"github.com/parleydb/parley/clock"
)

func TestLamportPairs(t *testing.T) {
	run := threeProcesses()
	times := run.lamportTimes()
	if kept, all := clockCondition(run, times); kept != all || all == 0 {
		t.Errorf("the clock condition holds for %d of %d", kept, all)
	}
	pairs := orderedConcurrent(run, times)
	if len(pairs) == 0 {
		t.Fatal("no pair")
	}
	vectors := run.vectorTimes()
	for _, p := range pairs {
		if vectors[p[0]].Compare(vectors[p[1]]) != clock.Concurrent || times[p[0]] >= times[p[1]] {
			t.Errorf("%v: %v %v", p, vectors[p[0]], vectors[p[1]])
		}
	}
}

func TestVectorsTell(t *testing.T) {
	run := threeProcesses()
	if right, all := vectorsRight(run, run.vectorTimes()); right != all || all != 36 {
		t.Errorf("%d of %d", right, all)
	}
	// Vectors that never heard of others cannot tell.
	deaf := run
	deaf.events = append([]event(nil), run.events...)
	for i := range deaf.events {
		deaf.events[i].from = none
	}
	if right, all := vectorsRight(run, deaf.vectorTimes()); right == all {
		t.Error("the comparison finds nothing wrong")
	}
}

func TestHappenedBefore(t *testing.T) {
	run := threeProcesses()
	named := map[string]int{}
	for i, e := range run.events {
		named[e.name] = i
	}
	for pair, want := range map[string]bool{"ab": true, "ae": true, "ac": true, "af": true, "xe": true, "ce": false, "ay": false, "ba": false, "fe": false, "aa": false} {
		if got := run.happenedBefore(named[pair[:1]], named[pair[1:]]); got != want {
			t.Errorf("%s: %v", pair, got)
		}
	}
}

func TestHybrid(t *testing.T) {
	run := threeProcesses()
	stamps, wall, err := run.hybridTimes(noon, hybridOff)
	if err != nil {
		t.Fatal(err)
	}
	f := compareWithWall(run, stamps, wall)
	if f.hybridWrong != 0 || f.wallWrong == 0 || f.pairs != 15 {
		t.Errorf("%+v", f)
	}
	if f.ahead > hybridOff[0]-hybridOff[2] {
		t.Errorf("a reading is %d ms ahead of its wall clock", f.ahead)
	}
}

func TestTwoWriters(t *testing.T) {
	for _, c := range []struct {
		apart, skew           time.Duration
		wall, hybrid, unheard bool
	}{
		{50 * time.Millisecond, 200 * time.Millisecond, false, true, false},
		{50 * time.Millisecond, 50 * time.Millisecond, false, true, false},
		{50 * time.Millisecond, 20 * time.Millisecond, true, true, true},
	} {
		f, err := twoWriters(c.apart, c.skew)
		if err != nil {
			t.Fatal(err)
		}
		if f.laterByWall() != c.wall || f.laterByHybrid() != c.hybrid || f.laterUnheard() != c.unheard {
			t.Errorf("%v apart, %v ahead: %v %v %v", c.apart, c.skew, f.laterByWall(), f.laterByHybrid(), f.laterUnheard())
		}
	}
}
