package check

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/parleydb/parley/history"
)

// Verdict is what a checker found.
type Verdict uint8

const (
	// Unknown: not decided. The zero value, so that nothing passes by omission.
	Unknown Verdict = iota
	// Holds: the history has the guarantee.
	Holds
	// Violated: it has not, and Result.Violations shows it.
	Violated
)

var verdictNames = [...]string{"unknown", "holds", "violated"}

func (v Verdict) String() string { return verdictNames[v] }

// Result is a checker's answer.
type Result struct {
	Level      string // the guarantee's name, as LevelNames has it
	Verdict    Verdict
	Why        string // for Unknown: what was missing, or ran out
	Violations []Violation
	Ops        int   // operations that were judged
	Steps      int64 // steps spent, for checkers that search
}

// Violation is one proof that a guarantee was broken.
type Violation struct {
	Kind string // a short name: "stale read", "lost update", …
	Key  string // the key, "" if it is about several
	Ops  []int  // the minimal sub-history, as indices of the judged operations, by call
	Text string // the story in plain words
}

// maxViolations is how many a result lists: enough to see a pattern.
const maxViolations = 8

// Budget bounds a search. The zero value is DefaultBudget.
type Budget struct {
	Steps int64       // how often a model may be asked; 0 means DefaultSteps
	Stop  func() bool // asked now and then; true gives up. May be nil
	Bare  bool        // the verdict is enough: stop at the first violation, and do not look for a smaller one
}

// DefaultSteps is some seconds of work on one core, and some GiB at the worst.
const DefaultSteps = 50_000_000

// meter counts a budget down.
type meter struct {
	bare        bool
	limit       int64
	left, spent int64
	stop        func() bool
	stopped     bool
}

func (b Budget) meter() *meter {
	if b.Steps == 0 {
		b.Steps = DefaultSteps
	}
	return &meter{bare: b.Bare, limit: b.Steps, left: b.Steps, stop: b.Stop}
}

// spend takes n steps; false when there are none left.
func (m *meter) spend(n int64) bool {
	m.left -= n
	m.spent += n
	if m.stop != nil && m.spent>>12 != (m.spent-n)>>12 && m.stop() {
		m.stopped = true
	}
	return m.left >= 0 && !m.stopped
}

// slice is a meter of at most n of the steps that are left, and whether that is
// less than all.
func (m *meter) slice(n int64) (partial bool, s *meter) {
	partial = n < m.left
	return partial, &meter{left: min(n, max(m.left, 0)), stop: m.stop, stopped: m.stopped}
}

func (m *meter) why() string {
	if m.stopped {
		return fmt.Sprintf("stopped after %d steps without an answer", m.spent)
	}
	return fmt.Sprintf("the budget of %d steps ran out without an answer", m.limit)
}

func holds(level string, n int) Result { return Result{Level: level, Verdict: Holds, Ops: n} }

func unknown(level string, n int, format string, args ...any) Result {
	return Result{Level: level, Verdict: Unknown, Ops: n, Why: fmt.Sprintf(format, args...)}
}

// String is the result in a line or a few.
func (r Result) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", r.Level, r.Verdict)
	if r.Why != "" {
		fmt.Fprintf(&b, " (%s)", r.Why)
	}
	for _, v := range r.Violations {
		fmt.Fprintf(&b, "\n  %s: %s", v.Kind, v.Text)
	}
	return b.String()
}

// seconds is a time of the history's clock in words.
func seconds(ns int64) string {
	switch {
	case ns == history.Never:
		return "an unknown time"
	case ns < 1000:
		return fmt.Sprintf("%d ns", ns)
	case ns < 1_000_000:
		return trimZeros(fmt.Sprintf("%.3f", float64(ns)/1e3)) + " us"
	case ns < 1_000_000_000:
		return trimZeros(fmt.Sprintf("%.3f", float64(ns)/1e6)) + " ms"
	}
	return trimZeros(fmt.Sprintf("%.6f", float64(ns)/1e9)) + " s"
}

func trimZeros(s string) string { return strings.TrimSuffix(strings.TrimRight(s, "0"), ".") }

// node is who answered.
func node(op *history.Op) string {
	if op.Node == "" {
		return "the system"
	}
	return op.Node
}

func who(op *history.Op) string { return "session " + op.SessionName() }

// keyOf names a key; the keyspace only where there is one.
func keyOf(op *history.Op) string {
	if op.Keyspace == "" {
		return op.Key
	}
	return op.Keyspace + "/" + op.Key
}

