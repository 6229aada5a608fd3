package judge

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/parleydb/parley/check"
	"github.com/parleydb/parley/history"
)

// verdicts is what `parley check` found, as --json shows it.
type verdicts struct {
	File       string      `json:"file"`
	Format     string      `json:"format"`
	Model      string      `json:"model"`
	Operations int         `json:"operations"`
	Levels     []levelJSON `json:"levels"`
	Strongest  []string    `json:"strongest"` // the levels that hold and that no other implies

	h       *history.History
	results []check.Result
}

type levelJSON struct {
	Level      string          `json:"level"`
	Verdict    string          `json:"verdict"`
	Why        string          `json:"why,omitempty"`
	Steps      int64           `json:"steps,omitempty"`
	Violations []violationJSON `json:"violations,omitempty"`
}

type violationJSON struct {
	Kind       string   `json:"kind"`
	Key        string   `json:"key,omitempty"`
	Text       string   `json:"text"`
	Operations []opJSON `json:"operations"` // the minimal sub-history
}

type opJSON struct {
	Index    int             `json:"index"` // in the file, from 0
	Line     int             `json:"line,omitempty"`
	Session  string          `json:"session"`
	Node     string          `json:"node,omitempty"`
	Keyspace string          `json:"keyspace,omitempty"`
	Op       string          `json:"op"`
	Key      string          `json:"key,omitempty"`
	Value    json.RawMessage `json:"value,omitempty"`
	Result   json.RawMessage `json:"result,omitempty"`
	Txn      [][]any         `json:"txn,omitempty"`
	Call     int64           `json:"call"`
	Return   *int64          `json:"return"` // null if nothing certain came back
	Outcome  string          `json:"outcome"`
}

// exit is the exit code.
func (v *verdicts) exit() int {
	code := ExitHolds
	for _, r := range v.results {
		switch {
		case r.Verdict == check.Violated:
			return ExitViolated
		case r.Verdict == check.Unknown:
			code = ExitUnknown
		}
	}
	return code
}

func (v *verdicts) print(w io.Writer, asJSON bool) error {
	v.Operations = len(v.h.Ops)
	v.Strongest = check.Strongest(v.results)
	if asJSON {
		return v.printJSON(w)
	}
	return v.printText(w)
}

func (v *verdicts) printJSON(w io.Writer) error {
	if v.Strongest == nil {
		v.Strongest = []string{}
	}
	for _, r := range v.results {
		l := levelJSON{Level: r.Level, Verdict: r.Verdict.String(), Why: r.Why, Steps: r.Steps}
		for _, x := range r.Violations {
			j := violationJSON{Kind: x.Kind, Key: x.Key, Text: x.Text}
			for _, i := range x.Ops {
				j.Operations = append(j.Operations, v.opJSON(i))
			}
			l.Violations = append(l.Violations, j)
		}
		v.Levels = append(v.Levels, l)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

func (v *verdicts) opJSON(i int) opJSON {
	op := &v.h.Ops[i]
	j := opJSON{Index: i, Line: op.Line, Session: op.SessionName(), Node: op.Node, Keyspace: op.Keyspace, Op: op.F, Key: op.Key, Call: op.Call, Outcome: op.Outcome.String()}
	if op.Return != history.Never {
		j.Return = &op.Return
	}
	if !op.In.IsNil() {
		j.Value = op.In.AppendJSON(nil)
	}
	if op.Outcome == history.OK && op.F != history.Txn {
		j.Result = op.Out.AppendJSON(nil)
	}
	for _, s := range op.Txn {
		value := s.In
		if s.F == history.Read {
			value = s.Out
		}
		j.Txn = append(j.Txn, []any{s.F, s.Key, json.RawMessage(value.AppendJSON(nil))})
	}
	return j
}

// shownOps is how many operations of a violation the text lists.
const shownOps = 20

func (v *verdicts) printText(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "%s: %d operations (%s, model %s)\n", v.File, v.Operations, v.Format, v.Model)
	for _, r := range v.results {
		fmt.Fprintf(b, "%-20s %s", r.Level, r.Verdict)
		if r.Why != "" {
			fmt.Fprintf(b, ": %s", r.Why)
		}
		b.WriteByte('\n')
		for _, x := range r.Violations {
			fmt.Fprintf(b, "  %s: %s\n", x.Kind, x.Text)
			for n, i := range x.Ops {
				if n == shownOps {
					fmt.Fprintf(b, "    and %d more\n", len(x.Ops)-n)
					break
				}
				fmt.Fprintf(b, "    %s\n", v.line(i))
			}
		}
	}
	if len(v.results) > 1 {
		switch {
		case len(v.Strongest) > 0:
			fmt.Fprintf(b, "strongest that holds: %s\n", strings.Join(v.Strongest, ", "))
		default:
			b.WriteString("none of these levels is known to hold\n")
		}
	}
	return b.Flush()
}

// line is an operation as one line of text.
func (v *verdicts) line(i int) string {
	op := &v.h.Ops[i]
	where := fmt.Sprintf("operation %d", i+1)
	if op.Line > 0 {
		where = fmt.Sprintf("line %d", op.Line)
	}
	what := op.F
	if op.Key != "" {
		what += " " + op.Key
	}
	if !op.In.IsNil() {
		what += " " + op.In.String()
	}
	for n, s := range op.Txn {
		value := s.In
		if s.F == history.Read {
			value = s.Out
		}
		if n > 0 {
			what += ","
		}
		what += fmt.Sprintf(" %s %s %s", s.F, s.Key, value)
	}
	result := op.Outcome.String()
	if op.Outcome == history.OK && (!op.Out.IsNil() || op.F == history.Read || op.F == history.Dequeue || op.F == history.Swap) {
		result += " " + op.Out.String()
	}
	line := fmt.Sprintf("%-12s session %s: %s -> %s", where, op.SessionName(), what, result)
	if op.Node != "" {
		line += " from " + op.Node
	}
	if v.h.Header.Timeless {
		return line
	}
	return line + " (" + check.Span(op) + ")"
}
