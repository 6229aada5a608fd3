package check

import (
	"fmt"
	"slices"
	"testing"

	"github.com/anishathalye/porcupine"
	"pgregory.net/rapid"

	"github.com/parleydb/parley/history"
)

// drawOps is a small random history of one key, mostly plausible: results are
// drawn from the few values that are written.
func drawOps(t *rapid.T, kinds []string, distinct bool) []history.Op {
	n := rapid.IntRange(1, 7).Draw(t, "n")
	free := map[int64]int64{}
	next := int64(0)
	var ops []history.Op
	for i := range n {
		p := rapid.Int64Range(0, 3).Draw(t, "process")
		call := max(free[p], rapid.Int64Range(0, 12).Draw(t, "call"))
		ret := call + rapid.Int64Range(0, 6).Draw(t, "length")
		free[p] = ret + 1
		value := func(name string) history.Value {
			v := rapid.Int64Range(0, 3).Draw(t, name)
			if v == 0 {
				return history.Nil
			}
			return history.Int(v)
		}
		fresh := func() history.Value {
			if distinct {
				next++
				return history.Int(next)
			}
			return history.Int(rapid.Int64Range(1, 3).Draw(t, "fresh"))
		}
		op := history.Op{Process: p, Key: "x", Call: call, Return: ret, Outcome: history.OK, Line: i + 1}
		switch op.F = rapid.SampledFrom(kinds).Draw(t, "f"); op.F {
		case history.Read:
			op.Out = value("out")
		case history.Write:
			op.In = fresh()
		case history.CAS:
			op.In = history.List(value("from"), fresh())
			op.Out = history.Bool(distinct || rapid.Bool().Draw(t, "done"))
		case history.Swap:
			op.In, op.Out = fresh(), value("old")
		case history.Delete:
			op.Out = history.Int(rapid.Int64Range(0, 1).Draw(t, "had"))
		case history.Incr:
			op.Out = history.Int(rapid.Int64Range(1, 4).Draw(t, "count"))
		}
		switch rapid.IntRange(0, 9).Draw(t, "outcome") {
		case 0, 1:
			op.Outcome, op.Return, op.Out = history.Info, history.Never, history.Nil
		case 2:
			op.Outcome = history.Fail
		}
		ops = append(ops, op)
	}
	return ops
}

// bruteLinearizable tries every order of every choice of ambiguous operations,
// as the definition says.
func bruteLinearizable(ops []history.Op, initial history.Value) bool {
	vs := newValues()
	done := make([]bool, len(ops))
	var try func(state int32) bool
	try = func(state int32) bool {
		left := false
		for i := range ops {
			left = left || !done[i] && ops[i].Outcome == history.OK
		}
		if !left {
			return true
		}
	next:
		for i := range ops {
			if done[i] || ops[i].Outcome == history.Fail {
				continue
			}
			for j := range ops {
				if !done[j] && j != i && ops[j].Outcome == history.OK && ops[j].Before(&ops[i]) {
					continue next
				}
			}
			c, ok := compileCell(vs, ops[i].F, ops[i].In, ops[i].Out, ops[i].Outcome == history.OK)
			if !ok {
				panic("not a cell operation")
			}
			if after, ok := vs.apply(state, &c); ok {
				done[i] = true
				if try(after) {
					return true
				}
				done[i] = false
			}
		}
		return false
	}
	return try(vs.of(initial))
}

// compareWithBrute checks the verdict, and that what is shown as a violation is
// one.
func compareWithBrute(t *rapid.T, ops []history.Op) {
	want := bruteLinearizable(ops, history.Nil)
	got := Linearizable(ops, KV(), Budget{})
	if (got.Verdict == Holds) != want || got.Verdict == Unknown {
		t.Fatalf("got %v, brute force says %v\n%s", got, want, show(ops))
	}
	for _, v := range got.Violations {
		if len(v.Ops) == 0 || v.Text == "" || v.Kind == "" {
			t.Fatalf("a violation that says nothing: %+v", v)
		}
	}
}

