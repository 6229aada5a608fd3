package check

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/parleydb/parley/history"
)

// drawCart is a correct history of a set whose elements are added and removed
// once.
func drawCart(t *rapid.T) *history.History {
	var elems []history.Value
	removed := int64(0)
	h := drawEffects(t, []string{history.Add, history.Add, history.Remove, history.Read}, func(op *history.Op, happens bool) {
		switch op.F {
		case history.Read:
			op.Out = history.List(elems...)
		case history.Add:
			if happens {
				elems = append(elems, op.In)
			}
		case history.Remove:
			removed++
			op.In = history.Int(removed)
			for i, e := range elems {
				if happens && e == op.In {
					elems = append(elems[:i:i], elems[i+1:]...)
					break
				}
			}
		}
	})
	return h
}

func TestExactlyOnceTakesCarts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		if r := ExactlyOnce(drawCart(t)); r.Verdict == Violated {
			t.Fatal(r)
		}
	})
}

func TestExactlyOnceOfCarts(t *testing.T) {
	at := func(f string, in history.Value, call, ret int64) history.Op {
		return history.Op{F: f, Key: "c", In: in, Call: call, Return: ret, Outcome: history.OK, Process: call}
	}
	add, remove := at(history.Add, history.Int(1), 0, 1), at(history.Remove, history.Int(1), 2, 3)
	other := at(history.Add, history.Int(2), 0, 1)
	read := func(call int64, elems ...int64) history.Op {
		op := at(history.Read, history.Nil, call, call+1)
		var vs []history.Value
		for _, e := range elems {
			vs = append(vs, history.Int(e))
		}
		op.Out = history.List(vs...)
		return op
	}
	unsure := remove
	unsure.Outcome, unsure.Return = history.Info, history.Never
	refused := remove
	refused.Outcome = history.Fail
	early := remove
	early.Call, early.Return = 0, 1
	late := remove
	late.Call, late.Return = 10, 11
	for name, c := range map[string]struct {
		ops  []history.Op
		kind string
	}{
		"removed":                 {[]history.Op{add, other, remove, read(4, 2)}, ""},
		"the other one is lost":   {[]history.Op{add, other, remove, read(4)}, "lost"},
		"came back":               {[]history.Op{add, other, remove, read(4, 1, 2)}, "came back"},
		"removal unknown, gone":   {[]history.Op{add, unsure, read(4)}, ""},
		"removal unknown, there":  {[]history.Op{add, unsure, read(4, 1)}, ""},
		"removal failed, gone":    {[]history.Op{add, refused, read(4)}, "lost"},
		"removed while added":     {[]history.Op{add, early, read(4, 1)}, ""},
		"removed after the read":  {[]history.Op{add, read(4), late}, "lost"},
		"removed, read meanwhile": {[]history.Op{add, remove, read(3, 1)}, ""},
	} {
		r := ExactlyOnce(&history.History{Ops: c.ops})
		if kind := kindOf(r); kind != c.kind {
			t.Errorf("%s: %q, want %q: %v", name, kind, c.kind, r)
		}
	}
}

func kindOf(r Result) string {
	if len(r.Violations) == 0 {
		return ""
	}
	return r.Violations[0].Kind
}
