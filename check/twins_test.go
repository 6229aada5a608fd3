package check

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/parleydb/parley/history"
)

// The definitions in this file are written down plainly and share no code with
// the checkers that are compared with them.

// spec is a model as a function over a state that is compared by its text; no
// says that an answered operation cannot have this result here.
type spec struct {
	name  string
	draw  func(*rapid.T) *history.History
	start any
	step  func(state any, op *history.Op) (next any, ok bool)
}

// bruteOrders tries every order that keeps real time, of every choice of
// ambiguous operations.
func bruteOrders(h *history.History, s spec) bool {
	done := make([]bool, len(h.Ops))
	var try func(state any) bool
	try = func(state any) bool {
		left := false
		for i := range h.Ops {
			left = left || !done[i] && h.Ops[i].Outcome == history.OK
		}
		if !left {
			return true
		}
	next:
		for i := range h.Ops {
			if done[i] || h.Ops[i].Outcome == history.Fail {
				continue
			}
			for j := range h.Ops {
				if !done[j] && j != i && h.Ops[j].Outcome == history.OK && h.Ops[j].Return < h.Ops[i].Call {
					continue next
				}
			}
			if after, ok := s.step(state, &h.Ops[i]); ok {
				done[i] = true
				if try(after) {
					return true
				}
				done[i] = false
			}
		}
		return false
	}
	return try(s.start)
}

func listOf(state any) []history.Value { return state.([]history.Value) }

var specs = []spec{
	{"set", drawSet, []history.Value(nil), func(state any, op *history.Op) (any, bool) {
		l := listOf(state)
		if op.F == history.Read {
			if op.Outcome != history.OK {
				return state, true
			}
			for _, v := range op.Out.Elems() {
				if !slices.Contains(l, v) {
					return state, false
				}
			}
			for _, v := range l {
				if !slices.Contains(op.Out.Elems(), v) {
					return state, false
				}
			}
			return state, true
		}
		if slices.Contains(l, op.In) {
			return l, true
		}
		return append(slices.Clone(l), op.In), true
	}},
	{"queue", drawQueue, []history.Value(nil), func(state any, op *history.Op) (any, bool) {
		l := listOf(state)
		switch {
		case op.F == history.Enqueue:
			return append(slices.Clone(l), op.In), true
		case len(l) == 0:
			return l, op.Outcome != history.OK || op.Out.IsNil()
		}
		return l[1:], op.Outcome != history.OK || op.Out == l[0]
	}},
	{"append", drawAppends, []history.Value(nil), func(state any, op *history.Op) (any, bool) {
		l := listOf(state)
		if op.F == history.Read {
			return l, op.Outcome != history.OK || op.Out == history.List(l...) || len(l) == 0 && op.Out.IsNil()
		}
		return append(slices.Clone(l), op.In), true
	}},
	{"mutex", drawMutex, "", func(state any, op *history.Op) (any, bool) {
		holder := state.(string)
		if op.F == history.Acquire {
			return op.SessionName(), holder == ""
		}
		return "", holder == op.SessionName()
	}},
	{"bank", drawBank, [3]int64{10, 10, 10}, func(state any, op *history.Op) (any, bool) {
		b := state.([3]int64)
		if op.F == history.Read {
			return b, op.Outcome != history.OK || op.Out == accounts([]string{"a", "b", "c"}, b[:])
		}
		if op.Out == history.Bool(false) {
			return b, true
		}
		e := op.In.Elems()
		n, _ := e[2].Int()
		b[e[0].Text()[0]-'a'] -= n
		b[e[1].Text()[0]-'a'] += n
		return b, true
	}},
}

func drawAppends(t *rapid.T) *history.History {
	var elems []history.Value
	return drawEffects(t, []string{history.Append, history.Read}, func(op *history.Op, happens bool) {
		if op.F == history.Read {
			op.Out = history.List(elems...)
		} else if happens {
			elems = append(elems, op.In)
		}
	})
}

// drawMutex lets three sessions take turns, now and then wrongly.
func drawMutex(t *rapid.T) *history.History {
	h := &history.History{}
	for i := range rapid.IntRange(1, 8).Draw(t, "n") {
		op := history.Op{Session: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "session"), Key: "m", F: history.Acquire, Outcome: history.OK, Call: int64(10 * i)}
		if i%2 == 1 {
			op.F = history.Release
			if rapid.IntRange(0, 5).Draw(t, "own") > 0 {
				op.Session = h.Ops[i-1].Session
			}
		}
		op.Return = op.Call + rapid.Int64Range(1, 25).Draw(t, "length")
		switch rapid.IntRange(0, 7).Draw(t, "outcome") {
		case 0:
			op.Outcome, op.Return = history.Info, history.Never
		case 1:
			op.Outcome = history.Fail
		}
		h.Ops = append(h.Ops, op)
	}
	return h
}

