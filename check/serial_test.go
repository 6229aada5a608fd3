package check

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/parleydb/parley/history"
)

// drawLists is a small random history of transactions over lists. Most of it is
// made by a store that is right; then some reads are changed.
func drawLists(t *rapid.T) *history.History {
	h := &history.History{Header: history.Header{Model: "append"}}
	state := map[string][]history.Value{}
	value := int64(0)
	n := rapid.IntRange(1, 6).Draw(t, "n")
	type undo struct{ state map[string][]history.Value }
	var past []undo
	for i := range n {
		copied := map[string][]history.Value{}
		for k, v := range state {
			copied[k] = slices.Clone(v)
		}
		past = append(past, undo{copied})
		call := rapid.Int64Range(0, 20).Draw(t, "call")
		op := history.Op{Process: int64(i), Session: string(rune('a' + i%3)), F: history.Txn, Outcome: history.OK, Call: call, Return: call + rapid.Int64Range(0, 10).Draw(t, "length")}
		own := map[string][]history.Value{}
		view := state
		if rapid.IntRange(0, 3).Draw(t, "stale") == 0 { // reads an old state
			view = past[rapid.IntRange(0, len(past)-1).Draw(t, "of")].state
		}
		for range rapid.IntRange(1, 3).Draw(t, "steps") {
			k := rapid.SampledFrom([]string{"x", "y"}).Draw(t, "key")
			if rapid.Bool().Draw(t, "append") {
				value++
				op.Txn = append(op.Txn, history.Step{F: history.Append, Key: k, In: history.Int(value)})
				own[k] = append(own[k], history.Int(value))
			} else {
				op.Txn = append(op.Txn, history.Step{F: history.Read, Key: k, Out: history.List(append(slices.Clone(view[k]), own[k]...)...)})
			}
		}
		if rapid.IntRange(0, 4).Draw(t, "outcome") == 0 {
			op.Outcome, op.Return = history.Info, history.Never
		}
		if op.Outcome == history.OK || rapid.Bool().Draw(t, "happened") {
			for k, vs := range own {
				state[k] = append(slices.Clone(state[k]), vs...)
			}
		}
		h.Ops = append(h.Ops, op)
	}
	return h
}

// bruteLists tries every order of the operations that took place.
func bruteLists(h *history.History, before func(a, b *history.Op) bool) bool {
	done := make([]bool, len(h.Ops))
	state := map[string][]history.Value{}
	var try func() bool
	try = func() bool {
		left := false
		for i := range h.Ops {
			left = left || !done[i] && h.Ops[i].Outcome == history.OK
		}
		if !left {
			return true
		}
	next:
		for i := range h.Ops {
			op := &h.Ops[i]
			if done[i] {
				continue
			}
			for j := range h.Ops {
				if !done[j] && i != j && h.Ops[j].Outcome == history.OK && before(&h.Ops[j], op) {
					continue next
				}
			}
			old := map[string][]history.Value{}
			for k, v := range state {
				old[k] = v
			}
			ok := true
			for _, s := range op.Txn {
				if s.F == history.Append {
					state[s.Key] = append(slices.Clone(state[s.Key]), s.In)
				} else if op.Outcome == history.OK && s.Out != history.List(state[s.Key]...) {
					ok = false
				}
			}
			done[i] = true
			if ok && try() {
				return true
			}
			done[i] = false
			clear(state)
			for k, v := range old {
				state[k] = v
			}
		}
		return false
	}
	return try()
}

