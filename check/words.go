package check

import (
	"slices"
	"strings"

	"github.com/parleydb/parley/history"
)

// words is a machine whose states are texts: for sets, queues, mutexes and
// banks, which are small. Its cost grows with the text.
type words struct {
	ops   []wordOp
	apply func(state string, op *wordOp) (string, bool)
	num   map[string]int32
	texts []string
}

// wordOp is an operation with its argument and result as the model wants them.
type wordOp struct {
	f       string
	in, out string
	known   bool // the result is known
	parts   []string
	amount  int64
}

func newWords(apply func(string, *wordOp) (string, bool)) *words {
	return &words{apply: apply, num: make(map[string]int32)}
}

func (w *words) number(text string) int32 {
	if n, ok := w.num[text]; ok {
		return n
	}
	n := int32(len(w.texts))
	w.num[text] = n
	w.texts = append(w.texts, text)
	return n
}

func (w *words) step(state, op int32) (int32, bool) {
	text, ok := w.apply(w.texts[state], &w.ops[op])
	if !ok {
		return state, false
	}
	return w.number(text), true
}

func (w *words) pure(op int32) bool { return w.ops[op].f == history.Read }

func (w *words) cost(state int32) int64 { return 1 + int64(len(w.texts[state]))/64 }

// Elements are kept as their JSON, which holds no NUL byte, with a NUL after each.
const elemEnd = "\x00"

func jsonOf(v history.Value) string { return string(v.AppendJSON(nil)) }

func elemsText(vs []history.Value, sorted bool) string {
	parts := make([]string, len(vs))
	for i, v := range vs {
		parts[i] = jsonOf(v) + elemEnd
	}
	if sorted {
		slices.Sort(parts)
		parts = slices.Compact(parts)
	}
	return strings.Join(parts, "")
}

func compileWord(op *history.Op, sorted bool) wordOp {
	w := wordOp{f: op.F, known: op.Outcome == history.OK, in: jsonOf(op.In) + elemEnd}
	if op.F == history.Read {
		w.out = elemsText(op.Out.Elems(), sorted)
	} else {
		w.out = jsonOf(op.Out) + elemEnd
		w.known = w.known && !op.Out.IsNil()
	}
	return w
}

// A set answers whether an element is there.
func applySet(state string, op *wordOp) (string, bool) {
	elems := strings.SplitAfter(state, elemEnd)
	elems = elems[:len(elems)-1]
	i, found := slices.BinarySearch(elems, op.in)
	said := op.out == "1"+elemEnd || op.out == "true"+elemEnd
	switch op.f {
	case history.Add:
		if op.known && said == found {
			return state, false
		}
		if !found {
			elems = slices.Insert(slices.Clone(elems), i, op.in)
		}
	case history.Remove:
		if op.known && said != found {
			return state, false
		}
		if found {
			elems = slices.Delete(slices.Clone(elems), i, i+1)
		}
	case history.Read:
		return state, !op.known || state == op.out
	}
	return strings.Join(elems, ""), true
}

// A queue gives elements back in the order in which they came.
func applyQueue(state string, op *wordOp) (string, bool) {
	if op.f == history.Enqueue {
		return state + op.in, true
	}
	front := 1 + strings.Index(state, elemEnd)
	if op.parts != nil { // what was dequeued is known
		if op.out == "null"+elemEnd {
			return state, state == ""
		}
		return state[front:], front > 0 && state[:front] == op.out
	}
	return state[front:], true
}

// A mutex is free, or held by one process.
func applyMutex(state string, op *wordOp) (string, bool) {
	if op.f == history.Acquire {
		switch {
		case op.out == "false"+elemEnd && op.known:
			return state, state != ""
		case state != "":
			return state, !op.known && op.parts == nil
		}
		return op.in, true
	}
	return "", state == op.in || op.parts == nil && state == ""
}

// list is the machine of a list: its states are the nodes of a tree of
// prefixes, so that a long list costs no more than a short one.
type list struct {
	ops   []listOp
	child map[listEdge]int32
	size  []int32 // length of the list at a node
}

type listEdge struct {
	node int32
	elem history.Value
}

type listOp struct {
	read  bool
	known bool
	elem  history.Value
	node  int32 // read: the list that came back
	size  int64 // append: the new length, -1 if not told
}

func newList() *list {
	return &list{child: make(map[listEdge]int32), size: []int32{0}}
}

func (l *list) next(node int32, elem history.Value) int32 {
	e := listEdge{node, elem}
	n, ok := l.child[e]
	if !ok {
		n = int32(len(l.size))
		l.child[e] = n
		l.size = append(l.size, l.size[node]+1)
	}
	return n
}

func (l *list) nodeOf(elems []history.Value) int32 {
	n := int32(0)
	for _, e := range elems {
		n = l.next(n, e)
	}
	return n
}

func (l *list) step(state, op int32) (int32, bool) {
	o := &l.ops[op]
	if o.read {
		return state, !o.known || state == o.node
	}
	n := l.next(state, o.elem)
	return n, o.size < 0 || o.size == int64(l.size[n])
}

func (l *list) pure(op int32) bool { return l.ops[op].read }

func (l *list) cost(int32) int64 { return 1 }
