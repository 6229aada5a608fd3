package analyze

import (
	"fmt"
	"slices"
	"strings"

	"github.com/parleydb/parley/check"
	"github.com/parleydb/parley/internal/lab/story"
)

const (
	// caution is what a run is worth.
	caution = "\"Held\" means that this run shows no violation. That is no proof: another run, longer or under other faults, may show one. A violation is a proof."
	// words are those of the tables.
	words = "The words are those of 'parley check': ryw is read your writes, mr monotonic reads, mw monotonic writes, wfr writes follow reads. \"When cut off\" is what a node does that hears no other; to refuse is to give no answer, too."
)

// tell prints the analysis.
func (a *Analysis) tell(s *story.Stage) {
	s.Step("What was done, at every level that %s offers", a.Target)
	for _, name := range a.done() {
		s.Say("%s: %s", name, told[name])
	}
	if !a.Faults {
		s.Bad("%s", noFaults)
	}
	s.Step("%s, %d nodes: what held, by what was asked", a.Target, len(a.Nodes))
	s.Table(a.summary()...)
	s.Say("%s", caution)
	s.Say("%s", words)
	for _, m := range a.Modes {
		s.Step("Asked for %s", m.Name)
		s.Table(m.circumstances()...)
		for _, b := range m.Broken() {
			s.Bad("Not %s (%s): %s", b.Level, b.Trial.Name, b.Violation.Text)
		}
		for _, line := range m.remarks() {
			s.Saw("%s", line)
		}
	}
	a.tellPromises(s)
	for _, p := range a.Problems {
		s.Bad("This run does not count in full: %s.", p)
	}
}

// noFaults is said where none could be made.
const noFaults = "The lab did not start this database, so it could break nothing: that all is well while nothing fails says little."

func (a *Analysis) tellPromises(s *story.Stage) {
	all := a.Promises()
	if len(all) == 0 {
		return
	}
	s.Step("What its documents promise")
	for _, p := range all {
		s.Say("%s: %s (%s).", p.Mode, p.Says, p.Source)
		if words, broken := a.Kept(p); broken {
			s.Bad("%s", words)
		} else {
			s.Good("%s", words)
		}
	}
}

// done are the circumstances that came to be.
func (a *Analysis) done() (all []string) {
	for _, name := range names {
		if slices.ContainsFunc(a.Modes, func(m *Mode) bool { return len(m.of(name).Trials) > 0 }) {
			all = append(all, name)
		}
	}
	return all
}

// summary is the table of all modes.
func (a *Analysis) summary() [][]string {
	rows := [][]string{{"asked for", "held", "transactions", "acknowledged", "when cut off"}}
	for _, m := range a.Modes {
		rows = append(rows, []string{m.Name, m.levels(), m.transactions(), m.Writes().String(), m.Alone.String()})
	}
	return rows
}

// of is the mode in one of its circumstances.
func (m *Mode) of(name string) *Mode {
	part := &Mode{Name: m.Name}
	for _, t := range m.Trials {
		if t.Name == name {
			part.Trials = append(part.Trials, t)
		}
	}
	return part
}

// circumstances is the table of what held when something happened.
func (m *Mode) circumstances() [][]string {
	rows := [][]string{{"when", "held", "acknowledged"}}
	for _, name := range names {
		part := m.of(name)
		if len(part.Trials) == 0 {
			continue
		}
		held := part.levels()
		if name == nameAppend {
			held = part.transactions()
		}
		rows = append(rows, []string{name, held, part.Writes().String()})
	}
	return rows
}

// remarks are what follows from what is broken, and what is not decided.
func (m *Mode) remarks() (lines []string) {
	if f := m.Follows(); len(f) > 0 {
		lines = append(lines, "Broken as well, since each includes one of those shown: "+strings.Join(f, ", ")+".")
	}
	for _, r := range m.Undecided() {
		lines = append(lines, fmt.Sprintf("%s is not decided: %s.", r.Level, r.Why))
	}
	return lines
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
	if len(m.of(nameAppend).Trials) == 0 {
		return "-"
	}
	return cell(m.Transactions())
}

func cell(names []string) string {
	if len(names) == 0 {
		return "none of them"
	}
	return strings.Replace(strings.Join(names, ", "), "causal-convergent, causal-memory", "causal (CCv, CM)", 1)
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

// String says what a node did while it was cut off: the choice of CAP.
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
	return "both"
}
