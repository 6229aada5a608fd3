package check

import (
	"fmt"
	"math"
	"slices"

	"github.com/parleydb/parley/history"
)

// txns is a history as the weak levels see it: transactions in sessions, each a
// set of keys written and of reads with the transaction that each read from.
// A single operation is a transaction of one step, a compare-and-set that was
// done a read and a write. Everything is in numbers, and in few large slices,
// because ten million operations must fit.
//
// Where a read got its value from is told by its dot, or its version, or the
// value itself, if only one write made it.
type txns struct {
	h        *history.History
	op       []int32 // transaction to operation
	sess     []int32 // transaction to session
	seq      []int32 // its place there, from 1
	sessions [][]int32
	keys     []string

	rStart, wStart []int32 // where a transaction's reads and writes begin
	rKey, rFrom    []int32
	wKey           []int32
	wVer           []uint64 // versions by write, nil if the history has none
	rVer           []uint64

	bad []Violation // reads that no order can explain
}

// fromInit marks a read of the initial value, fromOutside one of an ambiguous
// write beyond maxAmbiguous, of which nothing is concluded.
const (
	fromInit    int32 = -1
	fromOutside int32 = -2
)

// maxAmbiguous is how many ambiguous operations that somebody saw are given a
// session of their own. They are ordered after nothing and before what saw
// them: when they took effect, the session that made them may have gone on.
const maxAmbiguous = 64

// len is the number of transactions.
func (x *txns) len() int { return len(x.op) }

func (x *txns) reads(t int32) (lo, hi int32)  { return x.rStart[t], x.rStart[t+1] }
func (x *txns) writes(t int32) (lo, hi int32) { return x.wStart[t], x.wStart[t+1] }

// opOf is the operation of a transaction.
func (x *txns) opOf(t int32) *history.Op { return &x.h.Ops[x.op[t]] }

// builder makes a txns.
type builder struct {
	*txns
	keyNum   map[keyName]int32
	sessNum  map[string]int32
	procNum  map[int64]int32
	defs     []def
	table    []int32 // open addressing over defs, by key and value
	versions map[keyVersion]int32
	txnOf    []int32 // operation to transaction, -1 if it is none
	opKey    []int32 // operation to its key, unless it is a transaction
	extra    []int32 // ambiguous operations that were seen
	why      string
}

type keyName struct{ space, key string }

type keyVersion struct {
	key     int32
	version uint64
	dot     uint64
}

// def is a write: what a read can have read from.
type def struct {
	key   int32
	op    int32
	value history.Value
	last  bool // the operation's last write of the key
	twice bool // another write made the same value
}

// newTxns reads a history; why says what stands against judging it.
func newTxns(h *history.History) (x *txns, why string) {
	b := &builder{
		txns: &txns{h: h}, keyNum: make(map[keyName]int32), sessNum: make(map[string]int32), procNum: make(map[int64]int32),
		txnOf: make([]int32, len(h.Ops)), opKey: make([]int32, len(h.Ops)),
	}
	order := byCall(h.Ops)
	b.reserve()
	if why := b.number(order); why != "" {
		return nil, why
	}
	b.index()
	for t := range b.op {
		b.resolve(int32(t))
	}
	b.rStart = append(b.rStart, int32(len(b.rKey)))
	b.addAmbiguous()
	b.collectWrites()
	return b.txns, b.why
}

// reserve makes room for what a history of single operations needs.
func (b *builder) reserve() {
	reads := 0
	for i := range b.h.Ops {
		if b.h.Ops[i].F == history.Read {
			reads++
		}
	}
	n := len(b.h.Ops)
	b.op, b.sess, b.seq = make([]int32, 0, n), make([]int32, 0, n), make([]int32, 0, n)
	b.rKey, b.rFrom = make([]int32, 0, reads), make([]int32, 0, reads)
	b.rStart = make([]int32, 0, n+1)
	b.defs = make([]def, 0, n-reads)
}

// number gives transactions to the operations that were answered, and collects
// what all operations wrote.
func (b *builder) number(order []int) (why string) {
	lastReturn := []int64{}
	for _, i := range order {
		op := &b.h.Ops[i]
		b.txnOf[i] = -1
		if why := b.define(int32(i), op); why != "" {
			return why
		}
		if op.Outcome != history.OK {
			continue
		}
		s := b.session(op)
		if int(s) == len(b.sessions) {
			b.sessions = append(b.sessions, nil)
			lastReturn = append(lastReturn, math.MinInt64)
		}
		if op.Call < lastReturn[s] {
			return fmt.Sprintf("session %s has operations that overlap, so that its order is not known%s", op.SessionName(), inLine(op))
		}
		lastReturn[s] = op.Return
		t := int32(len(b.op))
		b.txnOf[i] = t
		b.op = append(b.op, int32(i))
		b.sess = append(b.sess, s)
		b.sessions[s] = append(b.sessions[s], t)
		b.seq = append(b.seq, int32(len(b.sessions[s])))
	}
	return ""
}

