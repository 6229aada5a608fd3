package schedule

import (
	"testing"

	"github.com/parleydb/parley/check"
	"github.com/parleydb/parley/history"
	"github.com/parleydb/parley/internal/lab"
)

// A target that does everything right passes.
func TestRightTarget(t *testing.T) {
	Operations(t, newFake(), "best")
	Faults(t, newFake())
	NoAnswer(t, newFake(), 0)
}

// Whatever operation of a target goes wrong, it is noticed.
func TestWrongOperationsAreNoticed(t *testing.T) {
	for model, all := range operations {
		for i, o := range all {
			seen := 0
			f := newFake()
			f.wrong = func(op *history.Op) {
				if op.F == o.f && op.Key == o.key {
					if seen++; seen == nth(all, i) {
						op.Out = history.String("nonsense")
					}
				}
			}
			if !fails(t, func(t testing.TB) { Operations(t, f, "best") }) {
				t.Errorf("%s: a wrong answer to operation %d, %s %s, is not noticed", model, i, o.f, o.key)
			}
		}
	}
	for name, wrong := range map[string]func(*history.Op){
		"refused operations are acknowledged": func(op *history.Op) { op.Outcome = history.OK },
		"refused operations are in doubt": func(op *history.Op) {
			if op.Outcome == history.Fail {
				op.Outcome = history.Info
			}
		},
		"everything fails": func(op *history.Op) { op.Outcome = history.Fail },
		"transactions see nothing of themselves": func(op *history.Op) {
			if op.F == history.Txn && len(op.Txn) > 1 {
				op.Txn[1].Out = history.List()
			}
		},
	} {
		f := newFake()
		f.wrong = wrong
		if !fails(t, func(t testing.TB) { Operations(t, f, "best") }) {
			t.Errorf("not noticed: %s", name)
		}
	}
}

// nth is how many operations before i, and i itself, look like i.
func nth(all []operation, i int) (n int) {
	for _, o := range all[:i+1] {
		if o.f == all[i].f && o.key == all[i].key {
			n++
		}
	}
	return n
}

// So is a target that takes sessions and faults that it does not have, and one
// that is sure of what it cannot know.
func TestWrongTargetsAreNoticed(t *testing.T) {
	f := newFake()
	f.any = true
	for name, test := range map[string]func(testing.TB){
		"sessions": func(t testing.TB) { Operations(t, f, "best") },
		"faults":   func(t testing.TB) { Faults(t, f) },
	} {
		if !fails(t, test) {
			t.Errorf("%s that are not there are taken", name)
		}
	}
	for name, wrong := range map[history.Outcome]history.Outcome{history.Fail: history.Info, history.Info: history.Fail} {
		f := newFake()
		f.wrong = func(op *history.Op) {
			if op.Outcome == name {
				op.Outcome = wrong
			}
		}
		if !fails(t, func(t testing.TB) { NoAnswer(t, f, 0) }) {
			t.Errorf("without an answer, %s instead of %s is not noticed", wrong, name)
		}
	}
}

// What is done outside of a test's sight ends with it, and a verdict that is not
// the wanted one fails it.
func TestSchedule(t *testing.T) {
	f := newFake()
	t.Run("fault", func(t *testing.T) {
		New(t, f, history.Header{}).Inject(lab.Fault{Kind: lab.FaultPause})
		if !f.still {
			t.Error("no fault was made")
		}
	})
	if f.still {
		t.Error("the fault outlives its test")
	}
	s := New(t, f, history.Header{})
	c := s.Open(0, "")
	c.OK(history.Write, "x", history.Int(1))
	c.Until(history.Read, "x", history.Int(1))
	f.values["x"] = history.Int(0) // lost
	c.OK(history.Read, "x", history.Nil)
	s.Judge("linearizable", check.Violated)
	if !fails(t, func(t testing.TB) {
		s.t = t
		s.Judge("linearizable", check.Holds)
	}) {
		t.Error("a verdict that is not wanted is not noticed")
	}
}
