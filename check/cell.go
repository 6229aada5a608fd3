package check

import (
	"encoding/binary"
	"slices"

	"github.com/parleydb/parley/history"
)

// A machine is the sequential specification of one partition of a history,
// over states that are numbered as they are met. step says whether operation
// op may happen in a state with the result that it had, and what state follows.
// For operations that are not OK the result is open.
type machine interface {
	step(state, op int32) (int32, bool)
	// pure says that op changes no state in which it may happen. (A write of the
	// value that is there already is not pure: elsewhere it would change it.)
	pure(op int32) bool
	// cost is how many steps of the budget one step from this state is worth.
	cost(state int32) int64
}

// anything is the state of a cell of which nothing is known. It is where a
// suffix of a history starts; whatever is read there becomes the state.
const anything int32 = -1

// values numbers values. Number 0 is the absent value.
type values struct {
	num   map[history.Value]int32 // made when there are more than fewValues
	list  []history.Value
	pairs map[history.Value][2]int32 // arguments of compare-and-sets, which repeat
}

// fewValues are looked up one after the other, which is faster than hashing.
const fewValues = 8

func newValues() *values {
	return &values{list: append(make([]history.Value, 0, fewValues), history.Nil)}
}

func (v *values) of(x history.Value) int32 {
	if v.num == nil {
		if i := slices.Index(v.list, x); i >= 0 {
			return int32(i)
		}
	} else if n, ok := v.num[x]; ok {
		return n
	}
	n := int32(len(v.list))
	v.list = append(v.list, x)
	switch {
	case v.num != nil:
		v.num[x] = n
	case len(v.list) > fewValues:
		v.num = make(map[history.Value]int32, 4*fewValues)
		for i, y := range v.list {
			v.num[y] = int32(i)
		}
	}
	return n
}

type cellKind uint8

const (
	cellRead cellKind = iota
	cellWrite
	cellCAS
	cellSwap
	cellDelete
	cellIncr
	cellConcat
)

// cellOp is an operation on one cell in numbers.
type cellOp struct {
	kind  cellKind
	known bool  // the result is known: it must fit
	yes   bool  // cas: it was done; delete: there was something
	a, b  int32 // cas: from, to; write, swap: b
	res   int32 // read, swap, incr: the value that came back
	delta int64 // incr: by how much; concat: the length that came back
	text  string
}

// compileCell puts one step into numbers; false if a cell knows no such
// operation.
func compileCell(v *values, f string, in, out history.Value, ok bool) (cellOp, bool) {
	op := cellOp{known: ok}
	switch f {
	case history.Read:
		op.kind, op.res = cellRead, v.of(out)
	case history.Write:
		op.kind, op.b = cellWrite, v.of(in)
	case history.CAS:
		p, seen := v.pairs[in]
		if !seen {
			e := in.Elems()
			if len(e) != 2 {
				return op, false
			}
			p = [2]int32{v.of(e[0]), v.of(e[1])}
			if v.pairs == nil {
				v.pairs = make(map[history.Value][2]int32)
			}
			v.pairs[in] = p
		}
		op.kind, op.a, op.b = cellCAS, p[0], p[1]
		op.yes = isYes(out)
	case history.Swap:
		op.kind, op.b, op.res = cellSwap, v.of(in), v.of(out)
	case history.Delete:
		op.kind, op.yes = cellDelete, isYes(out)
		op.known = ok && !out.IsNil()
	case history.Incr:
		op.kind, op.delta = cellIncr, 1
		if !in.IsNil() {
			n, isInt := in.Int()
			if !isInt {
				return op, false
			}
			op.delta = n
		}
		op.res = v.of(out)
		op.known = ok && !out.IsNil()
	case history.Concat:
		op.kind, op.text = cellConcat, in.Text()
		n, isInt := out.Int()
		op.known, op.delta = ok && isInt, n
	default:
		return op, false
	}
	return op, true
}

// isYes takes the ways in which systems say that something was done: anything
// but a plain no.
func isYes(out history.Value) bool {
	return out != history.Bool(false) && out != history.Int(0)
}