func (b *builder) session(op *history.Op) int32 {
	if op.Session == "" {
		s, ok := b.procNum[op.Process]
		if !ok {
			s = int32(len(b.sessions))
			b.procNum[op.Process] = s
		}
		return s
	}
	s, ok := b.sessNum[op.Session]
	if !ok {
		s = int32(len(b.sessions))
		b.sessNum[op.Session] = s
	}
	return s
}

func (b *builder) key(space, key string) int32 {
	k := keyName{space, key}
	n, ok := b.keyNum[k]
	if !ok {
		n = int32(len(b.keys))
		b.keyNum[k] = n
		if space != "" {
			key = space + "/" + key
		}
		b.keys = append(b.keys, key)
	}
	return n
}

// access is one step as a read, a write, or both in this order.
type access struct {
	read, write bool
	in, out     history.Value
}

// accessOf is a step of an operation; false if these levels have no such step.
func accessOf(f string, in, out history.Value, ok bool) (access, bool) {
	switch f {
	case history.Read:
		return access{read: ok, out: out}, true
	case history.Write:
		return access{write: true, in: in}, true
	case history.Delete:
		return access{write: true}, true
	case history.Swap:
		return access{read: ok, write: true, in: in, out: out}, true
	case history.CAS:
		from, to := pair(in)
		if ok && !isYes(out) {
			return access{}, true // it saw some other value: nothing that an order could need
		}
		return access{read: ok, write: true, in: to, out: from}, true
	}
	return access{}, false
}

// eachStep calls fn for the steps of an operation without allocating.
func eachStep(op *history.Op, fn func(key string, a access)) bool {
	ok := op.Outcome == history.OK
	if op.F != history.Txn {
		a, known := accessOf(op.F, op.In, op.Out, ok)
		if known {
			fn(op.Key, a)
		}
		return known
	}
	for i := range op.Txn {
		s := &op.Txn[i]
		a, known := accessOf(s.F, s.In, s.Out, ok)
		if !known {
			return false
		}
		fn(s.Key, a)
	}
	return true
}

func (b *builder) define(i int32, op *history.Op) (why string) {
	first := len(b.defs)
	known := eachStep(op, func(key string, a access) {
		k := b.key(op.Keyspace, key)
		b.opKey[i] = k
		if !a.write {
			return
		}
		for j := first; j < len(b.defs); j++ {
			if b.defs[j].key == k {
				b.defs[j].last = false
			}
		}
		b.defs = append(b.defs, def{key: k, op: i, value: a.in, last: true})
	})
	if !known {
		return fmt.Sprintf("this level is defined for reads and writes, not for %q%s", op.F, inLine(op))
	}
	return ""
}

// index builds the tables from key and value, or version, to the write.
func (b *builder) index() {
	size := 1
	for size < 2*len(b.defs)+1 {
		size *= 2
	}
	b.table = make([]int32, size)
	for i := range b.defs {
		d := &b.defs[i]
		slot := b.slot(d.key, d.value)
		if j := b.table[slot]; j != 0 {
			b.defs[j-1].twice, d.twice = true, true
		}
		b.table[slot] = int32(i + 1)
		op := &b.h.Ops[d.op]
		if op.Version == 0 && op.Dot.IsZero() || op.F == history.Txn {
			continue
		}
		if b.versions == nil {
			b.versions = make(map[keyVersion]int32)
		}
		b.versions[versionKey(d.key, op)] = int32(i)
	}
}

func versionKey(key int32, op *history.Op) keyVersion {
	if !op.Dot.IsZero() {
		return keyVersion{key, op.Dot.Counter, op.Dot.Replica + 1}
	}
	return keyVersion{key, op.Version, 0}
}

// slot is where the writes of a value of a key are, or would be.
func (b *builder) slot(key int32, v history.Value) int {
	h := uint64(key)*0x9e3779b97f4a7c15 ^ 14695981039346656037
	text := v.Text()
	if v.IsList() {
		text = v.String()
	}
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	mask := len(b.table) - 1
	for i := int(mix(h)) & mask; ; i = (i + 1) & mask {
		j := b.table[i]
		if j == 0 || b.defs[j-1].key == key && b.defs[j-1].value == v {
			return i
		}
	}
}

// resolve finds where the reads of transaction t come from.
func (b *builder) resolve(t int32) {
	b.rStart = append(b.rStart, int32(len(b.rKey)))
	op := b.opOf(t)
	own := map[int32]history.Value(nil)
	eachStep(op, func(key string, a access) {
		k := b.opKey[b.txns.op[t]]
		if op.F == history.Txn {
			k = b.key(op.Keyspace, key)
		}
		if a.read {
			if v, ok := own[k]; ok {
				if v != a.out {
					b.fault("own write not seen", t, k, fmt.Sprintf("%s: it had itself written %s=%s before", tell(op), b.keys[k], v))
				}
			} else {
				b.external(t, k, key, a.out)
			}
		}
		if a.write && op.F == history.Txn {
			if own == nil {
				own = make(map[int32]history.Value)
			}
			own[k] = a.in
		}
	})
}

