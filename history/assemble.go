package history

import (
	"fmt"
)

// assembler joins invocations and completions into operations and refuses what
// contradicts itself.
type assembler struct {
	h      History
	limits Limits
	open   map[int64]int      // process to the operation that it waits for
	byID   map[string]int     // operations with an identity whose outcome is not settled
	inSess map[string]int     // under ByField: session to its open operation
	last   map[int64]lastLine // process to its last event
	e      event
}

type lastLine struct {
	time int64
	line int
}

func newAssembler(h Header, limits Limits) *assembler {
	return &assembler{
		h: History{Header: h}, limits: limits,
		open: make(map[int64]int), byID: make(map[string]int), inSess: make(map[string]int), last: make(map[int64]lastLine),
	}
}

// line takes in one line of a file.
func (a *assembler) line(line []byte, n int, in interner) error {
	a.e = event{}
	if err := parseEvent(line, in, &a.e); err != nil {
		return err
	}
	return a.event(&a.e, n)
}

func (a *assembler) event(e *event, n int) error {
	if !e.hasTime {
		return fmt.Errorf("the field \"time\" is missing")
	}
	if e.kind == "note" {
		a.h.Notes = append(a.h.Notes, Note{Time: e.time, Text: e.text})
		return nil
	}
	if !e.hasProc {
		return fmt.Errorf("the field \"process\" is missing")
	}
	if l, ok := a.last[e.op.Process]; ok && e.time < l.time {
		return fmt.Errorf("process %d: time goes back from %d in line %d to %d", e.op.Process, l.time, l.line, e.time)
	}
	a.last[e.op.Process] = lastLine{e.time, n}
	switch e.kind {
	case "invoke":
		return a.invoke(e, n)
	case "ok":
		return a.complete(e, OK)
	case "fail":
		return a.complete(e, Fail)
	case "info":
		return a.complete(e, Info)
	case "":
		return fmt.Errorf("the field \"type\" is missing")
	}
	return fmt.Errorf("unknown type %q; there are invoke, ok, fail, info and note", e.kind)
}

func (a *assembler) invoke(e *event, n int) error {
	op := &e.op
	if i, ok := a.open[op.Process]; ok {
		return fmt.Errorf("process %d calls again, but its call in line %d has not come back", op.Process, a.h.Ops[i].Line)
	}
	switch {
	case op.F == "":
		return fmt.Errorf("the field \"op\" is missing")
	case op.F == Txn && op.Txn == nil:
		return fmt.Errorf("a transaction without its steps in \"txn\"")
	case op.F != Txn && op.Txn != nil:
		return fmt.Errorf("steps in \"txn\", but the operation is %q", op.F)
	case len(a.h.Ops) == a.limits.Ops:
		return limitErrorf("more than %d operations", a.limits.Ops)
	}
	i := len(a.h.Ops)
	if a.h.Header.Sessions == ByField {
		if op.Session == "" {
			return fmt.Errorf("the header says that operations name their session, this one does not")
		}
		if j, ok := a.inSess[op.Session]; ok {
			return fmt.Errorf("session %s calls again, but its call in line %d has not come back", op.Session, a.h.Ops[j].Line)
		}
		a.inSess[op.Session] = i
	}
	if op.ID != "" {
		if j, ok := a.byID[op.ID]; ok && a.h.Ops[j].Outcome != Info {
			return fmt.Errorf("the id %q was used in line %d, and its outcome is known", op.ID, a.h.Ops[j].Line)
		}
		a.byID[op.ID] = i
	}
	op.Line, op.Call, op.Return, op.Outcome = n, e.time, Never, Info
	a.h.Ops = append(a.h.Ops, *op)
	a.open[op.Process] = i
	return nil
}

// complete settles the process's open operation, or, by its id, an ambiguous
// one of before: the system was asked and could tell.
func (a *assembler) complete(e *event, outcome Outcome) error {
	i, ok := a.open[e.op.Process]
	resolves := false
	if !ok || e.op.ID != "" && a.h.Ops[i].ID != e.op.ID {
		if i, ok = a.byID[e.op.ID]; !ok || e.op.ID == "" {
			return fmt.Errorf("process %d: %s without a call before it", e.op.Process, outcome)
		}
		resolves = true
	}
	op := &a.h.Ops[i]
	if err := agree(op, &e.op); err != nil {
		return err
	}
	if resolves && op.Outcome != Info {
		return fmt.Errorf("the call in line %d is settled already: it was %s", op.Line, op.Outcome)
	}
	if e.time < op.Call {
		return fmt.Errorf("it came back at %d, before it was called at %d in line %d", e.time, op.Call, op.Line)
	}
	if !resolves {
		delete(a.open, e.op.Process)
		delete(a.inSess, op.Session)
	}
	op.Outcome = outcome
	take(op, &e.op)
	if outcome != Info {
		op.Return = e.time
		if outcome == OK {
			op.Out = e.op.In
		}
	}
	return nil
}

// agree refuses a completion that tells another story than its call.
func agree(op, done *Op) error {
	for _, f := range [...]struct{ name, call, done string }{
		{"op", op.F, done.F}, {"key", op.Key, done.Key}, {"keyspace", op.Keyspace, done.Keyspace}, {"session", op.Session, done.Session},
	} {
		if f.done != "" && f.done != f.call {
			return fmt.Errorf("%s is %q, but the call in line %d said %q", f.name, f.done, op.Line, f.call)
		}
	}
	if done.Txn != nil {
		if len(done.Txn) != len(op.Txn) {
			return fmt.Errorf("the transaction has %d steps, but the call in line %d had %d", len(done.Txn), op.Line, len(op.Txn))
		}
		for i, s := range done.Txn {
			if c := op.Txn[i]; s.F != c.F || s.Key != c.Key || s.In != c.In {
				return fmt.Errorf("step %d of the transaction is not the one that was called in line %d", i+1, op.Line)
			}
		}
	}
	return nil
}

// take copies what only a completion tells.
func take(op, done *Op) {
	if done.Node != "" {
		op.Node = done.Node
	}
	if done.Level != "" {
		op.Level = done.Level
	}
	if done.Txn != nil {
		op.Txn = done.Txn
	}
	if done.Version != 0 {
		op.Version = done.Version
	}
	if !done.Dot.IsZero() {
		op.Dot = done.Dot
	}
}

func (a *assembler) finish() (*History, error) { return &a.h, nil }
