package report

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/parleydb/parley/history"
	"github.com/parleydb/parley/internal/lab/axis"
	"github.com/parleydb/parley/internal/lab/spacetime"
)

func cut(s string, runes int) string { return spacetime.Cut(s, runes) }

// count is a number with its thousands apart.
func count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// moment is a time of the history's clock.
func moment(t int64) string {
	if t == history.Never {
		return "never"
	}
	return axis.Moment(t)
}

// value is a value as people read it, and not more of it than they read.
func value(v history.Value) string {
	if text := v.Text(); len(text) > maxValue {
		v = history.String(cut(text, maxValue))
	}
	return cut(v.String(), maxValue)
}

// keyOf names a key; the keyspace only where there is one.
func keyOf(op *history.Op, key string) string {
	if op.Keyspace != "" {
		key = op.Keyspace + "/" + key
	}
	return cut(key, maxName)
}

// stepsOf are the steps of a transaction, or the operation as one step.
func stepsOf(op *history.Op) []history.Step {
	if op.F == history.Txn {
		return op.Txn
	}
	return []history.Step{{F: op.F, Key: op.Key, In: op.In, Out: op.Out}}
}

// asked is what was asked for: write x=2, read x, cas x [1 2].
func asked(op *history.Op) string {
	var parts []string
	for i, s := range stepsOf(op) {
		if i == 8 {
			parts = append(parts, fmt.Sprintf("%d more steps", len(op.Txn)-i))
			break
		}
		parts = append(parts, step(op, s))
	}
	text := strings.Join(parts, ", ")
	if op.F == history.Txn {
		return "txn {" + text + "}"
	}
	return text
}

func step(op *history.Op, s history.Step) string {
	text := s.F
	if s.Key != "" {
		text += " " + keyOf(op, s.Key)
	}
	switch {
	case s.F == history.Read && op.F == history.Txn && op.Outcome == history.OK:
		text += "=" + value(s.Out)
	case s.In.IsNil():
	case s.F == history.Write:
		text += "=" + value(s.In)
	default:
		text += " " + value(s.In)
	}
	return text
}

// answered is what came back.
func answered(op *history.Op) string {
	switch {
	case op.Outcome == history.Fail:
		return "failed"
	case op.Outcome == history.Info:
		return "unknown"
	case op.F == history.Txn, op.Out.IsNil() && op.F != history.Read && op.F != history.Dequeue:
		return "ok"
	}
	return value(op.Out)
}

// label is an operation on a diagram.
func label(op *history.Op) string {
	a := answered(op)
	if a == "ok" {
		return asked(op)
	}
	return asked(op) + " → " + a
}

// detail is an operation in full, for who points at it.
func detail(op *history.Op) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nanswer: %s\nsession %s", asked(op), answered(op), cut(op.SessionName(), maxName))
	if op.Node != "" {
		fmt.Fprintf(&b, ", node %s", cut(op.Node, maxName))
	}
	if op.Level != "" {
		fmt.Fprintf(&b, ", level %s", cut(op.Level, maxName))
	}
	if op.Version != 0 {
		fmt.Fprintf(&b, ", version %d", op.Version)
	}
	if op.Return == history.Never {
		fmt.Fprintf(&b, "\ncalled at %s, no certain answer", moment(op.Call))
	} else {
		fmt.Fprintf(&b, "\n%s to %s: %s", moment(op.Call), moment(op.Return), axis.Duration(float64(op.Return)-float64(op.Call)))
	}
	if op.Line > 0 {
		fmt.Fprintf(&b, "\nline %d", op.Line)
	}
	return b.String()
}