// outOfTime is the call of operations that are judged as if there were no time.
// Of operations that were called before time 0 no times are told.
const outOfTime int64 = -1

// withoutTimes is a history whose times only order, and are not told.
func withoutTimes(h *history.History) *history.History {
	out := &history.History{Header: h.Header, Notes: h.Notes, Ops: slices.Clone(h.Ops)}
	for i := range out.Ops {
		op := &out.Ops[i]
		op.Call += math.MinInt64
		if op.Return != history.Never {
			op.Return += math.MinInt64
		}
	}
	return out
}

// at is when an operation returned, "" where there is no time.
func at(op *history.Op) string {
	if op.Call < 0 {
		return ""
	}
	return " at " + seconds(op.Return)
}

// tell is an operation as a clause in the past tense.
func tell(op *history.Op) string {
	if op.F == history.Read && op.Outcome == history.OK {
		text := fmt.Sprintf("%s answered %s=%s to %s", node(op), keyOf(op), op.Out, who(op))
		return text + at(op)
	}
	text := who(op) + " " + deed(op)
	if op.Call < 0 {
		return text
	}
	return text + " (" + Span(op) + ")"
}

// deed is what a session did by an operation, and what it got.
func deed(op *history.Op) string {
	k := keyOf(op)
	refused := op.Outcome == history.OK && op.Out == history.Bool(false)
	switch op.F {
	case history.Read:
		return "asked for " + k
	case history.Write:
		return fmt.Sprintf("wrote %s=%s", k, op.In)
	case history.CAS:
		from, to := pair(op.In)
		if refused {
			return fmt.Sprintf("was refused to set %s from %s to %s", k, from, to)
		}
		return fmt.Sprintf("set %s from %s to %s", k, from, to)
	case history.Txn:
		return "ran the transaction " + tellSteps(op)
	case history.Acquire:
		if refused {
			return "was refused " + k
		}
		return "acquired " + k
	case history.Release:
		return "released " + k
	case history.Dequeue:
		if op.Outcome == history.OK && op.Out.IsNil() {
			return "found " + k + " empty"
		}
		return "took " + got(op, "something") + " from " + k
	case history.Generate:
		return "got the identifier " + got(op, "nothing")
	case history.Transfer:
		if e := op.In.Elems(); len(e) == 3 {
			verb := "moved"
			if refused {
				verb = "was refused to move"
			}
			return fmt.Sprintf("%s %s from %s to %s", verb, e[2], e[0], e[1])
		}
	}
	return change(op, k)
}

func got(op *history.Op, otherwise string) string {
	if op.Outcome != history.OK {
		return otherwise
	}
	return op.Out.String()
}

// change is an operation whose answer is beside what it is for.
func change(op *history.Op, k string) string {
	by := op.In.String()
	if op.In.IsNil() {
		by = "1"
	}
	formats := map[string]string{
		history.Incr: "added %[2]s to %[1]s", history.Add: "added %[2]s to %[1]s", history.Append: "appended %[2]s to %[1]s", history.Concat: "appended %[2]s to %[1]s",
		history.Enqueue: "put %[2]s into %[1]s", history.Remove: "removed %[2]s from %[1]s", history.Swap: "swapped %[2]s into %[1]s",
	}
	format, ok := formats[op.F]
	text := fmt.Sprintf("did %s %s %s", op.F, k, op.In)
	switch {
	case op.F == history.Delete:
		text = "deleted " + k
	case ok:
		text = fmt.Sprintf(format, k, by)
	}
	if op.Outcome == history.OK && (!op.Out.IsNil() || op.F == history.Swap) {
		text += " and got " + op.Out.String()
	}
	return text
}

func tellSteps(op *history.Op) string {
	var parts []string
	for _, s := range op.Txn {
		if s.F == history.Read {
			parts = append(parts, fmt.Sprintf("read %s=%s", s.Key, s.Out))
		} else {
			parts = append(parts, fmt.Sprintf("%s %s=%s", s.F, s.Key, s.In))
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// Span is when an operation ran, in words.
func Span(op *history.Op) string {
	switch {
	case op.Outcome == history.Fail:
		return "failed at " + seconds(op.Return)
	case op.Return == history.Never:
		return "called at " + seconds(op.Call) + ", outcome unknown"
	}
	return seconds(op.Call) + " to " + seconds(op.Return)
}

// pair splits the argument of a compare-and-set.
func pair(v history.Value) (from, to history.Value) {
	if e := v.Elems(); len(e) == 2 {
		return e[0], e[1]
	}
	return history.Nil, history.Nil
}
