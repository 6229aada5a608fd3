package verify

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/parleydb/parley/history"
	"github.com/parleydb/parley/internal/lab"
)

// fake is a database in memory with three nodes. bad says what is wrong with
// it, and is asked for every operation. A run on it lasts until so many operations
// were done, or so many faults ended, whatever time that takes; a fault lasts until
// a client has met it. Zero is no limit.
type fake struct {
	bad    func(op *history.Op, n int64) breakage
	ops    int64
	faults int
	unmet  map[int]bool // nodes with which no client talks: nobody meets a fault there
	enough func()       // ends the workload
	met    *sync.Cond   // with mu: a client has met a fault

	mu     sync.Mutex
	values map[string]history.Value // guarded by mu, as the rest
	lists  map[string][]history.Value
	old    map[string]history.Value // what a key held before its last change
	n      int64
	down   map[int]bool
	made   []lab.Fault
	healed int
	meets  int  // how often a client has met a fault
	lossy  bool // answers of writes are lost
	once   map[string]history.Value
	opened atomic.Int64
}

// breakage is what goes wrong with an operation.
type breakage int

const (
	fine    breakage = iota
	stale            // a read returns what was there before the last change
	lost             // a change is acknowledged, and not made
	doubled          // a change is made twice
	half             // a transfer takes and does not give
)

func newFake() *fake {
	f := &fake{
		values: map[string]history.Value{}, lists: map[string][]history.Value{}, old: map[string]history.Value{},
		down: map[int]bool{}, once: map[string]history.Value{},
	}
	f.met = sync.NewCond(&f.mu)
	return f
}

func (f *fake) meetLocked() {
	f.meets++
	f.met.Broadcast()
}

func (f *fake) Name() string            { return "a fake" }
func (f *fake) Nodes() []string         { return []string{"n1", "n2", "n3"} }
func (f *fake) Levels() []string        { return []string{"linearizable", "session", "eventual"} }
func (f *fake) Faults() []lab.FaultKind { return []lab.FaultKind{lab.FaultKill, lab.FaultLoss} }
func (f *fake) Close() error            { return nil }

func (f *fake) Open(_ context.Context, s lab.Session) (lab.Client, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down[s.Node] {
		f.meetLocked()
		return nil, fmt.Errorf("n%d is down", s.Node+1)
	}
	f.opened.Add(1)
	return &fakeClient{f: f, s: s}, nil
}

func (f *fake) Inject(_ context.Context, fault lab.Fault) (func(context.Context) error, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.made = append(f.made, fault)
	set := func(on bool) {
		for _, n := range fault.Nodes {
			f.down[n] = on
		}
		f.lossy = on && fault.Kind == lab.FaultLoss
	}
	set(true)
	before, healed := f.meets, false
	return func(context.Context) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		for f.meets == before && f.faults > 0 && !(len(fault.Nodes) == 1 && f.unmet[fault.Nodes[0]]) {
			f.met.Wait()
		}
		set(false)
		if !healed {
			healed = true
			if f.healed++; f.healed == f.faults {
				f.enough()
			}
		}
		return nil
	}, nil
}

type fakeClient struct {
	f *fake
	s lab.Session
}

func (c *fakeClient) Close() error                          { return nil }
func (c *fakeClient) Token(context.Context) (string, error) { return "token", nil }
func (c *fakeClient) Remembers() int                        { return 1000 }

func (c *fakeClient) Resolve(_ context.Context, op *history.Op) {
	c.f.mu.Lock()
	defer c.f.mu.Unlock()
	if out, ok := c.f.once[op.ID]; ok {
		op.Outcome, op.Out = history.OK, out
	}
}

func (c *fakeClient) Do(_ context.Context, op *history.Op) {
	f := c.f
	f.mu.Lock()
	defer f.mu.Unlock()
	op.Outcome = history.Fail
	if f.down[c.s.Node] {
		f.meetLocked()
		return
	}
	if f.n++; f.n == f.ops {
		f.enough()
	}
	how := fine
	if f.bad != nil {
		how = f.bad(op, f.n)
	}
	op.Outcome = history.OK
	f.apply(c.s.Model, op, how)
	if op.ID != "" && op.Outcome == history.OK {
		f.once[op.ID] = op.Out
	}
	if f.lossy && f.n%5 == 0 && op.F != history.Read {
		op.Outcome, op.Out = history.Info, history.Nil
		f.meetLocked()
	}
}

func (f *fake) apply(model string, op *history.Op, how breakage) {
	switch op.F {
	case history.Read:
		op.Out = f.read(model, op, how)
	case history.Txn:
		op.Txn = slices.Clone(op.Txn)
		for i := range op.Txn {
			step := &op.Txn[i]
			one := history.Op{F: step.F, Key: step.Key, In: step.In}
			f.apply(model, &one, how)
			step.Out = one.Out
		}
	default:
		for range map[breakage]int{fine: 1, stale: 1, doubled: 2, half: 1}[how] {
			f.change(op, how)
		}
		if how == lost && op.F == history.CAS {
			op.Out = history.Bool(true)
		}
	}
}

func (f *fake) read(model string, op *history.Op, how breakage) history.Value {
	switch model {
	case "bank":
		var all []history.Value
		for _, a := range op.In.Elems() {
			all = append(all, history.List(a, f.values[a.Text()]))
		}
		return history.List(all...)
	case "set", "append":
		elems := f.lists[op.Key]
		if how == stale {
			elems = elems[:max(0, len(elems)-3)]
		}
		return history.List(elems...)
	}
	if how == stale {
		return f.old[op.Key]
	}
	return f.values[op.Key]
}

func (f *fake) set(key string, v history.Value) { f.old[key], f.values[key] = f.values[key], v }

func (f *fake) change(op *history.Op, how breakage) {
	switch op.F {
	case history.Write:
		f.set(op.Key, op.In)
	case history.CAS:
		pair := op.In.Elems()
		ok := f.values[op.Key] == pair[0]
		if ok {
			f.set(op.Key, pair[1])
		}
		op.Out = history.Bool(ok)
	case history.Incr:
		n, _ := f.values[op.Key].Int()
		by, _ := op.In.Int()
		f.set(op.Key, history.Int(n+by))
		op.Out = f.values[op.Key]
	case history.Add, history.Append, history.Enqueue:
		f.lists[op.Key] = append(f.lists[op.Key], op.In)
	case history.Remove:
		f.lists[op.Key] = slices.DeleteFunc(f.lists[op.Key], func(v history.Value) bool { return v == op.In })
	case history.Dequeue:
		if l := f.lists[op.Key]; len(l) > 0 {
			op.Out, f.lists[op.Key] = l[0], l[1:]
		}
	case history.Transfer:
		in := op.In.Elems()
		amount, _ := in[2].Int()
		from, _ := f.values[in[0].Text()].Int()
		to, _ := f.values[in[1].Text()].Int()
		op.Out = history.Bool(from >= amount)
		if from < amount {
			return
		}
		f.values[in[0].Text()] = history.Int(from - amount)
		if how != half {
			f.values[in[1].Text()] = history.Int(to + amount)
		}
	}
}
