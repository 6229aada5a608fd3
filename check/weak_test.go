package check

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/parleydb/parley/history"
)

// drawWeak is a small random history of sessions whose operations, or
// transactions of up to max steps, read from a random write of the key or the
// initial value.
func drawWeak(t *rapid.T, most, max int) *history.History {
	h := &history.History{}
	keys := []string{"x", "y"}
	sessions := int64(rapid.IntRange(1, 3).Draw(t, "sessions"))
	n := rapid.IntRange(1, most).Draw(t, "n")
	written := map[string][]history.Value{"x": {history.Nil}, "y": {history.Nil}}
	value := int64(0)
	for i := range n {
		op := history.Op{Process: rapid.Int64Range(0, sessions-1).Draw(t, "session"), Outcome: history.OK, Call: int64(10 * i), Return: int64(10*i + 5), Line: i + 1}
		steps := rapid.IntRange(1, max).Draw(t, "steps")
		for range steps {
			k := rapid.SampledFrom(keys).Draw(t, "key")
			if rapid.Bool().Draw(t, "write") {
				value++
				op.Txn = append(op.Txn, history.Step{F: history.Write, Key: k, In: history.Int(value)})
				written[k] = append(written[k], history.Int(value))
			} else {
				op.Txn = append(op.Txn, history.Step{F: history.Read, Key: k})
			}
		}
		op.F = history.Txn
		h.Ops = append(h.Ops, op)
	}
	for i := range h.Ops { // also of writes that come later in the file
		for j := range h.Ops[i].Txn {
			if s := &h.Ops[i].Txn[j]; s.F == history.Read {
				s.Out = rapid.SampledFrom(written[s.Key]).Draw(t, "out")
			}
		}
		if max == 1 {
			s := h.Ops[i].Txn[0]
			h.Ops[i].F, h.Ops[i].Key, h.Ops[i].In, h.Ops[i].Out, h.Ops[i].Txn = s.F, s.Key, s.In, s.Out, nil
		}
	}
	return h
}

// naive is a history for the definitions: full relations, every order tried.
type naive struct {
	h      *history.History
	n      int
	co     [][]bool // session order and reads-from, closed
	so     [][]bool
	writer func(key string, v history.Value) int // -1 for the initial value
}

func newNaive(h *history.History) *naive {
	n := len(h.Ops)
	v := &naive{h: h, n: n, co: square(n), so: square(n)}
	v.writer = func(key string, val history.Value) int {
		for i := range h.Ops {
			for _, s := range stepsOf(&h.Ops[i]) {
				if s.F == history.Write && s.Key == key && s.In == val {
					return i
				}
			}
		}
		return -1
	}
	for i := range n {
		for j := range n {
			if i < j && h.Ops[i].Process == h.Ops[j].Process {
				v.so[i][j], v.co[i][j] = true, true
			}
		}
		for _, r := range v.externalReads(i) {
			if w := v.writer(r.Key, r.Out); w >= 0 {
				v.co[w][i] = true
			}
		}
	}
	closure(v.co)
	return v
}

func square(n int) [][]bool {
	m := make([][]bool, n)
	for i := range m {
		m[i] = make([]bool, n)
	}
	return m
}

func closure(m [][]bool) {
	for k := range m {
		for i := range m {
			for j := range m {
				m[i][j] = m[i][j] || m[i][k] && m[k][j]
			}
		}
	}
}

// externalReads are the reads of a transaction before its own write of the key.
func (v *naive) externalReads(i int) []history.Step {
	var out []history.Step
	own := map[string]bool{}
	for _, s := range stepsOf(&v.h.Ops[i]) {
		if s.F == history.Write {
			own[s.Key] = true
		} else if !own[s.Key] {
			out = append(out, s)
		}
	}
	return out
}

// sound says that each read can be explained at all: own writes are seen, no
// intermediate value is, and causes have no cycle.
func (v *naive) sound() bool {
	for i := range v.n {
		if v.co[i][i] {
			return false
		}
		own := map[string]history.Value{}
		for _, s := range stepsOf(&v.h.Ops[i]) {
			if s.F == history.Write {
				own[s.Key] = s.In
				continue
			}
			if w, ok := own[s.Key]; ok && w != s.Out {
				return false
			} else if ok {
				continue
			}
			if w := v.writer(s.Key, s.Out); w >= 0 && (w == i || v.final(w, s.Key) != s.Out) {
				return false
			}
		}
	}
	return true
}

func (v *naive) final(i int, key string) history.Value {
	out := history.Nil
	for _, s := range stepsOf(&v.h.Ops[i]) {
		if s.F == history.Write && s.Key == key {
			out = s.In
		}
	}
	return out
}

func (v *naive) writes(i int, key string) bool { return !v.final(i, key).IsNil() }

