package report

import (
	"fmt"
	"slices"

	"github.com/parleydb/parley/history"
	"github.com/parleydb/parley/internal/lab/spacetime"
)

// drawing is a diagram of operations while it is made.
type drawing struct {
	h     *history.History
	ops   []int
	d     *spacetime.Diagram
	lanes map[string]int // of nodes
	who   map[string]int // of sessions
	mark  int            // the operation that is drawn as bad
	never int64          // where the calls that nobody answered point to
}

// picture draws operations: sessions as lanes with a bar for each operation;
// nodes as lanes, where it is known who answered, with the values that they
// wrote or read; arrows for calls and answers, and dashed ones from a write to
// the reads that saw it.
func picture(h *history.History, ops []int, faults []fault) *spacetime.Diagram {
	g := drawing{h: h, ops: ops, d: &spacetime.Diagram{Logical: h.Header.Timeless}, mark: revealing(h, ops)}
	if len(ops) == len(h.Ops) {
		g.mark = -1 // the whole run, of which none is special
	}
	g.makeLanes()
	for _, i := range ops {
		g.draw(i)
	}
	g.readsFrom()
	if !h.Header.Timeless {
		g.d.Bands = bands(faults, g.lanes)
	}
	return g.d
}

func (g *drawing) makeLanes() {
	sessions, nodes := make(map[string]bool), make(map[string]bool)
	first, last := int64(0), int64(0)
	for n, i := range g.ops {
		op := &g.h.Ops[i]
		sessions[op.SessionName()] = true
		if op.Node != "" {
			nodes[op.Node] = true
		}
		if n == 0 {
			first, last = op.Call, ended(op)
		}
		first, last = min(first, op.Call), max(last, ended(op))
	}
	g.never = int64((uint64(last) - uint64(first)) / 30)
	g.who, g.lanes = g.add(sessions, "session ", "client"), g.add(nodes, "", "node")
}

func (g *drawing) add(names map[string]bool, prefix, kind string) map[string]int {
	at := make(map[string]int)
	var sorted []string
	for n := range names {
		sorted = append(sorted, n)
	}
	slices.SortFunc(sorted, byNumber)
	for _, n := range sorted {
		at[n] = len(g.d.Lanes)
		g.d.Lanes = append(g.d.Lanes, spacetime.Lane{Name: prefix + cut(n, maxName), Kind: kind})
	}
	return at
}

// draw draws an operation. When its node worked on it was not recorded: that is
// drawn half way.
func (g *drawing) draw(i int) {
	op := &g.h.Ops[i]
	who, mood := g.who[op.SessionName()], spacetime.Plain
	switch {
	case i == g.mark:
		mood = spacetime.Bad
	case op.Outcome != history.OK:
		mood = spacetime.Faint
	}
	text := detail(op)
	g.d.Spans = append(g.d.Spans, spacetime.Span{Lane: who, From: op.Call, To: max(op.Return, op.Call), Label: label(op), Detail: text, Mood: mood})
	node, known := g.lanes[op.Node]
	if !known {
		return
	}
	if op.Return == history.Never {
		g.d.Arrows = append(g.d.Arrows, spacetime.Arrow{FromLane: who, ToLane: node, From: op.Call, To: min(op.Call, history.Never-1-g.never) + g.never, Detail: "no answer came: it is unknown whether this arrived\n" + text, Mood: mood, Lost: true})
		return
	}
	g.d.Arrows = append(g.d.Arrows,
		spacetime.Arrow{FromLane: who, ToLane: node, From: op.Call, To: middle(op), Detail: "call: " + text, Mood: mood},
		spacetime.Arrow{FromLane: node, ToLane: who, From: middle(op), To: ended(op), Detail: "answer: " + text, Mood: mood})
	if values := valuesOf(op); values != "" {
		g.d.Events = append(g.d.Events, spacetime.Event{Lane: node, At: middle(op), Label: values, Detail: cut(op.Node, maxName) + ": " + text, Mood: mood})
	}
}

// middle is half way between call and answer.
func middle(op *history.Op) int64 {
	if op.Return == history.Never {
		return op.Call
	}
	return op.Call + int64((uint64(ended(op))-uint64(op.Call))/2)
}

// valuesOf is what a replica held: the value written or read, and its version.
func valuesOf(op *history.Op) string {
	if op.Outcome != history.OK || op.F == history.Txn {
		return ""
	}
	v := op.Out
	switch op.F {
	case history.Write, history.Swap:
		v = op.In
	case history.Read:
	default:
		return ""
	}
	text := fmt.Sprintf("%s=%s", keyOf(op, op.Key), cut(value(v), 20))
	if op.Version != 0 {
		text += fmt.Sprintf(" v%d", op.Version)
	}
	return text
}

// wrote is a value in a key, and who wrote it.
type wrote struct {
	space, key string
	value      history.Value
}

// readsFrom draws which write a read saw, where only one operation of the
// picture wrote that value.
func (g *drawing) readsFrom() {
	writers := make(map[wrote][]int)
	for _, i := range g.ops {
		op := &g.h.Ops[i]
		for _, s := range stepsOf(op) {
			if (s.F == history.Write || s.F == history.Swap) && op.Outcome != history.Fail {
				k := wrote{op.Keyspace, s.Key, s.In}
				writers[k] = append(writers[k], i)
			}
		}
	}
	for _, i := range g.ops {
		op := &g.h.Ops[i]
		for _, s := range stepsOf(op) {
			if s.F != history.Read || op.Outcome != history.OK {
				continue
			}
			if from := writers[wrote{op.Keyspace, s.Key, s.Out}]; len(from) == 1 && from[0] != i {
				g.saw(&g.h.Ops[from[0]], op, s)
			}
		}
	}
}

func (g *drawing) saw(w, r *history.Op, s history.Step) {
	g.d.Arrows = append(g.d.Arrows, spacetime.Arrow{
		FromLane: g.who[w.SessionName()], ToLane: g.who[r.SessionName()],
		From: middle(w), To: middle(r), Mood: spacetime.Faint, Dashed: true,
		Detail: fmt.Sprintf("session %s read %s=%s, which session %s wrote", cut(r.SessionName(), maxName), keyOf(r, s.Key), value(s.Out), cut(w.SessionName(), maxName)),
	})
}