func show(ops []history.Op) string {
	s := ""
	for i := range ops {
		o := &ops[i]
		s += fmt.Sprintf("%d: p%d %s %s in=%s out=%s %s %d..%d %s\n", i, o.Process, o.F, o.Key, o.In, o.Out, tellSteps(o), o.Call, o.Return, o.Outcome)
	}
	return s
}

func TestLinearizableAgainstBruteForce(t *testing.T) {
	all := []string{history.Read, history.Write, history.CAS, history.Swap, history.Delete, history.Incr}
	rapid.Check(t, func(t *rapid.T) { compareWithBrute(t, drawOps(t, all, false)) })
}

func TestRegisterAgainstBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		compareWithBrute(t, drawOps(t, []string{history.Read, history.Read, history.Write}, true))
	})
}

func TestCASChainAgainstBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		compareWithBrute(t, drawOps(t, []string{history.Read, history.Write, history.CAS, history.CAS}, true))
	})
}

// porcupineModel is the same specification for Porcupine.
func porcupineModel() porcupine.Model {
	vs := newValues()
	return porcupine.Model{
		Init: func() any { return int32(0) },
		Step: func(state, in, _ any) (bool, any) {
			op := in.(*history.Op)
			c, _ := compileCell(vs, op.F, op.In, op.Out, op.Outcome == history.OK)
			after, ok := vs.apply(state.(int32), &c)
			return ok, after
		},
	}
}

// TestAgainstPorcupine compares with the reference implementation. Ambiguous
// operations end after everything there, which is the same when they may do
// nothing; so only kinds that may are drawn.
func TestAgainstPorcupine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ops := drawOps(t, []string{history.Read, history.Write, history.CAS, history.Incr}, false)
		var pops []porcupine.Operation
		for i := range ops {
			op := &ops[i]
			if op.Outcome == history.OK {
				pops = append(pops, porcupine.Operation{ClientId: int(op.Process), Input: op, Call: op.Call, Return: op.Return})
			} else if op.Outcome == history.Info {
				ops[i].Outcome = history.Fail // left out on both sides
			}
		}
		want := porcupine.CheckOperations(porcupineModel(), pops)
		if got := Linearizable(ops, KV(), Budget{}); (got.Verdict == Holds) != want {
			t.Fatalf("got %v, Porcupine says %v\n%s", got, want, show(ops))
		}
	})
}

// TestWriteOfTheSameValueIsNotPure: the second write of 1 changes nothing where
// it could come first, but it is needed after the write of 2.
func TestWriteOfTheSameValueIsNotPure(t *testing.T) {
	ops := script(0, "a w x 1; b w x 2; a w x 1; c r x 1")
	ops[2].Call, ops[2].Return = 7, 18
	if r := Linearizable(ops, KV(), Budget{}); r.Verdict != Holds {
		t.Fatal(r)
	}
}

// TestForgettingIsSound: where the whole has an order, what is left after
// forgetting the past up to any time has one too.
func TestForgettingIsSound(t *testing.T) {
	held := 0
	rapid.Check(t, func(t *rapid.T) {
		var ops []*history.Op
		for _, op := range drawOps(t, []string{history.Read, history.Write, history.CAS, history.Swap, history.Delete, history.Incr}, false) {
			if op.Outcome == history.OK {
				ops = append(ops, &op)
			}
		}
		if len(ops) == 0 {
			return
		}
		m, start, err := buildCells(ops, func(string) history.Value { return history.Nil })
		if err != nil {
			t.Fatal(err)
		}
		iv := intervalsOf(ops)
		keep := make([]int, len(ops))
		for i := range keep {
			keep[i] = i
		}
		slices.SortFunc(keep, func(a, b int) int { return int(ops[a].Call - ops[b].Call) })
		if bad(m, start, iv, keep, Budget{}.meter()) {
			return
		}
		held++
		for now := range int64(20) {
			left, shorter := since(iv, keep, now)
			if bad(m, anything, shorter, left, Budget{}.meter()) {
				t.Fatalf("forgetting what was before %d makes it look bad", now)
			}
		}
	})
	if held == 0 {
		t.Error("no history had an order")
	}
}