// orders calls fn for every order of the chosen transactions that extends rel,
// until fn is satisfied.
func (v *naive) orders(in func(int) bool, rel [][]bool, fn func(order []int) bool) bool {
	var order []int
	used := make([]bool, v.n)
	var rec func() bool
	rec = func() bool {
		done := true
		for i := range v.n {
			if !in(i) || used[i] {
				continue
			}
			done = false
			free := true
			for j := range v.n {
				free = free && !(in(j) && !used[j] && rel[j][i])
			}
			if !free {
				continue
			}
			used[i] = true
			order = append(order, i)
			if rec() {
				return true
			}
			order = order[:len(order)-1]
			used[i] = false
		}
		return done && fn(order)
	}
	return rec()
}

// right says that the reads of transaction i are right if exactly the given
// ones came before, in this order.
func (v *naive) right(i int, before []int) bool {
	for _, r := range v.externalReads(i) {
		last := history.Nil
		for _, j := range before {
			if v.writes(j, r.Key) {
				last = v.final(j, r.Key)
			}
		}
		if last != r.Out {
			return false
		}
	}
	return true
}

func (v *naive) causal() bool {
	for i := range v.n {
		past := func(j int) bool { return v.co[j][i] }
		if !v.orders(past, v.co, func(order []int) bool { return v.right(i, order) }) {
			return false
		}
	}
	return true
}

func (v *naive) all(int) bool { return true }

func (v *naive) convergent() bool {
	return v.orders(v.all, v.co, func(order []int) bool {
		for i := range v.n {
			var past []int
			for _, j := range order {
				if v.co[j][i] {
					past = append(past, j)
				}
			}
			if !v.right(i, past) {
				return false
			}
		}
		return true
	})
}

// rightFor says that the reads of one session are right in an order.
func (v *naive) rightFor(session int64, order []int) bool {
	for at, i := range order {
		if v.h.Ops[i].Process == session && !v.right(i, order[:at]) {
			return false
		}
	}
	return true
}

func (v *naive) memory() bool {
	for i := range v.n {
		past := func(j int) bool { return j == i || v.co[j][i] }
		if !v.orders(past, v.co, func(order []int) bool { return v.rightFor(v.h.Ops[i].Process, order) }) {
			return false
		}
	}
	return true
}

func (v *naive) pram() bool {
	for i := range v.n {
		s := v.h.Ops[i].Process
		if !v.orders(v.all, v.so, func(order []int) bool { return v.rightFor(s, order) }) {
			return false
		}
	}
	return true
}

func (v *naive) sequential(rel [][]bool) bool {
	return v.orders(v.all, rel, func(order []int) bool {
		for at, i := range order {
			if !v.right(i, order[:at]) {
				return false
			}
		}
		return true
	})
}

// guarantee is a session guarantee by its formula: for all reads of key in t3
// from t1 and all t2 that must be seen, t1 is not older than t2.
func (v *naive) guarantee(must func(t2, t3 int) bool) bool {
	for t3 := range v.n {
		for _, r := range v.externalReads(t3) {
			t1 := v.writer(r.Key, r.Out)
			for t2 := range v.n {
				if t2 == t1 || t2 == t3 || !v.writes(t2, r.Key) || !must(t2, t3) {
					continue
				}
				if t1 < 0 || v.believedOlder(t1, t2, t3) {
					return false
				}
			}
		}
	}
	return true
}

// believedOlder is the order that t3's session has to believe in.
func (v *naive) believedOlder(t1, t2, t3 int) bool {
	if v.so[t1][t2] {
		return true
	}
	return v.h.Ops[t2].Process == v.h.Ops[t3].Process && v.some(func(w int) bool {
		return (w == t1 || v.so[t1][w]) && v.some(func(r int) bool { return v.readFrom(w, r) && (r == t2 || v.so[r][t2]) })
	})
}

func (v *naive) readFrom(t2, t3 int) bool {
	for _, r := range v.externalReads(t3) {
		if v.writer(r.Key, r.Out) == t2 {
			return true
		}
	}
	return false
}

func (v *naive) some(fn func(t int) bool) bool {
	for t := range v.n {
		if fn(t) {
			return true
		}
	}
	return false
}

func (v *naive) sawBy(w, t3 int) bool { // the session of t3 has read from w, t3 included
	return v.some(func(t int) bool { return v.readFrom(w, t) && (t == t3 || v.so[t][t3]) })
}

func (v *naive) ryw() bool { return v.guarantee(func(t2, t3 int) bool { return v.so[t2][t3] }) }
func (v *naive) mr() bool {
	return v.guarantee(func(t2, t3 int) bool {
		return v.some(func(t int) bool { return v.readFrom(t2, t) && v.so[t][t3] })
	})
}
func (v *naive) mw() bool {
	return v.guarantee(func(t2, t3 int) bool {
		return v.some(func(w int) bool { return v.so[t2][w] && v.sawBy(w, t3) })
	})
}
func (v *naive) wfr() bool {
	return v.guarantee(func(t2, t3 int) bool {
		return v.some(func(w int) bool {
			return v.sawBy(w, t3) && v.some(func(r int) bool { return v.readFrom(t2, r) && (r == w || v.so[r][w]) })
		})
	})
}

