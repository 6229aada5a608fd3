package check

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/parleydb/parley/history"
)

// drawEffects is a history of one object that changes atomically at a moment
// inside each operation, with ambiguous and failed operations, made by run.
func drawEffects(t *rapid.T, kinds []string, run func(op *history.Op, happens bool)) *history.History {
	h := &history.History{}
	n := rapid.IntRange(1, 14).Draw(t, "n")
	now := int64(0)
	for i := range n {
		now += rapid.Int64Range(1, 4).Draw(t, "pause")
		op := history.Op{Process: int64(i), Key: "x", F: rapid.SampledFrom(kinds).Draw(t, "f"), Node: rapid.SampledFrom([]string{"n1", "n2"}).Draw(t, "node")}
		op.Call, op.Return, op.Outcome = now-rapid.Int64Range(0, 6).Draw(t, "early"), now+rapid.Int64Range(0, 6).Draw(t, "late"), history.OK
		op.Call = max(op.Call, 0)
		op.In = history.Int(int64(i + 1))
		happens := true
		switch rapid.IntRange(0, 7).Draw(t, "outcome") {
		case 0:
			op.Outcome, op.Return = history.Info, history.Never
			happens = rapid.Bool().Draw(t, "happened")
		case 1:
			op.Outcome, happens = history.Fail, false
		}
		if op.F == history.Read || op.F == history.Dequeue || op.F == history.Generate {
			op.In = history.Nil
		}
		run(&op, happens)
		if op.Outcome != history.OK {
			op.Out = history.Nil
		}
		h.Ops = append(h.Ops, op)
	}
	return h
}

func drawSet(t *rapid.T) *history.History {
	var elems []history.Value
	return drawEffects(t, []string{history.Add, history.Add, history.Read}, func(op *history.Op, happens bool) {
		if op.F == history.Read {
			op.Out = history.List(elems...)
		} else if happens {
			elems = append(elems, op.In)
		}
	})
}

func drawQueue(t *rapid.T) *history.History {
	var elems []history.Value
	return drawEffects(t, []string{history.Enqueue, history.Dequeue}, func(op *history.Op, happens bool) {
		switch {
		case op.F == history.Enqueue && happens:
			elems = append(elems, op.In)
		case op.F == history.Dequeue && happens && len(elems) > 0:
			op.Out, elems = elems[0], elems[1:]
		}
	})
}

func drawCounter(t *rapid.T) *history.History {
	total := int64(0)
	return drawEffects(t, []string{history.Incr, history.Read}, func(op *history.Op, happens bool) {
		if op.F == history.Incr {
			d := rapid.Int64Range(-3, 5).Draw(t, "by")
			op.In = history.Int(d)
			if happens {
				total += d
			}
			if rapid.Bool().Draw(t, "told") {
				op.Out = history.Int(total)
			}
			return
		}
		op.Out = history.Int(total)
	})
}

func drawIDs(t *rapid.T) *history.History {
	next := int64(0)
	return drawEffects(t, []string{history.Generate}, func(op *history.Op, _ bool) {
		next++
		op.Out = history.Int(next)
	})
}

// drawBank moves money between three accounts.
func drawBank(t *rapid.T) *history.History {
	balance := []int64{10, 10, 10}
	names := []string{"a", "b", "c"}
	h := drawEffects(t, []string{history.Transfer, history.Read}, func(op *history.Op, happens bool) {
		op.Key = ""
		if op.F == history.Transfer {
			from, to, n := rapid.IntRange(0, 2).Draw(t, "from"), rapid.IntRange(0, 2).Draw(t, "to"), rapid.Int64Range(1, 5).Draw(t, "amount")
			op.In = history.List(history.String(names[from]), history.String(names[to]), history.Int(n))
			op.Out = history.Bool(true)
			if balance[from] < n {
				op.Out = history.Bool(false)
				op.Outcome = history.OK // refused by the bank: the answer says so
				op.Return = min(op.Return, op.Call+10)
				return
			}
			if happens {
				balance[from] -= n
				balance[to] += n
			}
			return
		}
		op.Out = accounts(names, balance)
	})
	h.Header.Initials = map[string]history.Value{"a": history.Int(10), "b": history.Int(10), "c": history.Int(10)}
	return h
}

