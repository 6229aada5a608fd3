package report

import (
	"fmt"
	"html/template"
	"slices"

	"github.com/parleydb/parley/check"
	"github.com/parleydb/parley/history"
)

// section is a violation in full: told, drawn and listed.
type section struct {
	At     int
	Kind   string
	Key    string
	Told   []told
	Figure template.HTML
	Ops    []opRow
	Total  int // operations of the minimal sub-history
	Untold int // of them not listed

	ops   []int
	bytes int
}

// told is what the levels say of one sub-history.
type told struct {
	Levels string
	Kind   string
	Text   string
	rows   []int // of the levels in the table
}

// brief is a violation for which there is no room.
type brief struct{ Levels, Kind, Text string }

// opRow is an operation of a minimal sub-history.
type opRow struct {
	Where, Session, Node, Asked, Answered, Called, Returned, Level string
	Bad                                                            bool
}

// violations makes the sections. What several levels show with the same
// operations is drawn once, and told once if they tell it with the same words.
func (v *view) violations(in *Input, faults []fault) {
	var all []*section
	for li, r := range in.Results[:min(len(in.Results), maxResults)] {
		for _, x := range r.Violations {
			at := slices.IndexFunc(all, func(s *section) bool { return len(x.Ops) > 0 && slices.Equal(s.ops, x.Ops) })
			if at < 0 {
				at = len(all)
				all = append(all, &section{Kind: cut(x.Kind, maxName), Key: cut(x.Key, maxName), ops: x.Ops})
			}
			all[at].tell(li, cut(r.Level, maxName), x)
		}
	}
	untold := 0
	for _, s := range all {
		if v.room > 0 {
			s.fill(in.History, faults)
			v.room -= s.bytes
		}
		if v.room <= 0 {
			untold += v.briefly(s)
			continue
		}
		s.At = len(v.Violations) + 1
		for _, t := range s.Told {
			for _, row := range t.rows {
				v.Levels[row].Links = append(v.Levels[row].Links, link{s.At, t.Kind})
			}
		}
		v.Violations = append(v.Violations, *s)
	}
	if n := len(all) - len(v.Violations); n > 0 {
		v.omit("Pictures and operations of %s of %s violations.", count(n), count(len(all)))
	}
	if untold > 0 {
		v.omit("%s violations altogether.", count(untold))
	}
}

func (s *section) tell(row int, level string, x check.Violation) {
	kind, text := cut(x.Kind, maxName), cut(x.Text, maxText)
	for i := range s.Told {
		if t := &s.Told[i]; t.Kind == kind && t.Text == text {
			if !slices.Contains(t.rows, row) {
				t.Levels, t.rows = t.Levels+", "+level, append(t.rows, row)
			}
			return
		}
	}
	s.Told = append(s.Told, told{level, kind, text, []int{row}})
}

// maxBrief is how many violations without a section get their sentence.
const maxBrief = 50

// briefly gives the sentences alone, and returns for how many there was no room either.
func (v *view) briefly(s *section) (untold int) {
	for _, t := range s.Told {
		if len(v.Briefly) == maxBrief {
			untold++
			continue
		}
		v.Briefly = append(v.Briefly, brief{t.Levels, t.Kind, t.Text})
	}
	return untold
}

// fill draws and lists the operations. Indices that are not in the history are
// left out.
func (s *section) fill(h *history.History, faults []fault) {
	ops := slices.DeleteFunc(slices.Clone(s.ops), func(i int) bool { return i < 0 || i >= len(h.Ops) })
	s.Total = len(ops)
	drawn := ends(ops, maxDrawnOps)
	d := picture(h, drawn, faults)
	d.Title = s.Kind
	if len(drawn) < len(ops) {
		d.Title += fmt.Sprintf(", %d of %d operations", len(drawn), len(ops))
	}
	if len(ops) > 0 {
		s.Figure, _ = figureOf(d) // its lanes exist, and a buffer does not fail
	}
	last := revealing(h, ops)
	listed := ends(ops, maxTableOps)
	for _, i := range listed {
		s.Ops = append(s.Ops, rowOf(&h.Ops[i], i, i == last))
	}
	s.Untold = len(ops) - len(listed)
	s.bytes = len(s.Figure)
	for _, t := range s.Told {
		s.bytes += 400 + 5*(len(t.Text)+len(t.Levels))
	}
	for _, r := range s.Ops {
		s.bytes += 300 + 5*(len(r.Asked)+len(r.Answered)+len(r.Session)+len(r.Node)+len(r.Level))
	}
}

// ends are the first and the last of what is too long.
func ends(ops []int, most int) []int {
	if len(ops) <= most {
		return ops
	}
	return append(slices.Clone(ops[:most/2]), ops[len(ops)-most/2:]...)
}

// revealing is the operation of a sub-history with which the contradiction was
// complete: the last answer.
func revealing(h *history.History, ops []int) int {
	last := -1
	for _, i := range ops {
		if op := &h.Ops[i]; op.Outcome == history.OK && (last < 0 || op.Return > h.Ops[last].Return) {
			last = i
		}
	}
	return last
}

func rowOf(op *history.Op, i int, bad bool) opRow {
	r := opRow{
		Where: fmt.Sprintf("operation %d", i+1), Session: cut(op.SessionName(), maxName), Node: cut(op.Node, maxName), Asked: asked(op), Answered: answered(op),
		Called: moment(op.Call), Returned: moment(op.Return), Level: cut(op.Level, maxName), Bad: bad,
	}
	if op.Line > 0 {
		r.Where = fmt.Sprintf("line %d", op.Line)
	}
	return r
}
