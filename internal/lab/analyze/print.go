package analyze

import (
	"fmt"
	"slices"
	"strings"

	"github.com/parleydb/parley/check"
	"github.com/parleydb/parley/internal/lab/story"
)

// caution is what a run is worth.
const caution = "\"Held\" means that this run shows no violation. That is no proof: another run, longer or under other faults, may show one. A violation is a proof."

// tell prints the analysis.
func (a *Analysis) tell(s *story.Stage) {
	s.Step("%s, %d nodes: what held, by what was asked", a.Target, len(a.Nodes))
	rows := [][]string{{"asked for", "reads and writes", "transactions", "acknowledged", "a node cut off"}}
	for _, m := range a.Modes {
		rows = append(rows, []string{m.Name, m.levels(), m.transactions(), m.Writes().String(), m.Alone.String()})
	}
	s.Table(rows...)
	s.Say("%s", caution)
	s.Say("Shown are the strongest levels that held, in the words of `parley check`: mr is monotonic reads, ryw read your writes, mw monotonic writes, wfr writes follow reads.")
	for _, m := range a.Modes {
		a.tellMode(s, m)
	}
	if all := a.Promises(); len(all) > 0 {
		s.Step("What the documents promise")
		for _, p := range all {
			words, broken := a.Kept(p)
			s.Say("%s: %s (%s).", p.Mode, p.Says, p.Source)
			if broken {
				s.Bad("%s", words)
			} else {
				s.Good("%s", words)
			}
		}
	}
	for _, p := range a.Problems {
		s.Bad("This run does not count in full: %s.", p)
	}
}

func (a *Analysis) tellMode(s *story.Stage, m *Mode) {
	s.Step("Asked for %s", m.Name)
	rows := [][]string{{"when", "held", "acknowledged"}}
	for _, c := range m.circumstances() {
		rows = append(rows, []string{c.name, c.held, c.writes})
	}
	s.Table(rows...)
	for _, b := range m.Broken() {
		s.Bad("%s", b.told())
	}
	for _, r := range m.Undecided() {
		s.Saw("%s is not decided: %s.", r.Level, r.Why)
	}
}

// told is a broken guarantee in words.
func (b Broken) told() string {
	text := "Not " + b.Levels[0]
	if more := b.Levels[1:]; len(more) > 0 {
		text += " (so not " + strings.Join(more, ", ") + ")"
	}
	return text + ", when " + b.Trial.Name + ": " + b.Violation.Text
}

// circumstance is what held when something happened.
type circumstance struct{ name, held, writes string }

func (m *Mode) circumstances() (all []circumstance) {
	for _, name := range []string{nameCutOff, nameFailover, nameBehind, nameMoves, nameStays, nameAppend, nameSet} {
		part := &Mode{}
		for _, t := range m.Trials {
			if t.Name == name {
				part.Trials = append(part.Trials, t)
			}
		}
		if len(part.Trials) == 0 {
			continue
		}
		c := circumstance{name, part.levels(), part.Writes().String()}
		if name == nameAppend {
			c.held = part.transactions()
		}
		all = append(all, c)
	}
	return all
}

// levels are the strongest that held of single reads and writes of registers, in
// a cell of a table.
func (m *Mode) levels() string {
	registers := slices.DeleteFunc(slices.Clone(m.Trials), func(t *Trial) bool { return check.ModelOf(t.History) != "register" })
	if len(registers) == 0 {
		return "-"
	}
	return cell(strongest(registers))
}

func (m *Mode) transactions() string {
	if !slices.ContainsFunc(m.Trials, func(t *Trial) bool { return t.Name == nameAppend }) {
		return "-"
	}
	return cell(m.Transactions())
}

func cell(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// String is the count in a cell of a table.
func (w Writes) String() string {
	switch {
	case w.Acknowledged == 0:
		return "-"
	case w.Lost == 0:
		return fmt.Sprintf("%d, all kept", w.Acknowledged)
	}
	return fmt.Sprintf("%d, %d LOST", w.Acknowledged, w.Lost)
}

// String says what a node did while it was cut off: C or A of CAP.
func (a Alone) String() string {
	switch {
	case a.Reads+a.Writes == 0:
		return "not asked"
	case a.ReadsOK == 0 && a.WritesOK == 0:
		return "refuses"
	case a.WritesOK == 0:
		return "reads"
	case a.ReadsOK == 0:
		return "writes"
	}
	return "reads, writes"
}