func accounts(names []string, balance []int64) history.Value {
	var out []history.Value
	for i, n := range names {
		out = append(out, history.List(history.String(n), history.Int(balance[i])))
	}
	return history.List(out...)
}

// effectCheckers are the checkers of effects, with a draw of correct histories.
var effectCheckers = []struct {
	name  string
	draw  func(*rapid.T) *history.History
	check func(*history.History) Result
}{
	{"exactly-once of sets", drawSet, ExactlyOnce},
	{"exactly-once of queues", drawQueue, ExactlyOnce},
	{"set-full", drawSet, func(h *history.History) Result { return SetFull(h, true) }},
	{"counter", drawCounter, func(h *history.History) Result { return Counter(h, Limits{}) }},
	{"unique-ids", drawIDs, UniqueIDs},
	{"bank", drawBank, func(h *history.History) Result { return Bank(h, nil, false) }},
	{"linearizable set", drawSet, linearizableAs("set")},
	{"linearizable queue", drawQueue, linearizableAs("queue")},
	{"linearizable counter", drawCounter, linearizableAs("counter")},
	{"linearizable bank", drawBank, linearizableAs("bank")},
}

func linearizableAs(model string) func(*history.History) Result {
	return func(h *history.History) Result {
		header := h.Header
		if model == "counter" {
			header.Initial = history.Int(0)
		}
		m, err := ModelNamed(model, &header)
		if err != nil {
			panic(err)
		}
		return Linearizable(h.Ops, m, Budget{})
	}
}

func TestCorrectEffectsAreNotRefused(t *testing.T) {
	for _, c := range effectCheckers {
		t.Run(c.name, func(t *testing.T) {
			held := 0
			rapid.Check(t, func(t *rapid.T) {
				h := c.draw(t)
				r := c.check(h)
				if r.Verdict == Violated {
					t.Fatalf("%v\n%s", r, show(h.Ops))
				}
				if r.Verdict == Holds {
					held++
				}
			})
			if held == 0 {
				t.Error("never more than unknown")
			}
		})
	}
}

// mutate changes one result of a history.
func mutate(t *rapid.T, h *history.History) {
	i := rapid.IntRange(0, len(h.Ops)-1).Draw(t, "changed")
	op := &h.Ops[i]
	switch {
	case op.Out.IsList() && op.F == history.Read:
		elems := op.Out.Elems()
		switch k := rapid.IntRange(0, 2).Draw(t, "how"); {
		case k == 0 && len(elems) > 0:
			at := rapid.IntRange(0, len(elems)-1).Draw(t, "drop")
			elems = slices.Delete(elems, at, at+1)
		case k == 1 && len(elems) > 0:
			elems = append(elems, elems[rapid.IntRange(0, len(elems)-1).Draw(t, "double")])
		default:
			elems = append(elems, history.Int(rapid.Int64Range(1, 16).Draw(t, "phantom")))
		}
		op.Out = history.List(elems...)
	case op.F == history.Dequeue || op.F == history.Read:
		op.Out = history.Int(rapid.Int64Range(-3, 16).Draw(t, "other"))
	default:
		op.Outcome = rapid.SampledFrom([]history.Outcome{history.OK, history.Fail}).Draw(t, "outcome")
		op.Return = max(op.Call, min(op.Return, op.Call+8))
	}
}