// axiom says that some commit order has, for every read of t3 from t1, every
// other writer that must be seen before t1.
func (v *naive) axiom(must func(t2, t3, step int) bool) bool {
	return v.orders(v.all, v.co, func(order []int) bool {
		at := make([]int, v.n)
		for i, t := range order {
			at[t] = i
		}
		for t3 := range v.n {
			for step, r := range v.externalReads(t3) {
				t1 := v.writer(r.Key, r.Out)
				for t2 := range v.n {
					if t2 == t1 || t2 == t3 || !v.writes(t2, r.Key) || !must(t2, t3, step) {
						continue
					}
					if t1 < 0 || at[t2] > at[t1] {
						return false
					}
				}
			}
		}
		return true
	})
}

func (v *naive) committed() bool {
	return v.axiom(func(t2, t3, step int) bool {
		for _, r := range v.externalReads(t3)[:step] {
			if v.writer(r.Key, r.Out) == t2 {
				return true
			}
		}
		return false
	})
}

func (v *naive) atomic() bool {
	return v.axiom(func(t2, t3, _ int) bool { return v.so[t2][t3] || v.readFrom(t2, t3) })
}

// twins are the checkers with their definitions.
var twins = []struct {
	name  string
	check func(*history.History) Result
	naive func(*naive) bool
}{
	{"causal", Causal, (*naive).causal},
	{"causal-convergent", CausalConvergent, (*naive).convergent},
	{"causal-memory", CausalMemory, (*naive).memory},
	{"pram", PRAM, (*naive).pram},
	{"ryw", ReadYourWrites, (*naive).ryw},
	{"mr", MonotonicReads, (*naive).mr},
	{"mw", MonotonicWrites, (*naive).mw},
	{"wfr", WritesFollowReads, (*naive).wfr},
	{"read-committed", ReadCommitted, (*naive).committed},
	{"read-atomic", ReadAtomic, (*naive).atomic},
}

func TestWeakLevelsAgainstDefinitions(t *testing.T) {
	for _, tw := range twins {
		for name, max := range map[string]int{"single": 1, "transactions": 3} {
			t.Run(tw.name+"/"+name, func(t *testing.T) {
				holds, broken := 0, 0
				rapid.Check(t, func(t *rapid.T) {
					h := drawWeak(t, 7, max)
					v := newNaive(h)
					want := v.sound() && tw.naive(v)
					got := tw.check(h)
					if got.Level != tw.name {
						t.Fatalf("level %q", got.Level)
					}
					if got.Verdict == Unknown || (got.Verdict == Holds) != want {
						t.Fatalf("got %v, the definition says %v\n%s", got, want, show(h.Ops))
					}
					for _, x := range got.Violations {
						if len(x.Ops) == 0 || x.Text == "" {
							t.Fatalf("a violation that shows nothing: %+v\n%s", x, show(h.Ops))
						}
						if v.sound() || x.Kind == "cause after effect" {
							confirm(t, tw.check, v, x)
						}
					}
					if want {
						holds++
					} else {
						broken++
					}
				})
				if holds == 0 || broken == 0 {
					t.Errorf("%d histories held, %d did not: the draw shows nothing", holds, broken)
				}
			})
		}
	}
}

// confirm says that the sub-history of a violation is by itself a violation, of
// the same kind, and that nothing in it can be left out.
func confirm(t *rapid.T, check func(*history.History) Result, n *naive, v Violation) {
	judge := func(ops []int) Result {
		sub := &history.History{Header: n.h.Header}
		for _, i := range ops {
			op := n.h.Ops[i]
			if op.F == history.Txn { // without what was read from others than these
				op.Txn = slices.DeleteFunc(slices.Clone(op.Txn), func(s history.Step) bool {
					w := n.writer(s.Key, s.Out)
					return s.F == history.Read && w >= 0 && !slices.Contains(ops, w)
				})
			}
			sub.Ops = append(sub.Ops, op)
		}
		return check(sub)
	}
	if r := judge(v.Ops); r.Verdict != Violated || r.Violations[0].Kind != v.Kind {
		t.Fatalf("the sub-history %v of %q shows something else: %v\n%s", v.Ops, v.Text, r, show(n.h.Ops))
	}
	if v.Kind == "phantom value" { // drawWeak makes none
		t.Fatalf("a phantom in %v that is none: %q\n%s", v.Ops, v.Text, show(n.h.Ops))
	}
	for _, drop := range v.Ops {
		gone := map[int]bool{drop: true}
		for range v.Ops {
			for _, i := range v.Ops {
				for w := range gone {
					if n.h.Ops[i].F != history.Txn && n.readFrom(w, i) {
						gone[i] = true
						break
					}
				}
			}
		}
		rest := slices.DeleteFunc(slices.Clone(v.Ops), func(i int) bool { return gone[i] })
		if r := judge(rest); r.Verdict == Violated {
			t.Fatalf("%v of %q is not minimal: %v is enough: %v\n%s", v.Ops, v.Text, rest, r, show(n.h.Ops))
		}
	}
}