// apply is the specification of a cell: Redis's GET, SET, DEL, INCRBY, GETSET
// and a compare-and-set.
func (v *values) apply(state int32, op *cellOp) (int32, bool) {
	switch op.kind {
	case cellRead:
		if !op.known {
			return state, true
		}
		return op.res, state == op.res || state == anything
	case cellWrite:
		return op.b, true
	case cellCAS:
		return applyCAS(state, op)
	case cellSwap:
		return op.b, !op.known || state == op.res || state == anything
	case cellDelete:
		return 0, !op.known || state == anything || (state != 0) == op.yes
	}
	if op.kind == cellConcat {
		return v.applyConcat(state, op)
	}
	return v.applyIncr(state, op)
}

func (v *values) applyConcat(state int32, op *cellOp) (int32, bool) {
	if state == anything {
		return anything, true
	}
	text := v.list[state].Text() + op.text
	if op.known && op.delta != int64(len(text)) {
		return state, false
	}
	return v.of(history.String(text)), true
}

func applyCAS(state int32, op *cellOp) (int32, bool) {
	if !op.known {
		if state == op.a {
			return op.b, true
		}
		return state, true
	}
	if op.yes {
		return op.b, state == op.a || state == anything
	}
	return state, state != op.a
}

func (v *values) applyIncr(state int32, op *cellOp) (int32, bool) {
	if state == anything {
		if op.known {
			return op.res, true
		}
		return anything, true
	}
	n, isInt := v.list[state].Int()
	if !isInt && state != 0 {
		return state, !op.known // an increment of something else does nothing
	}
	next := v.of(history.Int(n + op.delta))
	return next, !op.known || next == op.res
}

// pure: a read, or what is known to have been refused or to have found nothing.
func (op *cellOp) pure() bool {
	switch op.kind {
	case cellRead:
		return true
	case cellCAS, cellDelete:
		return op.known && !op.yes
	}
	return false
}

// cell is the machine of one key: its state is the number of its value.
type cell struct {
	values
	ops []cellOp
}

func (c *cell) step(state, op int32) (int32, bool) { return c.apply(state, &c.ops[op]) }
func (c *cell) pure(op int32) bool                 { return c.ops[op].pure() }
func (c *cell) cost(state int32) int64             { return c.size(state) }

// size is what a step from a state costs: long texts count for more.
func (v *values) size(state int32) int64 {
	if state == anything {
		return 1
	}
	return 1 + int64(len(v.list[state].Text()))/256
}

// cells is the machine of several keys that transactions tie together: its
// state is the number of a vector of values.
type cells struct {
	values
	ops    [][]keyedOp
	states map[string]int32
	names  []string
	vec    []int32
	buf    []byte
}

type keyedOp struct {
	cell int
	op   cellOp
}

func newCells(n int) *cells {
	return &cells{values: *newValues(), states: make(map[string]int32), vec: make([]int32, n)}
}

// number is the number of the vector in c.vec.
func (c *cells) number() int32 {
	c.buf = c.buf[:0]
	for _, x := range c.vec {
		c.buf = binary.LittleEndian.AppendUint32(c.buf, uint32(x))
	}
	if n, ok := c.states[string(c.buf)]; ok {
		return n
	}
	n := int32(len(c.names))
	name := string(c.buf)
	c.states[name] = n
	c.names = append(c.names, name)
	return n
}

func (c *cells) step(state, op int32) (int32, bool) {
	name := c.names[state]
	for i := range c.vec {
		c.vec[i] = int32(binary.LittleEndian.Uint32([]byte(name[4*i : 4*i+4])))
	}
	for i := range c.ops[op] {
		k := &c.ops[op][i]
		next, ok := c.apply(c.vec[k.cell], &k.op)
		if !ok {
			return state, false
		}
		c.vec[k.cell] = next
	}
	return c.number(), true
}

func (c *cells) pure(op int32) bool {
	for i := range c.ops[op] {
		if !c.ops[op][i].op.pure() {
			return false
		}
	}
	return true
}

func (c *cells) cost(int32) int64 { return 1 + int64(len(c.vec))/8 }