// TestViolationsAreSmall: a violation at the end of a long run is shown without
// the run.
func TestViolationsAreSmall(t *testing.T) {
	ops := atomicRegisters(3000, 6, 1, false)
	last := ops[len(ops)-1].Return
	for i := range ops {
		last = max(last, ops[i].Return)
	}
	bad := script(last+100, "a incr n 1; a w k0 7; a w k0 8; b r k0 8; b r k0 7")
	r := Linearizable(append(ops, bad...), KV(), Budget{})
	if r.Verdict != Violated || len(r.Violations) != 1 || len(r.Violations[0].Ops) > 3 {
		t.Fatalf("%v: %v", r, r.Violations)
	}
}

// TestForgettingWhatWasRunning: the first write was running when the second one
// returned, and may have come before it.
func TestForgettingWhatWasRunning(t *testing.T) {
	ops := script(0, "a w x 1; b w x 2; c r x 2")
	ops[0].Return, ops[1].Call, ops[1].Return = 20, 10, 12
	ops[2].Call, ops[2].Return = 30, 31
	ps := []*history.Op{&ops[0], &ops[1], &ops[2]}
	m, _, err := buildCells(ps, func(string) history.Value { return history.Nil })
	if err != nil {
		t.Fatal(err)
	}
	left, iv := since(intervalsOf(ps), []int{0, 1, 2}, 15)
	if len(left) != 2 || bad(m, anything, iv, left, Budget{}.meter()) {
		t.Fatal("what was running at the cut must be free to have come before it")
	}
}

// TestSetResults: an add or a remove that tells whether it changed the set.
func TestSetResults(t *testing.T) {
	op := func(f string, elem, out, at int64) history.Op {
		return history.Op{F: f, Key: "s", In: history.Int(elem), Out: history.Int(out), Call: at, Return: at + 1, Outcome: history.OK}
	}
	m, _ := ModelNamed("set", &history.Header{})
	for name, c := range map[string]struct {
		ops  []history.Op
		want Verdict
	}{
		"new, then not":        {[]history.Op{op(history.Add, 1, 1, 0), op(history.Add, 1, 0, 5)}, Holds},
		"new twice":            {[]history.Op{op(history.Add, 1, 1, 0), op(history.Add, 1, 1, 5)}, Violated},
		"not new at first":     {[]history.Op{op(history.Add, 1, 0, 0)}, Violated},
		"removed once":         {[]history.Op{op(history.Add, 1, 1, 0), op(history.Remove, 1, 1, 5), op(history.Remove, 1, 0, 10)}, Holds},
		"removed twice":        {[]history.Op{op(history.Add, 1, 1, 0), op(history.Remove, 1, 1, 5), op(history.Remove, 1, 1, 10)}, Violated},
		"removed, never there": {[]history.Op{op(history.Remove, 1, 1, 5)}, Violated},
	} {
		if r := Linearizable(c.ops, m, Budget{}); r.Verdict != c.want {
			t.Errorf("%s: %v", name, r)
		}
	}
}

// TestStaleReadIsShownByThree: an old value that was read after a newer one was
// written is shown by three operations, also if the newer one was read later.
func TestStaleReadIsShownByThree(t *testing.T) {
	r := Linearizable(script(0, "a w x 1; a w x 2; b r x 1; c r x 2"), Register(history.Nil), Budget{})
	if r.Verdict != Violated || !slices.Equal(r.Violations[0].Ops, []int{0, 1, 2}) {
		t.Error(r)
	}
}
