package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/parleydb/parley/history"
)

// Model is the sequential specification of what a key holds: what each
// operation does and answers when operations come one after the other.
// Operations that a model does not know make a verdict unknown.
type Model struct {
	name    string
	initial func(key string) history.Value
	unique  bool // reads, writes and compare-and-sets only: the fast path may apply
	whole   bool // all keys are one object
	build   func(ops []*history.Op, initial func(key string) history.Value) (machine, int32, error)
}

// models are all models that ModelNamed knows.
var models = []struct {
	name  string
	about string // its operations
	make  Model
}{
	{"register", "read, write", Model{unique: true, build: buildCells}},
	{"cas-register", "read, write, cas", Model{unique: true, build: buildCells}},
	{"kv", "read, write, cas, swap, delete, incr, concat; transactions of these", Model{unique: true, build: buildCells}},
	{"counter", "incr, read", Model{unique: true, build: buildCells}},
	{"set", "add, remove, read", Model{build: buildSet}},
	{"queue", "enqueue, dequeue: first in, first out", Model{build: buildQueue}},
	{"append", "append to a list, read; in transactions, for the serializable levels", Model{build: buildList}},
	{"mutex", "acquire, release, each by a process", Model{build: buildMutex}},
	{"bank", "transfer, read of all accounts", Model{whole: true, build: buildBank}},
}

// Name is the model's name, as ModelNamed takes it.
func (m Model) Name() string { return m.name }

// ModelNames are the models, as in `parley check --model`.
func ModelNames() []string {
	names := make([]string, len(models))
	for i, m := range models {
		names[i] = m.name
	}
	return names
}

// ModelAbout is what operations a model has, "" if there is no such model.
func ModelAbout(name string) string {
	for _, m := range models {
		if m.name == name {
			return m.about
		}
	}
	return ""
}

// ModelNamed is the model of that name, over the initial values of a header.
func ModelNamed(name string, h *history.Header) (Model, error) {
	for _, entry := range models {
		if entry.name == name {
			m := entry.make
			m.name, m.initial = name, h.InitialOf
			return m, nil
		}
	}
	return Model{}, fmt.Errorf("unknown model %q; there are %s", name, strings.Join(ModelNames(), ", "))
}

// KV is the model of a key-value store that starts empty: read, write, cas,
// swap, delete and incr on single keys, and transactions of these.
func KV() Model { m, _ := ModelNamed("kv", &history.Header{}); return m }

// Register is KV with every key holding the given value at first.
func Register(initial history.Value) Model {
	m, _ := ModelNamed("register", &history.Header{Initial: initial})
	return m
}

// errNotInModel says that the model has no such operation.
func errNotInModel(model string, op *history.Op) error {
	return fmt.Errorf("%s has no operation %q with argument %s%s", model, op.F, op.In, inLine(op))
}

func inLine(op *history.Op) string {
	if op.Line == 0 {
		return ""
	}
	return fmt.Sprintf(" (line %d)", op.Line)
}

// buildCells makes a machine of one cell, or of several where transactions tie
// keys together.
func buildCells(ops []*history.Op, initial func(string) history.Value) (machine, int32, error) {
	single := true
	for _, op := range ops {
		single = single && op.F != history.Txn
	}
	if !single {
		return buildManyCells(ops, initial)
	}
	c := &cell{values: *newValues(), ops: make([]cellOp, len(ops))}
	for i, op := range ops {
		var ok bool
		if c.ops[i], ok = compileCell(&c.values, op.F, op.In, op.Out, op.Outcome == history.OK); !ok {
			return nil, 0, errNotInModel("a register", op)
		}
	}
	return c, c.of(initial(ops[0].Key)), nil
}

func buildManyCells(ops []*history.Op, initial func(string) history.Value) (machine, int32, error) {
	index := make(map[string]int)
	var keys []string
	at := func(space, key string) int {
		full := space + "\x00" + key
		i, ok := index[full]
		if !ok {
			i = len(keys)
			index[full] = i
			keys = append(keys, key)
		}
		return i
	}
	c := newCells(0)
	for _, op := range ops {
		var ks []keyedOp
		for _, s := range stepsOf(op) {
			k, ok := compileCell(&c.values, s.F, s.In, s.Out, op.Outcome == history.OK)
			if !ok {
				return nil, 0, errNotInModel("a register", op)
			}
			ks = append(ks, keyedOp{at(op.Keyspace, s.Key), k})
		}
		c.ops = append(c.ops, ks)
	}
	c.vec = make([]int32, len(keys))
	for i, k := range keys {
		c.vec[i] = c.of(initial(k))
	}
	return c, c.number(), nil
}

// stepsOf is a transaction's steps; a single operation is a transaction of one.
func stepsOf(op *history.Op) []history.Step {
	if op.F == history.Txn {
		return op.Txn
	}
	return []history.Step{{F: op.F, Key: op.Key, In: op.In, Out: op.Out}}
}

func buildWords(ops []*history.Op, m *words, start string, fs ...string) (machine, int32, error) {
	for _, op := range ops {
		if !slices.Contains(fs, op.F) {
			return nil, 0, errNotInModel("this model", op)
		}
	}
	return m, m.number(start), nil
}

func buildSet(ops []*history.Op, initial func(string) history.Value) (machine, int32, error) {
	m := newWords(applySet)
	for _, op := range ops {
		m.ops = append(m.ops, compileWord(op, true))
	}
	return buildWords(ops, m, elemsText(initial(ops[0].Key).Elems(), true), history.Add, history.Remove, history.Read)
}

func buildQueue(ops []*history.Op, initial func(string) history.Value) (machine, int32, error) {
	m := newWords(applyQueue)
	for _, op := range ops {
		w := compileWord(op, false)
		if op.Outcome == history.OK {
			w.parts = []string{} // also null is a known result: the queue was empty
		}
		m.ops = append(m.ops, w)
	}
	return buildWords(ops, m, elemsText(initial(ops[0].Key).Elems(), false), history.Enqueue, history.Dequeue)
}

func buildMutex(ops []*history.Op, _ func(string) history.Value) (machine, int32, error) {
	m := newWords(applyMutex)
	for _, op := range ops {
		w := compileWord(op, false)
		w.in = op.SessionName()
		w.known = op.Outcome == history.OK
		if w.known {
			w.parts = []string{}
		}
		m.ops = append(m.ops, w)
	}
	return buildWords(ops, m, "", history.Acquire, history.Release)
}

func buildList(ops []*history.Op, initial func(string) history.Value) (machine, int32, error) {
	l := newList()
	for _, op := range ops {
		o := listOp{known: op.Outcome == history.OK, elem: op.In, size: -1}
		switch op.F {
		case history.Read:
			o.read = true
			o.node = l.nodeOf(op.Out.Elems())
		case history.Append:
			if n, ok := op.Out.Int(); ok && o.known {
				o.size = n
			}
		default:
			return nil, 0, errNotInModel("a list", op)
		}
		l.ops = append(l.ops, o)
	}
	return l, l.nodeOf(initial(ops[0].Key).Elems()), nil
}
