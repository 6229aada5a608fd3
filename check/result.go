package check

import (
	"fmt"
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

// tell is an operation as a clause in the past tense.
func tell(op *history.Op) string {
	at := seconds(op.Return)
	k := keyOf(op)
	switch op.F {
	case history.Read:
		if op.Outcome != history.OK {
			return fmt.Sprintf("%s asked for %s at %s and got no answer", who(op), k, seconds(op.Call))
		}
		return fmt.Sprintf("%s answered %s=%s to %s at %s", node(op), k, op.Out, who(op), at)
	case history.Write:
		return fmt.Sprintf("%s wrote %s=%s (%s)", who(op), k, op.In, span(op))
	case history.CAS:
		from, to := pair(op.In)
		verb := "set"
		if op.Outcome == history.OK && op.Out == history.Bool(false) {
			verb = "was refused to set"
		}
		return fmt.Sprintf("%s %s %s from %s to %s (%s)", who(op), verb, k, from, to, span(op))
	case history.Delete:
		return fmt.Sprintf("%s deleted %s (%s)", who(op), k, span(op))
	}
	text := fmt.Sprintf("%s did %s", who(op), op.F)
	if k != "" {
		text += " " + k
	}
	if !op.In.IsNil() {
		text += " " + op.In.String()
	}
	if op.F == history.Txn {
		text += " " + tellSteps(op)
	}
	if !op.Out.IsNil() {
		text += " and got " + op.Out.String()
	}
	return text + " (" + span(op) + ")"
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

// span is when an operation ran.
func span(op *history.Op) string {
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