func TestListsAgainstBruteForce(t *testing.T) {
	levels := map[string]struct {
		check  func(*history.History) Result
		before func(a, b *history.Op) bool
	}{
		"serializable":        {func(h *history.History) Result { return Serializable(h, Budget{}) }, func(a, b *history.Op) bool { return false }},
		"strict-serializable": {func(h *history.History) Result { return StrictSerializable(h, Budget{}) }, func(a, b *history.Op) bool { return a.Before(b) }},
		"sequential": {func(h *history.History) Result { return Sequential(h, Budget{}) }, func(a, b *history.Op) bool {
			return a.Session == b.Session && a.Call < b.Call
		}},
	}
	for name, l := range levels {
		t.Run(name, func(t *testing.T) {
			holds, broken := 0, 0
			property := func(t *rapid.T) {
				h := drawLists(t)
				if name == "sequential" { // a session's operations one after the other
					for i := range h.Ops {
						h.Ops[i].Call, h.Ops[i].Return = int64(10*i), int64(10*i+5)
						if h.Ops[i].Outcome == history.Info {
							h.Ops[i].Session, h.Ops[i].Return = "", history.Never
							h.Ops[i].Process = int64(100 + i)
						}
					}
				}
				want := bruteLists(h, l.before)
				got := l.check(h)
				if got.Verdict == Unknown || (got.Verdict == Holds) != want {
					t.Fatalf("got %v, brute force says %v\n%s", got, want, show(h.Ops))
				}
				for _, v := range got.Violations {
					if len(v.Ops) == 0 || v.Text == "" {
						t.Fatalf("a violation that shows nothing: %+v", v)
					}
				}
				if want {
					holds++
				} else {
					broken++
				}
			}
			for range 10 { // few draws break serializability: a hundred may hold none
				rapid.Check(t, property)
			}
			if holds == 0 || broken == 0 {
				t.Errorf("%d held, %d did not: the draw shows nothing", holds, broken)
			}
		})
	}
}

// drawVersioned is drawWeak with versions: those of the order in the file, now
// and then of another.
func drawVersioned(t *rapid.T) *history.History {
	h := drawWeak(t, 6, 1)
	version := map[history.Value]uint64{}
	next := uint64(1)
	for i := range h.Ops {
		if op := &h.Ops[i]; op.F == history.Write {
			op.Version = 2 * next
			if rapid.IntRange(0, 5).Draw(t, "late") == 0 {
				op.Version += 5
			}
			next++
			for _, v := range version {
				if v == op.Version {
					op.Version++
				}
			}
			version[op.In] = op.Version
		}
	}
	for i := range h.Ops {
		if op := &h.Ops[i]; op.F == history.Read && !op.Out.IsNil() {
			op.Version = version[op.Out]
		}
	}
	return h
}

// TestSequentialByVersionAgainstBruteForce: one order of all operations that
// keeps sessions and, for each key, the order of versions.
func TestSequentialByVersionAgainstBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawVersioned(t)
		v := newNaive(h)
		rel := square(v.n)
		for i := range v.n {
			for j := range v.n {
				a, b := &h.Ops[i], &h.Ops[j]
				rel[i][j] = v.so[i][j] || a.F == history.Write && b.F == history.Write && a.Key == b.Key && a.Version < b.Version
			}
		}
		want := v.sequential(rel)
		got := Sequential(h, Budget{})
		if got.Verdict == Unknown || (got.Verdict == Holds) != want {
			t.Fatalf("got %v, brute force says %v\n%s", got, want, show(h.Ops))
		}
	})
}

// TestSerializableRegistersAgainstBruteForce: transactions of reads and writes
// without versions.
func TestSerializableRegistersAgainstBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawWeak(t, 5, 3)
		v := newNaive(h)
		got := Serializable(h, Budget{})
		if want := v.internal() && v.sequential(square(v.n)); got.Verdict == Unknown || (got.Verdict == Holds) != want {
			t.Fatalf("got %v, brute force says %v\n%s", got, want, show(h.Ops))
		}
	})
}

// internal says that transactions see their own writes.
func (v *naive) internal() bool {
	for i := range v.n {
		own := map[string]history.Value{}
		for _, s := range stepsOf(&v.h.Ops[i]) {
			if w, ok := own[s.Key]; s.F == history.Read && ok && w != s.Out {
				return false
			}
			if s.F == history.Write {
				own[s.Key] = s.In
			}
		}
	}
	return true
}

// TestSequentialWithoutVersions: never wrong, unknown where it must be.
func TestSequentialWithoutVersions(t *testing.T) {
	decided := 0
	rapid.Check(t, func(t *rapid.T) {
		h := drawWeak(t, 6, 1)
		v := newNaive(h)
		got := Sequential(h, Budget{})
		if want := v.sequential(v.so); got.Verdict != Unknown && (got.Verdict == Holds) != want {
			t.Fatalf("got %v, brute force says %v\n%s", got, want, show(h.Ops))
		}
		if got.Verdict != Unknown {
			decided++
		}
	})
	if decided == 0 {
		t.Error("nothing was ever decided")
	}
}