// TestEffectsAgainstNaive compares with definitions written down plainly, on
// histories of which one result was changed.
func TestEffectsAgainstNaive(t *testing.T) {
	for name, c := range map[string]struct {
		draw  func(*rapid.T) *history.History
		check func(*history.History) Result
		naive func(*history.History) bool
	}{
		"exactly-once of sets":   {drawSet, ExactlyOnce, naiveOnceSet},
		"exactly-once of queues": {drawQueue, ExactlyOnce, naiveOnceQueue},
		"set-full":               {drawSet, func(h *history.History) Result { return SetFull(h, false) }, func(h *history.History) bool { return naiveSetFull(h, false) }},
		"set-full, linearizable": {drawSet, func(h *history.History) Result { return SetFull(h, true) }, func(h *history.History) bool { return naiveSetFull(h, true) }},
		"counter":                {drawCounter, func(h *history.History) Result { return Counter(h, Limits{}) }, naiveCounter},
	} {
		t.Run(name, func(t *testing.T) {
			good, bad := 0, 0
			rapid.Check(t, func(t *rapid.T) {
				h := c.draw(t)
				mutate(t, h)
				got := c.check(h)
				if got.Verdict == Unknown {
					return
				}
				want := c.naive(h)
				if (got.Verdict == Holds) != want {
					t.Fatalf("got %v, the definition says %v\n%s", got, want, show(h.Ops))
				}
				if want {
					good++
				} else {
					bad++
				}
			})
			if good == 0 || bad == 0 {
				t.Errorf("%d good, %d bad: the draw shows nothing", good, bad)
			}
		})
	}
}

func find(h *history.History, f string, v history.Value) *history.Op {
	for i := range h.Ops {
		if h.Ops[i].F == f && h.Ops[i].In == v {
			return &h.Ops[i]
		}
	}
	return nil
}

// canBeThere: every element of a read was put in before, and once.
func canBeThere(h *history.History, read *history.Op, f string, elems []history.Value) bool {
	for i, v := range elems {
		op := find(h, f, v)
		if op == nil || op.Outcome == history.Fail || op.Call > read.Return || slices.Contains(elems[:i], v) {
			return false
		}
	}
	return true
}

func naiveOnceSet(h *history.History) bool {
	last := (*history.Op)(nil)
	for i := range h.Ops {
		r := &h.Ops[i]
		if r.F != history.Read || r.Outcome != history.OK {
			continue
		}
		if !canBeThere(h, r, history.Add, r.Out.Elems()) {
			return false
		}
		if last == nil || r.Call >= last.Call {
			last = r
		}
	}
	for i := range h.Ops {
		a := &h.Ops[i]
		if last != nil && a.F == history.Add && a.Outcome == history.OK && a.Before(last) && !slices.Contains(last.Out.Elems(), a.In) {
			return false
		}
	}
	return true
}

func naiveOnceQueue(h *history.History) bool {
	var out []history.Value
	empty := (*history.Op)(nil)
	maybe := 0
	for i := range h.Ops {
		d := &h.Ops[i]
		switch {
		case d.F != history.Dequeue:
		case d.Outcome == history.Info:
			maybe++
		case d.Outcome == history.Fail:
		case d.Out.IsNil():
			if empty == nil || d.Call >= empty.Call {
				empty = d
			}
		default:
			if !canBeThere(h, d, history.Enqueue, []history.Value{d.Out}) {
				return false
			}
			out = append(out, d.Out)
		}
	}
	for i, v := range out {
		if slices.Contains(out[:i], v) {
			return false
		}
	}
	gone := 0
	for i := range h.Ops {
		e := &h.Ops[i]
		if empty == nil || e.F != history.Enqueue || e.Outcome != history.OK || !e.Before(empty) {
			continue
		}
		taken := false
		for j := range h.Ops {
			d := &h.Ops[j]
			taken = taken || d.F == history.Dequeue && d.Outcome == history.OK && d.Out == e.In && d.Call <= empty.Return
		}
		if !taken {
			gone++
		}
	}
	return gone <= maybe
}

func naiveSetFull(h *history.History, linearizable bool) bool {
	var reads []*history.Op
	for i := range h.Ops {
		if r := &h.Ops[i]; r.F == history.Read && r.Outcome == history.OK {
			if !canBeThere(h, r, history.Add, r.Out.Elems()) {
				return false
			}
			reads = append(reads, r)
		}
	}
	for i := range h.Ops {
		a := &h.Ops[i]
		if a.F != history.Add || a.Outcome == history.Fail {
			continue
		}
		known, lastSeen := int64(history.Never), int64(-1)
		if a.Outcome == history.OK {
			known = a.Return
		}
		for _, r := range reads {
			if slices.Contains(r.Out.Elems(), a.In) {
				known, lastSeen = min(known, r.Return), max(lastSeen, r.Return)
			}
		}
		for _, r := range reads {
			if !slices.Contains(r.Out.Elems(), a.In) && r.Call > known && (linearizable || r.Call > lastSeen) {
				return false
			}
		}
	}
	return true
}

