package report

import (
	"fmt"
	"strings"

	"github.com/parleydb/parley/check"
	"github.com/parleydb/parley/internal/lab/axis"
)

// headline is what a reader should know after five seconds.
type headline struct {
	Class string // a check.Verdict
	Text  string
	More  string
}

// levelRow is a level's verdict.
type levelRow struct {
	Level, Meaning string
	Verdict        string
	Why            string
	Strongest      bool
	Links          []link
}

// link leads to the section of a violation; At is 0 if it has none.
type link struct {
	At   int
	Text string
}

// noteRow is a note of the history or of the run; Time is empty for the latter.
type noteRow struct{ Time, Text string }

// meanings say what a level promises, in a line.
var meanings = map[string]string{
	"strict-serializable": "transactions behave as if run one by one, in the order of real time",
	"linearizable":        "one copy: every operation takes effect at one moment between its call and its answer",
	"serializable":        "transactions behave as if run one by one, in some order",
	"sequential":          "one order of all operations, in which each session's own order is kept",
	"causal-convergent":   "causes are seen before effects, and all agree on the order of concurrent writes (CCv)",
	"causal-memory":       "causes are seen before effects, and each session has one order of all writes (CM)",
	"causal":              "causes are seen before effects (CC)",
	"pram":                "each session's writes are seen by all in the order in which it made them",
	"ryw":                 "read your writes: a session sees what it wrote",
	"mr":                  "monotonic reads: a session never goes back in time",
	"mw":                  "monotonic writes: a session's writes are seen in their order",
	"wfr":                 "writes follow reads: a write is not seen without what its session had read before",
	"read-atomic":         "a transaction's writes are seen all or not at all",
	"read-committed":      "only values of committed transactions are read",
	"exactly-once":        "nothing acknowledged is lost, doubled or made up",
	"set-full":            "every acknowledged element is in the set from then on",
	"counter":             "the counter is the sum of what was added",
	"bank":                "transfers keep the total",
	"unique-ids":          "no identifier is given twice",
	"convergence":         "when updates end, all replicas agree",
}

func meaning(level string) string {
	if d, ok := strings.CutPrefix(level, "bounded:"); ok {
		return "no read is older than " + cut(d, maxName)
	}
	return meanings[level]
}

func headlineOf(results []check.Result) headline {
	var n [3]int
	var names [3][]string
	for _, r := range results {
		n[r.Verdict]++
		names[r.Verdict] = append(names[r.Verdict], cut(r.Level, maxName))
	}
	h := headline{Class: check.Unknown.String()}
	switch violated, unknown := n[check.Violated], n[check.Unknown]; {
	case len(results) == 0:
		h.Text = "Nothing was judged"
		return h
	case violated > 0:
		h.Class = check.Violated.String()
		h.Text = some(names[check.Violated], len(results)) + are(violated) + "violated"
	case unknown > 0:
		h.Text = some(names[check.Unknown], len(results)) + are(unknown) + "not decided"
	case len(results) == 1:
		h.Class = check.Holds.String()
		h.Text = names[check.Holds][0] + " holds"
		return h
	default:
		h.Class = check.Holds.String()
		h.Text = fmt.Sprintf("All %d levels hold", len(results))
	}
	switch strongest := check.Strongest(results); {
	case len(strongest) > 0:
		h.More = "Strongest that holds: " + cut(strings.Join(strongest, ", "), maxTitle)
	case len(results) > 1:
		h.More = "None of the levels is known to hold"
	}
	return h
}

// some names a few levels, or counts many.
func some(names []string, of int) string {
	if len(names) <= 3 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%d of %d levels", len(names), of)
}

func are(n int) string {
	if n == 1 {
		return " is "
	}
	return " are "
}

func (v *view) levels(results []check.Result) (rows []levelRow) {
	strongest := make(map[string]bool)
	for _, l := range check.Strongest(results) {
		strongest[l] = true
	}
	for i, r := range results {
		if i == maxResults {
			v.omit("%s of %s levels.", count(len(results)-i), count(len(results)))
			break
		}
		rows = append(rows, levelRow{
			Level: cut(r.Level, maxName), Meaning: meaning(r.Level), Verdict: r.Verdict.String(),
			Why: cut(r.Why, maxText), Strongest: strongest[r.Level],
		})
	}
	return rows
}

func (v *view) facts(in *Input, s *survey) [][2]string {
	var out [][2]string
	add := func(name, text string) { out = append(out, [2]string{cut(name, maxName), cut(text, maxText)}) }
	for i, f := range in.Facts {
		if i == maxFacts {
			v.omit("%s of %s facts.", count(len(in.Facts)-i), count(len(in.Facts)))
			break
		}
		add(f[0], f[1])
	}
	add("operations", fmt.Sprintf("%s (%s ok, %s failed, %s unknown)", count(s.ops), count(s.outcomes[1]), count(s.outcomes[2]), count(s.outcomes[0])))
	keys := count(s.keys)
	if s.moreKeys {
		keys = "more than " + keys
	}
	add("sessions, keys", count(len(s.sessions))+", "+keys)
	if len(s.nodes) > 0 {
		add("nodes", count(len(s.nodes))+": "+strings.Join(s.nodes[:min(len(s.nodes), 20)], ", "))
	}
	if m := check.ModelOf(in.History); m != "" && s.ops > 0 {
		add("model", m)
	}
	if !in.History.Header.Timeless {
		add("duration", axis.Duration(float64(s.to)-float64(s.from)))
	}
	return out
}

func (v *view) notes(in *Input) (rows []noteRow) {
	for _, n := range in.Notes {
		rows = append(rows, noteRow{"", cut(n, maxText)})
	}
	for _, n := range in.History.Notes {
		rows = append(rows, noteRow{moment(n.Time), cut(n.Text, maxText)})
	}
	if len(rows) > maxNotes {
		v.omit("%s of %s notes.", count(len(rows)-maxNotes), count(len(rows)))
		rows = rows[:maxNotes]
	}
	return rows
}

func (v *view) omit(format string, args ...any) {
	v.Omitted = append(v.Omitted, fmt.Sprintf(format, args...))
}
