package analyze

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/parleydb/parley/check"
	"github.com/parleydb/parley/internal/lab/report"
)

// write writes the analysis as a page.
func (a *Analysis) write(path string) (err error) {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return report.WriteCollection(file, a.page())
}

func (a *Analysis) page() report.Collection {
	c := report.Collection{
		Title: fmt.Sprintf("The guarantees of %s, %d nodes", a.Target, len(a.Nodes)), Command: a.Options.Command,
		More: caution, Notes: a.Problems,
		Facts: [][2]string{{"target", a.Target}, {"nodes", strings.Join(a.Nodes, ", ")}, {"seed", fmt.Sprint(a.Options.Seed)},
			{"workloads under drawn faults", a.Options.Time.String()}, {"took", a.Took.Round(1e9).String()}},
	}
	if !a.Faults {
		c.Notes = append(c.Notes, noFaults)
	}
	c.Verdict, c.Headline = a.headline()
	c.Tables = append(c.Tables, table("What held, by what was asked", a.summary(), words))
	if all := a.Promises(); len(all) > 0 {
		rows := [][]string{{"asked for", "the documents say", "in", "this run"}}
		for _, p := range all {
			words, _ := a.Kept(p)
			rows = append(rows, []string{p.Mode, p.Says, p.Source, words})
		}
		c.Tables = append(c.Tables, table("What its documents promise", rows, ""))
	}
	rows := [][]string{{"when", "what happens, at every level"}}
	for _, name := range a.done() {
		rows = append(rows, []string{name, told[name]})
	}
	c.Tables = append(c.Tables, table("What was done", rows, ""))
	for _, m := range a.Modes {
		c.Parts = append(c.Parts, m.part())
	}
	return c
}

func table(title string, rows [][]string, note string) report.Table {
	return report.Table{Title: title, Head: rows[0], Rows: rows[1:], Note: note}
}

// headline says whether the promises were kept, and if losses are no breach of
// one, that there were some.
func (a *Analysis) headline() (check.Verdict, string) {
	all := a.Promises()
	for _, p := range all {
		if words, broken := a.Kept(p); broken {
			return check.Violated, p.Mode + ": " + words
		}
	}
	for _, m := range a.Modes {
		if m.Writes().Lost > 0 && len(all) > 0 {
			return check.Violated, "Acknowledged writes were lost, as the documents warn"
		}
	}
	if len(all) == 0 {
		return check.Unknown, "What held, and what did not"
	}
	return check.Holds, "What the documents promise was kept in this run"
}

func (m *Mode) part() report.Part {
	p := report.Part{Title: "Asked for " + m.Name, Text: strings.Join(m.remarks(), " "), Tables: []report.Table{table("", m.circumstances(), "")}}
	for _, b := range m.Broken() {
		one := check.Result{Level: b.Level, Verdict: check.Violated, Violations: []check.Violation{b.Violation}}
		p.Stories = append(p.Stories, report.Input{History: b.Trial.History, Faults: b.Trial.Faults, Results: []check.Result{one}})
	}
	for _, t := range m.of(nameMoves).Trials {
		p.Over = &report.Input{History: t.History, Faults: t.Faults}
	}
	return p
}
