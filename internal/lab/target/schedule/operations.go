package schedule

import (
	"slices"
	"testing"

	"github.com/parleydb/parley/check"
	"github.com/parleydb/parley/history"
	"github.com/parleydb/parley/internal/lab"
)

func list(elems ...any) history.Value {
	vs := make([]history.Value, len(elems))
	for i, e := range elems {
		vs[i] = value(e)
	}
	return history.List(vs...)
}

func value(x any) history.Value {
	switch x := x.(type) {
	case int:
		return history.Int(int64(x))
	case string:
		return history.String(x)
	case bool:
		return history.Bool(x)
	case history.Value:
		return x
	}
	return history.Nil
}

// operation is one to be tried: what goes in, and what must come out.
type operation struct {
	f, key  string
	in, out any
}

// operations are, by model, all that a target must be able to do.
var operations = map[string][]operation{
	"cas-register": {
		{history.Read, "r", nil, nil},
		{history.CAS, "r", list(nil, 1), true},
		{history.CAS, "r", list(nil, 2), false},
		{history.CAS, "r", list(2, 3), false},
		{history.CAS, "r", list(1, "two words"), true},
		{history.Read, "r", nil, "two words"},
		{history.Write, "r", "", nil},
		{history.Read, "r", nil, ""},
		{history.Swap, "r", "\xff\x00", ""},
		{history.Read, "r", nil, "\xff\x00"},
		{history.Delete, "r", nil, 1},
		{history.Delete, "r", nil, 0},
		{history.Read, "r", nil, nil},
	},
	"counter": {
		{history.Read, "c", nil, nil},
		{history.Incr, "c", nil, 1},
		{history.Incr, "c", 41, 42},
		{history.Incr, "c", -2, 40},
		{history.Read, "c", nil, 40},
	},
	"set": {
		{history.Read, "s", nil, list()},
		{history.Add, "s", 1, 1},
		{history.Add, "s", 1, 0},
		{history.Add, "s", "x", 1},
		{history.Remove, "s", 1, 1},
		{history.Remove, "s", 1, 0},
		{history.Read, "s", nil, list("x")},
	},
	"append": {
		{history.Append, "l", 2, 1},
		{history.Append, "l", 1, 2},
		{history.Read, "l", nil, list(2, 1)},
	},
	"queue": {
		{history.Dequeue, "q", nil, nil},
		{history.Enqueue, "q", 2, nil},
		{history.Enqueue, "q", 1, nil},
		{history.Dequeue, "q", nil, 2},
		{history.Dequeue, "q", nil, 1},
		{history.Dequeue, "q", nil, nil},
	},
	"bank": {
		{history.Write, "a", 10, nil},
		{history.Write, "b", 0, nil},
		{history.Transfer, "", list("a", "b", 7), true},
		{history.Transfer, "", list("a", "b", 7), false},
		{history.Read, "", list("b", "a"), list(list("b", 7), list("a", 3))},
	},
}

// Operations tries everything that a target must be able to do, at a level, and
// what it must refuse.
func Operations(t testing.TB, target lab.Target, level string) {
	for model, all := range operations {
		s := New(t, target, history.Header{Model: model})
		c := s.OpenFor(model, 0, level)
		for _, o := range all {
			// An empty set and an empty list may also be told as nothing.
			out := c.OK(o.f, o.key, value(o.in))
			if want := value(o.out); out != want && !(out.IsNil() && want == list()) {
				t.Errorf("%s %s %s at %s: %s, want %s", o.f, o.key, value(o.in), level, out, want)
			}
		}
		if model != "bank" { // whose accounts are opened in it
			s.Judge("linearizable", check.Holds)
		}
	}
	transaction(t, target, level)
	refusals(t, target, level)
}

// transaction tries several steps at once.
func transaction(t testing.TB, target lab.Target, level string) {
	c := New(t, target, history.Header{}).OpenFor("append", 0, level)
	steps := []history.Step{
		{F: history.Append, Key: "t1", In: value(1)},
		{F: history.Read, Key: "t1"},
		{F: history.Append, Key: "t1", In: value(2)},
		{F: history.Read, Key: "t2"},
	}
	c.Within(Limit, history.Op{F: history.Txn, Txn: steps})
	op := c.Within(Limit, history.Op{F: history.Txn, Txn: []history.Step{{F: history.Read, Key: "t1"}}})
	if op.Outcome != history.OK || steps[1].Out != list(1) || len(steps[3].Out.Elems()) != 0 || op.Txn[0].Out != list(1, 2) {
		t.Errorf("transactions at %s: %s, %v, %v", level, op.Outcome, steps, op.Txn)
	}
}

// refusals tries what certainly must do nothing.
func refusals(t testing.TB, target lab.Target, level string) {
	c := New(t, target, history.Header{}).OpenFor("cas-register", 0, level)
	c.OK(history.Write, "text", value("x"))
	for _, o := range []operation{
		{history.Incr, "text", 1, nil},
		{history.Append, "text", 1, nil},
		{history.CAS, "text", 1, nil},
		{history.Transfer, "", list("text", "nowhere", 1), nil},
		{history.Transfer, "", list("text"), nil},
		{"no-such-thing", "text", 1, nil},
	} {
		if op := c.Do(o.f, o.key, value(o.in)); op.Outcome != history.Fail {
			t.Errorf("%s %s %s at %s: %s, want fail", o.f, o.key, value(o.in), level, op.Outcome)
		}
	}
	if out := c.OK(history.Read, "text", history.Nil); out != value("x") {
		t.Errorf("what was refused left %s", out)
	}
	if _, err := target.Open(t.Context(), lab.Session{Node: len(target.Nodes())}); err == nil {
		t.Error("opened a session with a node that is not there")
	}
	if _, err := target.Open(t.Context(), lab.Session{Level: "no-such-level"}); err == nil {
		t.Error("opened a session at a level that is not there")
	}
}

// Faults tries that kinds of faults are as offered, and that wrong ones are
// refused.
func Faults(t testing.TB, target lab.Target) {
	for _, kind := range []lab.FaultKind{lab.FaultDuplicate, lab.FaultClock, lab.FaultDisk} {
		if _, err := target.Inject(t.Context(), lab.Fault{Kind: kind}); err == nil || slices.Contains(target.Faults(), kind) {
			t.Errorf("%s: it should be refused (%v) and not offered", kind, err)
		}
	}
}

// NoAnswer tries a node that stands still: a write is in doubt, a read failed.
func NoAnswer(t testing.TB, target lab.Target, node int) {
	s := New(t, target, history.Header{})
	c := s.OpenFor("register", node, "")
	c.OK(history.Write, "still", value(1))
	resume := s.Inject(lab.Fault{Kind: lab.FaultPause, Nodes: []int{node}})
	if op := c.Within(shortly, history.Op{F: history.Read, Key: "still"}); op.Outcome != history.Fail {
		t.Errorf("a read without an answer: %s", op.Outcome)
	}
	resume()
	c = s.OpenFor("register", node, "")
	resume = s.Inject(lab.Fault{Kind: lab.FaultPause, Nodes: []int{node}})
	if op := c.Within(shortly, history.Op{F: history.Write, Key: "still", In: value(2)}); op.Outcome != history.Info {
		t.Errorf("a write without an answer: %s", op.Outcome)
	}
	resume()
	s.OpenFor("register", node, "").OK(history.Read, "still", history.Nil)
	s.Judge("linearizable", check.Holds)
}