// TestModelsAgainstBruteForce compares each model's linearizability with every
// order tried, on histories of which one result was changed.
func TestModelsAgainstBruteForce(t *testing.T) {
	for _, s := range specs {
		t.Run(s.name, func(t *testing.T) {
			good, bad := 0, 0
			rapid.Check(t, func(t *rapid.T) {
				h := s.draw(t)
				if len(h.Ops) > 8 {
					h.Ops = h.Ops[:8]
				}
				if s.name != "mutex" && s.name != "bank" && rapid.Bool().Draw(t, "change") {
					mutate(t, h)
				}
				if s.name == "bank" && rapid.Bool().Draw(t, "change") {
					i := rapid.IntRange(0, len(h.Ops)-1).Draw(t, "changed")
					if op := &h.Ops[i]; op.F == history.Read && op.Outcome == history.OK {
						op.Out = accounts([]string{"a", "b", "c"}, []int64{9, 10, 11})
					}
				}
				for i := range h.Ops { // results that the model has no such operation for
					if op := &h.Ops[i]; op.F == history.Read && op.Outcome == history.OK && !op.Out.IsList() {
						op.Out = history.List()
					}
				}
				want := bruteOrders(h, s)
				got := linearizableAs(s.name)(h)
				if got.Verdict == Unknown || (got.Verdict == Holds) != want {
					t.Fatalf("got %v, brute force says %v\n%s", got, want, show(h.Ops))
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

// TestBoundedAgainstDefinition: every order is tried in which writes keep real
// time and a read may be placed up to delta before its call.
func TestBoundedAgainstDefinition(t *testing.T) {
	good, bad := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		ops := drawOps(t, []string{history.Read, history.Read, history.Write}, rapid.Bool().Draw(t, "distinct"))
		delta := rapid.Int64Range(0, 8).Draw(t, "delta")
		wide := slices.Clone(ops)
		for i := range wide {
			if wide[i].F == history.Read {
				wide[i].Call -= delta
			}
		}
		want := bruteOrders(&history.History{Ops: wide}, spec{start: history.Nil, step: func(state any, op *history.Op) (any, bool) {
			if op.F == history.Write {
				return op.In, true
			}
			return state, op.Outcome != history.OK || state == op.Out
		}})
		got := BoundedStaleness(ops, KV(), time.Duration(delta), Budget{})
		if got.Verdict == Unknown || (got.Verdict == Holds) != want {
			t.Fatalf("delta %d: got %v, the definition says %v\n%s", delta, got, want, show(ops))
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
}

// naiveConverged compares all last reads of all pairs of nodes. It does not say
// which histories show too little.
func naiveConverged(h *history.History) bool {
	quiet := int64(-1)
	for i := range h.Ops {
		if op := &h.Ops[i]; op.F == history.Write && op.Outcome == history.OK {
			quiet = max(quiet, op.Return)
		}
	}
	last := func(node string) *history.Op {
		var found *history.Op
		for i := range h.Ops {
			op := &h.Ops[i]
			if op.F == history.Read && op.Outcome == history.OK && op.Node == node && op.Call > quiet && (found == nil || op.Call >= found.Call) {
				found = op
			}
		}
		return found
	}
	a, b := last("n1"), last("n2")
	return a == nil || b == nil || a.Out == b.Out
}

func naiveUnique(h *history.History) bool {
	for i := range h.Ops {
		for j := range i {
			a, b := &h.Ops[i], &h.Ops[j]
			if a.Outcome == history.OK && b.Outcome == history.OK && a.Out == b.Out {
				return false
			}
		}
	}
	return true
}

func naiveBank(h *history.History) bool {
	for i := range h.Ops {
		op := &h.Ops[i]
		if op.F != history.Read || op.Outcome != history.OK {
			continue
		}
		sum := int64(0)
		for _, e := range op.Out.Elems() {
			n, _ := e.Elems()[1].Int()
			if n < 0 {
				return false
			}
			sum += n
		}
		if sum != 30 || len(op.Out.Elems()) != 3 {
			return false
		}
	}
	return true
}

// TestPlainCheckersAgainstDefinitions: convergence, unique identifiers and the
// bank's total, with results changed.
func TestPlainCheckersAgainstDefinitions(t *testing.T) {
	for name, c := range map[string]struct {
		draw  func(*rapid.T) *history.History
		check func(*history.History) Result
		naive func(*history.History) bool
	}{
		"convergence": {func(t *rapid.T) *history.History {
			held := history.Nil
			h := drawEffects(t, []string{history.Write, history.Read, history.Read}, func(op *history.Op, happens bool) {
				if op.F == history.Read {
					op.Out = held
				} else if happens {
					held = op.In
				}
			})
			last := h.Ops[len(h.Ops)-1].Call + 100 // both nodes are asked again when all is quiet
			for i, node := range []string{"n1", "n2"} {
				h.Ops = append(h.Ops, history.Op{Process: int64(100 + i), Key: "x", F: history.Read, Node: node, Out: held, Call: last, Return: last + 1, Outcome: history.OK})
			}
			for i := range h.Ops {
				if op := &h.Ops[i]; op.F == history.Read && op.Outcome == history.OK && rapid.IntRange(0, 3).Draw(t, "stale") == 0 {
					op.Out = history.Int(99)
				}
			}
			return h
		}, Converged, naiveConverged},
		"unique-ids": {func(t *rapid.T) *history.History {
			h := drawIDs(t)
			h.Ops[rapid.IntRange(0, len(h.Ops)-1).Draw(t, "changed")].Out = history.Int(rapid.Int64Range(1, 20).Draw(t, "id"))
			return h
		}, UniqueIDs, naiveUnique},
		"bank": {func(t *rapid.T) *history.History {
			h := drawBank(t)
			for i := range h.Ops {
				if op := &h.Ops[i]; op.F == history.Read && op.Outcome == history.OK && rapid.IntRange(0, 4).Draw(t, "wrong") == 0 {
					op.Out = accounts([]string{"a", "b", "c"}, []int64{rapid.Int64Range(-2, 12).Draw(t, "a"), 10, 10})
				}
			}
			return h
		}, func(h *history.History) Result { return Bank(h, nil, false) }, naiveBank},
	} {
		t.Run(name, func(t *testing.T) {
			good, bad := 0, 0
			rapid.Check(t, func(t *rapid.T) {
				h := c.draw(t)
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

// TestShownAloneIsViolated: what a violation shows is by itself a violation,
// and, for the checkers named minimal, nothing in it can be left out. With an
// element go the sights of it: without its source it would only look invented.
func TestShownAloneIsViolated(t *testing.T) {
	for _, c := range []struct {
		name    string
		minimal bool
		draw    func(*rapid.T) *history.History
		check   func(*history.History) Result
	}{
		{"exactly-once of sets", true, drawSet, ExactlyOnce},
		{"exactly-once of queues", true, drawQueue, ExactlyOnce},
		{"set-full", true, drawSet, func(h *history.History) Result { return SetFull(h, true) }},
		{"unique-ids", true, func(t *rapid.T) *history.History {
			h := drawIDs(t)
			h.Ops[0].Out = history.Int(rapid.Int64Range(1, 9).Draw(t, "id"))
			return h
		}, UniqueIDs},
		{"counter", false, drawCounter, func(h *history.History) Result { return Counter(h, Limits{}) }},
		{"linearizable register", false, func(t *rapid.T) *history.History {
			return &history.History{Ops: drawOps(t, []string{history.Read, history.Read, history.Write}, true)}
		}, func(h *history.History) Result { return Linearizable(h.Ops, KV(), Budget{}) }},
		{"linearizable chain", false, func(t *rapid.T) *history.History {
			return &history.History{Ops: drawOps(t, []string{history.Read, history.Write, history.CAS}, true)}
		}, func(h *history.History) Result { return Linearizable(h.Ops, KV(), Budget{}) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			found := 0
			rapid.Check(t, func(t *rapid.T) {
				h := c.draw(t)
				if strings.Contains(c.name, "of ") || c.name == "set-full" || c.name == "counter" {
					mutate(t, h)
				}
				pick := func(ops []int, without int) *history.History {
					sub := &history.History{Header: h.Header}
					for _, i := range ops {
						if i == without {
							continue
						}
						op := h.Ops[i]
						gone := func(v history.Value) bool { // its source is left out
							source := slices.IndexFunc(h.Ops, func(o history.Op) bool { return o.In == v })
							return source >= 0 && (source == without || !slices.Contains(ops, source))
						}
						switch {
						case without < 0:
						case op.F == history.Dequeue && gone(op.Out):
							continue
						case op.Out.IsList():
							op.Out = history.List(slices.DeleteFunc(op.Out.Elems(), gone)...)
						}
						sub.Ops = append(sub.Ops, op)
					}
					return sub
				}
				for _, v := range c.check(h).Violations {
					found++
					if r := c.check(pick(v.Ops, -1)); r.Verdict != Violated {
						t.Fatalf("%v of %q show nothing alone: %v\n%s", v.Ops, v.Text, r, show(h.Ops))
					}
					for _, i := range v.Ops {
						r := c.check(pick(v.Ops, i))
						if c.minimal && r.Verdict == Violated && r.Violations[0].Kind == v.Kind {
							t.Fatalf("%v of %q is enough without %d: %v\n%s", v.Ops, v.Text, i, r, show(h.Ops))
						}
					}
				}
			})
			if found == 0 {
				t.Error("no violation was drawn")
			}
		})
	}
}
