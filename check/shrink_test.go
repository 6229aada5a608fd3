package check

import (
	"slices"
	"testing"

	"github.com/parleydb/parley/history"
)

// A read that ran beside the stale one and explains nothing is left out of what
// is shown; so is the past.
func TestShrinkLeavesOutReads(t *testing.T) {
	op := func(process int64, f string, value, call, ret int64) history.Op {
		o := history.Op{Process: process, F: f, Key: "x", Call: call, Return: ret, Outcome: history.OK}
		if f == history.Write {
			o.In = history.Int(value)
		} else {
			o.Out = history.Int(value)
		}
		return o
	}
	ops := []history.Op{
		op(1, history.Write, 1, 0, 10), // twice the same value, so that the search judges
		op(1, history.Write, 1, 11, 12),
		op(1, history.Write, 2, 20, 30),
		op(2, history.Read, 2, 40, 50),
		op(3, history.Read, 2, 53, 57),
		op(4, history.Read, 1, 60, 70), // stale
		op(5, history.Read, 2, 61, 69), // beside it: either of these shows it, since nothing is written
		op(6, history.Read, 2, 62, 68),
	}
	r := Linearizable(ops, Register(history.Nil), Budget{})
	if r.Verdict != Violated {
		t.Fatal(r)
	}
	if shown := r.Violations[0].Ops; len(shown) != 2 || !slices.Contains(shown, 5) {
		t.Errorf("shown are %v: %v", shown, r)
	}
}