func naiveCounter(h *history.History) bool {
	for i := range h.Ops {
		r := &h.Ops[i]
		if r.Outcome != history.OK || r.F == history.Incr && r.Out.IsNil() {
			continue
		}
		low, high := int64(0), int64(0)
		for j := range h.Ops {
			op := &h.Ops[j]
			d, _ := op.In.Int()
			if op.F != history.Incr || op.Outcome == history.Fail {
				continue
			}
			must := i == j || op.Outcome == history.OK && op.Before(r)
			may := must || op.Call <= r.Return
			if must {
				low, high = low+d, high+d
			} else if may {
				low, high = low+min(d, 0), high+max(d, 0)
			}
		}
		if n, _ := r.Out.Int(); n < low || n > high {
			return false
		}
	}
	return true
}

func TestCounterLimits(t *testing.T) {
	zero := int64(0)
	h := &history.History{Ops: []history.Op{
		{F: history.Incr, Key: "stock", In: history.Int(-1), Call: 0, Return: 1, Outcome: history.OK},
		{F: history.Read, Key: "stock", Out: history.Int(-1), Call: 2, Return: 3, Outcome: history.OK},
	}}
	if r := Counter(h, Limits{}); r.Verdict != Holds {
		t.Fatal(r)
	}
	if r := Counter(h, Limits{Min: &zero}); r.Verdict != Violated {
		t.Fatal(r)
	}
	if r := Counter(h, Limits{Max: &zero}); r.Verdict != Holds {
		t.Fatal(r)
	}
}

func TestRetriesAreOneOperation(t *testing.T) {
	h := &history.History{Ops: []history.Op{
		{F: history.Append, Key: "x", In: history.Int(1), ID: "a", Call: 0, Return: history.Never},
		{F: history.Append, Key: "x", In: history.Int(1), ID: "a", Call: 2, Return: 3, Outcome: history.OK},
		{F: history.Read, Key: "x", Out: history.List(history.Int(1)), Call: 4, Return: 5, Outcome: history.OK},
	}}
	if r := ExactlyOnce(h); r.Verdict != Holds {
		t.Fatal(r)
	}
	h.Ops[2].Out = history.List(history.Int(1), history.Int(1))
	if r := ExactlyOnce(h); r.Verdict != Violated || r.Violations[0].Kind != "doubled" {
		t.Fatal(r)
	}
	h.Ops[1].ID = "b"
	if r := ExactlyOnce(h); r.Verdict != Unknown {
		t.Fatal(r)
	}
}

// TestSetIsKnownByReading: what a read has seen must stay, although its add has
// not returned, or never will.
func TestSetIsKnownByReading(t *testing.T) {
	read := func(call int64, elems ...history.Value) history.Op {
		return history.Op{F: history.Read, Out: history.List(elems...), Call: call, Return: call + 1, Outcome: history.OK}
	}
	for _, add := range []history.Op{
		{F: history.Add, In: history.Int(1), Call: 0, Return: 100, Outcome: history.OK},
		{F: history.Add, In: history.Int(1), Call: 0, Return: history.Never},
	} {
		h := &history.History{Ops: []history.Op{add, read(5, history.Int(1)), read(10)}}
		if r := SetFull(h, false); r.Verdict != Violated || r.Violations[0].Kind != "lost" || len(r.Violations[0].Ops) != 3 {
			t.Error(r)
		}
		h.Ops = append(h.Ops, read(20, history.Int(1)))
		if r := SetFull(h, false); r.Verdict != Holds {
			t.Error(r)
		}
		if r := SetFull(h, true); r.Verdict != Violated || r.Violations[0].Kind != "stale read" {
			t.Error(r)
		}
	}
}
