package nemesis

import (
	"reflect"
	"testing"
	"time"

	"github.com/parleydb/parley/internal/lab"
)

var pace = Pace{Fault: 2 * time.Second, Quiet: time.Second}

func TestPlan(t *testing.T) {
	wishes, err := Parse([]string{"all"}, kinds, 5)
	if err != nil {
		t.Fatal(err)
	}
	const length = 5 * time.Minute
	plan := Plan(3, wishes, 5, length, pace)
	if !reflect.DeepEqual(plan, Plan(3, wishes, 5, length, pace)) {
		t.Error("the same seed gives another schedule")
	}
	if reflect.DeepEqual(plan, Plan(4, wishes, 5, length, pace)) {
		t.Error("another seed gives the same schedule")
	}
	came := map[lab.FaultKind]bool{}
	shapesSeen := map[lab.Shape]bool{}
	together := 0
	for i, p := range plan {
		came[p.Fault.Kind], shapesSeen[p.Fault.Shape] = true, true
		if p.At+p.For > length || p.For <= 0 {
			t.Errorf("%+v is not within the run", p)
		}
		if p.Fault.Shape == lab.ShapeFlip && i != len(plan)-1 {
			t.Error("bytes are flipped before the end")
		}
		if i == 0 {
			continue
		}
		switch last := plan[i-1]; {
		case p.At == last.At:
			together++
			if Outside(last.Fault.Kind) || !Outside(p.Fault.Kind) {
				t.Errorf("%v and %v together", last.Fault, p.Fault)
			}
		case p.At < last.At+last.For:
			t.Errorf("%v begins before %v ends", p.Fault, last.Fault)
		}
	}
	for _, k := range kinds {
		if !came[k] {
			t.Errorf("no %s in %d faults", k, len(plan))
		}
		for _, s := range shapes[k] {
			if !shapesSeen[s] {
				t.Errorf("no %s:%s in %d faults", k, s, len(plan))
			}
		}
	}
	if together == 0 || together > len(plan)/2 {
		t.Errorf("%d of %d faults come together", together, len(plan))
	}
}

// A run that is long enough for a short fault has one, whatever length is drawn.
func TestPlanOfAShortRun(t *testing.T) {
	wishes := []Wish{{Kind: lab.FaultKill}}
	for seed := range uint64(100) {
		length := 2*pace.Quiet + pace.Fault/2
		if plan := Plan(seed, wishes, 3, length, pace); len(plan) != 1 || plan[0].At+plan[0].For > length {
			t.Fatalf("seed %d: %+v in %v", seed, plan, length)
		}
		if plan := Plan(seed, wishes, 3, length-1, pace); len(plan) != 0 {
			t.Fatalf("seed %d: %+v although there is no time", seed, plan)
		}
	}
}

func TestParse(t *testing.T) {
	few := []lab.FaultKind{lab.FaultKill, lab.FaultPartition}
	for _, c := range []struct {
		names []string
		nodes int
		want  int // wishes; -1: refused
	}{
		{[]string{"all"}, 3, 2},
		{[]string{"none"}, 3, 0},
		{[]string{"kill", "partition:bridge"}, 3, 2},
		{[]string{"partition:ring"}, 3, -1}, // a ring of three is not cut
		{[]string{"partition:ring"}, 4, 1},
		{[]string{"partition"}, 1, -1},
		{[]string{"disk"}, 3, -1}, // not offered
		{[]string{"kill:full"}, 3, -1},
		{[]string{"fire"}, 3, -1},
		{[]string{"partition:halves+kill", "kill"}, 3, 2},
		{[]string{"partition+fire"}, 3, -1},
		{[]string{"partition+disk"}, 3, -1}, // not offered
	} {
		wishes, err := Parse(c.names, few, c.nodes)
		if (err != nil) != (c.want < 0) || err == nil && len(wishes) != c.want {
			t.Errorf("%v with %d nodes: %v, %v", c.names, c.nodes, wishes, err)
		}
	}
}

// What is asked for together begins one after the other and ends together.
func TestPlanTogether(t *testing.T) {
	wishes, err := Parse([]string{"delay+kill"}, kinds, 3)
	if err != nil || wishes[0].String() != "delay+kill" {
		t.Fatalf("%v, %v", wishes, err)
	}
	plan := Plan(1, wishes, 3, time.Minute, pace)
	if len(plan) < 8 || len(plan)%2 != 0 {
		t.Fatalf("%d faults in a minute", len(plan))
	}
	for i := 0; i < len(plan); i += 2 {
		a, b := plan[i], plan[i+1]
		if a.Fault.Kind != lab.FaultDelay || b.Fault.Kind != lab.FaultKill || a.At != b.At || a.For != b.For || a.After != 0 || b.After != a.For/2 {
			t.Errorf("%+v and %+v", a, b)
		}
	}
	if _, err := Parse([]string{"kill+disk:flip"}, kinds, 3); err == nil {
		t.Error("a node that never comes back is killed together with others")
	}
}