// external resolves a read of what another transaction wrote.
func (b *builder) external(t, k int32, key string, v history.Value) {
	op := b.opOf(t)
	d, ambiguous := b.source(t, k, v)
	initial := b.h.Header.InitialOf(key) == v
	switch {
	case ambiguous, initial && d >= 0 && b.versions == nil:
		if b.why == "" {
			b.why = fmt.Sprintf("%s: more than one write made that value, so that nothing says which was read; write different values, or record versions%s", tell(op), inLine(op))
		}
		return
	case d < 0 && initial:
		b.addRead(t, k, fromInit)
		return
	case d < 0:
		b.fault("phantom value", t, k, fmt.Sprintf("%s, but nobody ever wrote %s=%s", tell(op), b.keys[k], v))
		return
	}
	from := &b.defs[d]
	w := &b.h.Ops[from.op]
	switch {
	case w.Outcome == history.Fail:
		b.fault("failed write seen", t, k, fmt.Sprintf("%s, but the only write of that failed, so it must not have happened: %s", tell(op), tell(w)), from.op)
	case !from.last:
		b.fault("intermediate value seen", t, k, fmt.Sprintf("%s, but %s went on to write %s again, so that %s is not what it left", tell(op), tell(w), b.keys[k], v), from.op)
	case w.Outcome == history.OK:
		b.addRead(t, k, b.txnOf[from.op])
	default:
		if b.txnOf[from.op] < 0 && len(b.extra) < maxAmbiguous {
			b.txnOf[from.op] = int32(len(b.op) + len(b.extra))
			b.extra = append(b.extra, from.op)
		}
		b.addRead(t, k, max(b.txnOf[from.op], fromOutside))
		if b.txnOf[from.op] < 0 {
			b.rFrom[len(b.rFrom)-1] = fromOutside
		}
	}
}

// source finds the write that a read saw; -1 if there is none.
func (b *builder) source(t, k int32, v history.Value) (d int32, ambiguous bool) {
	op := b.opOf(t)
	if b.versions != nil && (op.Version != 0 || !op.Dot.IsZero()) && op.F == history.Read {
		if d, ok := b.versions[versionKey(k, op)]; ok && b.defs[d].value == v {
			return d, false
		}
	}
	j := b.table[b.slot(k, v)]
	if j == 0 {
		return -1, false
	}
	return j - 1, b.defs[j-1].twice
}

func (b *builder) addRead(t, k, from int32) {
	if i := int32(len(b.rKey)) - 1; i >= b.rStart[t] && b.rKey[i] == k && b.rFrom[i] == from {
		return // the same again
	}
	b.rKey = append(b.rKey, k)
	b.rFrom = append(b.rFrom, from)
	if v := b.opOf(t).Version; v != 0 || b.rVer != nil {
		b.rVer = append(b.rVer, make([]uint64, len(b.rKey)-1-len(b.rVer))...)
		b.rVer = append(b.rVer, v)
	}
}

func (b *builder) fault(kind string, t, k int32, text string, with ...int32) {
	if len(b.bad) == maxViolations {
		return
	}
	ops := []int{int(b.op[t])}
	for _, o := range with {
		ops = append(ops, int(o))
	}
	b.bad = append(b.bad, Violation{kind, b.keys[k], unique(ops), text})
}

// addAmbiguous appends the ambiguous operations that were seen, each in a
// session of its own.
func (b *builder) addAmbiguous() {
	for _, o := range b.extra {
		t := int32(len(b.op))
		b.op = append(b.op, o)
		b.sess = append(b.sess, int32(len(b.sessions)))
		b.seq = append(b.seq, 1)
		b.sessions = append(b.sessions, []int32{t})
		b.rStart = append(b.rStart, int32(len(b.rKey)))
	}
	for i, t := range b.rFrom {
		if t >= int32(len(b.op)) {
			b.rFrom[i] = fromOutside
		}
	}
}

// collectWrites lists the keys that each transaction wrote.
func (b *builder) collectWrites() {
	n := len(b.op)
	b.wStart = make([]int32, n+2)
	for i := range b.defs {
		if t := b.txnOf[b.defs[i].op]; t >= 0 && b.defs[i].last {
			b.wStart[t+2]++
		}
	}
	for i := 2; i < len(b.wStart); i++ {
		b.wStart[i] += b.wStart[i-1]
	}
	b.wKey = make([]int32, b.wStart[n+1])
	for i := range b.defs {
		d := &b.defs[i]
		t := b.txnOf[d.op]
		if t < 0 || !d.last {
			continue
		}
		at := b.wStart[t+1]
		b.wStart[t+1]++
		b.wKey[at] = d.key
		if v := b.h.Ops[d.op].Version; v != 0 {
			if b.wVer == nil {
				b.wVer = make([]uint64, len(b.wKey))
			}
			b.wVer[at] = v
		}
	}
	b.wStart = b.wStart[:n+1]
	if b.rVer != nil {
		b.rVer = append(b.rVer, make([]uint64, len(b.rKey)-len(b.rVer))...)
	}
}

// writesKey says whether t wrote k, and at which place.
func (x *txns) writesKey(t, k int32) (int32, bool) {
	lo, hi := x.writes(t)
	i := slices.Index(x.wKey[lo:hi], k)
	return lo + int32(i), i >= 0
}
