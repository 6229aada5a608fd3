package check

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/parleydb/parley/history"
)

// blur makes some answered operations ambiguous: their clients lost the answer,
// and went on as other processes.
func blur(t *rapid.T, ops []history.Op) []history.Op {
	out := slices.Clone(ops)
	for i := range out {
		op := &out[i]
		if op.Outcome != history.OK || rapid.IntRange(0, 3).Draw(t, "lost") > 0 {
			continue
		}
		op.Outcome, op.Return, op.Out = history.Info, history.Never, history.Nil
		op.Txn = slices.Clone(op.Txn)
		for s := range op.Txn {
			op.Txn[s].Out = history.Nil
		}
		op.Process += 1000 + int64(i)
	}
	return out
}

// TestLostAnswersAreNoViolation: a correct history stays one, for every checker,
// when some of its answers are lost. Less is known then, and nothing is wrong.
func TestLostAnswersAreNoViolation(t *testing.T) {
	causalLevels := strings.Fields("causal causal-convergent causal-memory pram ryw mr mw wfr read-atomic read-committed")
	atomic := append(strings.Fields("linearizable sequential strict-serializable serializable bounded:1us"), causalLevels...)
	for name, c := range map[string]struct {
		draw   func(*rapid.T) *history.History
		levels []string
	}{
		"registers": {func(t *rapid.T) *history.History {
			seed := lcg(rapid.Uint64().Draw(t, "seed"))
			return &history.History{Ops: drawAtomic(&seed, rapid.IntRange(1, 40).Draw(t, "n"), 3, 2, false)}
		}, atomic},
		"transactions": {func(t *rapid.T) *history.History {
			seed := lcg(rapid.Uint64().Draw(t, "seed"))
			return &history.History{Ops: drawAtomic(&seed, rapid.IntRange(1, 30).Draw(t, "n"), 3, 2, true)}
		}, strings.Fields("strict-serializable serializable causal-convergent causal causal-memory read-atomic read-committed")},
		"causal store": {func(t *rapid.T) *history.History {
			seed := lcg(rapid.Uint64().Draw(t, "seed"))
			return causalSeeded(&seed, rapid.IntRange(1, 40).Draw(t, "n"), 3, 2)
		}, strings.Fields("causal causal-memory pram ryw mr mw wfr")},
		"set":     {drawSet, []string{"exactly-once", "set-full", "linearizable"}},
		"queue":   {drawQueue, []string{"exactly-once", "linearizable"}},
		"counter": {drawCounter, []string{"counter", "linearizable"}},
		"ids":     {drawIDs, []string{"unique-ids"}},
		"bank":    {drawBank, []string{"bank", "linearizable"}},
	} {
		t.Run(name, func(t *testing.T) {
			held := map[string]int{}
			rapid.Check(t, func(t *rapid.T) {
				h := c.draw(t)
				if name == "counter" {
					h.Header.Initial = history.Int(0)
				}
				h.Ops = blur(t, h.Ops)
				for _, level := range c.levels {
					r, err := Judge(h, level, Options{})
					if err != nil || r.Verdict == Violated {
						t.Fatalf("%s: %v %v\n%s", level, err, r, show(h.Ops))
					}
					if r.Verdict == Holds {
						held[level]++
					}
				}
			})
			for _, level := range c.levels {
				if held[level] == 0 {
					t.Errorf("%s was never more than unknown", level)
				}
			}
		})
	}
}

// TestAmbiguityHidesNothing: an ambiguous write of another key, seen or not,
// leaves every fault as it is.
func TestAmbiguityHidesNothing(t *testing.T) {
	for level, texts := range faults {
		for _, text := range texts {
			if level == "sequential" && strings.Contains(text, "@") {
				continue // versions are known for all operations or for none
			}
			for _, more := range []string{"z w other 77 ?", "z w other 77 ?; y r other 77"} {
				plain, err := Judge(&history.History{Ops: script(0, text)}, level, Options{})
				r, err2 := Judge(&history.History{Ops: append(script(0, text), script(1000, more)...)}, level, Options{})
				if err != nil || err2 != nil || r.Verdict != Violated || !slices.Equal(r.Violations[0].Ops, plain.Violations[0].Ops) || r.Violations[0].Kind != plain.Violations[0].Kind {
					t.Errorf("%s of %q with %q: %v, want as without: %v", level, text, more, r, plain)
				}
			}
		}
	}
}
