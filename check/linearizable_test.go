package check

import (
	"fmt"
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
