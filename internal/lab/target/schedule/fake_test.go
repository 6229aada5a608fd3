package schedule

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/parleydb/parley/history"
	"github.com/parleydb/parley/internal/lab"
)

// fake is a database in memory with one node. wrong may spoil what came of an
// operation.
type fake struct {
	wrong  func(*history.Op)
	any    bool // takes every session, level and fault
	values map[string]history.Value
	still  bool
}

func newFake() *fake { return &fake{values: map[string]history.Value{}} }

func (f *fake) Name() string            { return "a fake" }
func (f *fake) Nodes() []string         { return []string{"n1"} }
func (f *fake) Levels() []string        { return []string{"best"} }
func (f *fake) Faults() []lab.FaultKind { return []lab.FaultKind{lab.FaultPause} }
func (f *fake) Close() error            { return nil }

func (f *fake) Open(_ context.Context, s lab.Session) (lab.Client, error) {
	if !f.any && (s.Node != 0 || s.Level != "" && s.Level != "best") {
		return nil, errors.New("there is no such node or level")
	}
	return &fakeClient{f}, nil
}

func (f *fake) Inject(_ context.Context, fault lab.Fault) (func(context.Context) error, error) {
	if fault.Kind != lab.FaultPause && !f.any {
		return nil, errors.New("there is no such fault")
	}
	f.still = true
	return func(context.Context) error { f.still = false; return nil }, nil
}

type fakeClient struct{ *fake }

func (c *fakeClient) Do(_ context.Context, op *history.Op) {
	if op.Outcome = history.OK; !c.still {
		if !c.apply(op) {
			op.Outcome = history.Fail
		}
	} else if op.Outcome = history.Info; op.F == history.Read {
		op.Outcome = history.Fail
	}
	if c.wrong != nil {
		c.wrong(op)
	}
}

func (c *fakeClient) apply(op *history.Op) (ok bool) {
	e := op.In.Elems()
	switch {
	case op.F == history.Txn:
		for i := range op.Txn {
			s := &op.Txn[i]
			if s.Out, ok = c.step(s.F, s.Key, s.In); !ok {
				return false
			}
		}
		return true
	case op.F == history.Transfer:
		if len(e) != 3 || c.values[e[1].Text()].IsNil() {
			return false
		}
		a, _ := c.values[e[0].Text()].Int()
		b, _ := c.values[e[1].Text()].Int()
		n, _ := e[2].Int()
		if op.Out = history.Bool(a >= n); a >= n {
			c.values[e[0].Text()], c.values[e[1].Text()] = history.Int(a-n), history.Int(b+n)
		}
		return true
	case op.F == history.Read && len(e) > 0:
		var all []history.Value
		for _, a := range e {
			all = append(all, history.List(a, c.values[a.Text()]))
		}
		op.Out = history.List(all...)
		return true
	}
	op.Out, ok = c.step(op.F, op.Key, op.In)
	return ok
}

// step is one operation on one key.
func (c *fakeClient) step(f, key string, in history.Value) (out history.Value, ok bool) {
	old := c.values[key]
	n, isInt := old.Int()
	switch f {
	case history.Read:
		return old, true
	case history.Write, history.Swap:
		if c.values[key] = in; f == history.Swap {
			out = old
		}
		return out, true
	case history.Delete:
		delete(c.values, key)
		return history.Int(int64(min(1, len(old.Text())))), true
	case history.CAS:
		if !in.IsList() {
			return history.Nil, false
		}
		if same := old == in.Elems()[0]; !same {
			return history.Bool(false), true
		}
		c.values[key] = in.Elems()[1]
		return history.Bool(true), true
	case history.Incr:
		by, given := in.Int()
		if !given {
			by = 1
		}
		if !isInt && !old.IsNil() {
			return history.Nil, false
		}
		c.values[key] = history.Int(n + by)
		return c.values[key], true
	}
	return c.list(f, key, old, in)
}

// list is an operation on a list, a queue or a set.
func (c *fakeClient) list(f, key string, old, in history.Value) (out history.Value, ok bool) {
	if !old.IsNil() && !old.IsList() {
		return history.Nil, false
	}
	elems := slices.Clone(old.Elems())
	at := slices.Index(elems, in)
	switch f {
	case history.Dequeue:
		if len(elems) > 0 {
			out, elems = elems[0], elems[1:]
		}
	case history.Add:
		if out = history.Int(0); at < 0 {
			out, elems = history.Int(1), append(elems, in)
		}
	case history.Remove:
		if out = history.Int(0); at >= 0 {
			out, elems = history.Int(1), slices.Delete(elems, at, at+1)
		}
	case history.Append, history.Enqueue:
		if elems = append(elems, in); f == history.Append {
			out = history.Int(int64(len(elems)))
		}
	default:
		return history.Nil, false
	}
	c.values[key] = history.List(elems...)
	return out, true
}

func (c *fakeClient) Close() error { return nil }

// trial is a test that may fail without failing its own.
type trial struct {
	testing.TB
	failed bool
}

func (t *trial) Helper()               {}
func (t *trial) Error(...any)          { t.failed = true }
func (t *trial) Errorf(string, ...any) { t.failed = true }
func (t *trial) Fatal(...any)          { t.failed = true; panic(t) }
func (t *trial) Fatalf(string, ...any) { t.failed = true; panic(t) }

// fails says whether what test tries goes wrong.
func fails(t *testing.T, test func(t testing.TB)) bool {
	try := &trial{TB: t}
	func() {
		defer func() {
			if p := recover(); p != nil && p != any(try) {
				panic(p)
			}
		}()
		test(try)
	}()
	return try.failed
}
