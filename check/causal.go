package check

import (
	"fmt"
	"math"
	"slices"

	"github.com/parleydb/parley/history"
)

// Causal checks weak causal consistency (CC): no read ignores a write of its
// causal past in favour of an older one. Causes are session order and
// reads-from, closed transitively. Definition and bad patterns: Bouajjani, Enea,
// Guerraoui and Hamza, "On Verifying Causal Consistency" (POPL 2017):
// CyclicCO, ThinAirRead, WriteCOInitRead and WriteCORead. For transactions the
// same with transactions as the units, whose reads must be explained together by
// one order of what they know. O(n k) for n operations in k sessions,
// by the traversal of Møldrup, Pavlogiannis and Mathur, "AWDIT" (PLDI 2025).
func Causal(h *history.History) Result { return weak(h, "causal", judgeCausal) }

// CausalConvergent checks causal convergence (CCv, causal+): Causal, and all
// concurrent writes of a key in one order that every session agrees on (POPL
// 2017: the patterns of Causal and CyclicCF). It is also what Biswas and Enea
// (OOPSLA 2019) call causal consistency of transactions. O(n k), as Causal.
func CausalConvergent(h *history.History) Result {
	return weak(h, "causal-convergent", judgeConvergent)
}

// prepared is what all weak levels begin with.
type prepared struct {
	x     *txns
	c     *clocks
	level string
	res   Result
	done  bool
	txnOf []int32 // operation to transaction, made when it is first needed
}

// prepare builds transactions and clocks, and ends early where a read cannot be
// explained, or explained only one way too many.
func prepare(h *history.History, level string) prepared {
	p := prepared{level: level, res: holds(level, len(h.Ops))}
	x, why := newTxns(h)
	if x != nil {
		for _, v := range x.bad {
			p.res.add(v)
			p.done = true
		}
	}
	if why != "" && !p.done {
		p.res, p.done = unknown(level, len(h.Ops), "%s", why), true
	}
	if p.done {
		return p
	}
	p.x = x
	c, v, why := newClocks(x)
	switch {
	case v != nil:
		p.res.add(*v)
		p.done = true
	case why != "":
		p.res, p.done = unknown(level, len(h.Ops), "%s", why), true
	}
	p.c = c
	return p
}

// judgeCausal also asks, of a transaction of several reads, whether one order of
// its past explains them together: each read decides the order of concurrent
// writes of its key.
func judgeCausal(p *prepared) {
	var own []edge // decided by the reads of one transaction
	settle := func() {
		if p.knot(own) {
			if v := p.findCycle(own); v != nil {
				p.res.add(*v)
			}
		}
		own = own[:0]
	}
	p.scanCausal(func(e edge) {
		if len(own) > 0 && own[0].by != e.by {
			settle()
		}
		own = append(own, e)
	})
	settle()
}

// knot says whether some of the edges form a circle with the causal order.
func (p *prepared) knot(edges []edge) bool {
	if !slices.ContainsFunc(edges, func(e edge) bool { return e.to != edges[0].to }) {
		return false // all before one write: a circle would be a stale read
	}
	const unseen, open, closed = 0, 1, 2
	color := make([]uint8, len(edges))
	var circle func(i int) bool
	circle = func(i int) bool {
		color[i] = open
		for j := range edges {
			if color[j] != closed && p.c.before(edges[i].to, edges[j].from) && (color[j] == open || circle(j)) {
				return true
			}
		}
		color[i] = closed
		return false
	}
	for i := range edges {
		if color[i] == unseen && circle(i) {
			return true
		}
	}
	return false
}

func judgeConvergent(p *prepared) {
	var edges []edge
	p.scanCausal(func(e edge) { edges = append(edges, e) })
	if p.res.Verdict == Violated || len(edges) == 0 {
		return
	}
	if v := p.findCycle(edges); v != nil {
		p.res.add(*v)
	}
}

// scanCausal adds the stale reads of weak causal consistency, and passes on each
// order of two concurrent writes that a read decides.
func (p *prepared) scanCausal(decides func(edge)) {
	p.repeatable()
	scan(p.c, causalPast, func(t3, key, t1, t2, via int32) bool {
		if t1 == fromInit || p.c.before(t1, t2) {
			p.res.add(p.stale(causalPast, t3, key, t1, t2, via))
			return len(p.res.Violations) < maxViolations
		}
		if !p.c.before(t2, t1) {
			decides(edge{t2, t1, t3, key})
		}
		return true
	})
}

// repeatable checks that no transaction read a key from two writers: as one
// step of the causal order, it can have seen only one.
func (p *prepared) repeatable() {
	x := p.x
	for t := range int32(x.len()) {
		lo, hi := x.reads(t)
		for i := lo; i < hi; i++ {
			for j := lo; j < i; j++ {
				if x.rKey[i] == x.rKey[j] && x.rFrom[i] != x.rFrom[j] {
					ops := []int{int(x.op[t])}
					for _, f := range [...]int32{x.rFrom[i], x.rFrom[j]} {
						if f >= 0 {
							ops = append(ops, int(x.op[f]))
						}
					}
					p.res.add(Violation{"non-repeatable read", x.keys[x.rKey[i]], unique(ops), fmt.Sprintf("%s: one transaction saw two values of %s that it did not write", tell(x.opOf(t)), x.keys[x.rKey[i]])})
				}
			}
		}
	}
}

// pastKind says which writes a read must not ignore.
type pastKind uint8

const (
	causalPast  pastKind = iota
	ownWrites            // read your writes
	ownReads             // monotonic reads
	theirWrites          // monotonic writes: what a session that one read from wrote before
	theirReads           // writes follow reads: what it had read before
)

// scan calls fn for every read and every write that it must not ignore: t3 read
// key from t1, and t2, which wrote key, is in its past. For each session of
// writers only the last such t2 is shown: the others happened before it.
// via is the transaction of the reading session by which t2 came into its past
// (not told for causalPast). fn returns false to end the scan.
//
// Each reading session walks once over the writes of every session, so that
// the whole is O(n k).
func scan(c *clocks, kind pastKind, fn func(t3, key, t1, t2, via int32) bool) {
	w := newWalker(c, kind)
	for s := range c.x.sessions {
		if s > 0 {
			w.reset()
		}
		for _, t := range c.x.sessions[s] {
			if !w.visit(t, fn) {
				return
			}
		}
	}
}

// walker is one session's view as it goes along.
type walker struct {
	c    *clocks
	kind pastKind
	last []uint32 // by key and session of writers: place there of the last write in the past
	upTo []uint32 // by session: how many of its transactions, or writes, have been taken in
	via  []int32  // beside last: by which transaction; nil for causalPast
	at   int32    // the transaction that is visited
	had  []uint32 // for causalPast: the clock of the transaction before

	written [][]placed // by session, where a later write is always the newer one: its writes in order
	learned [][]seen   // by session, for theirReads without versions: what it read, where that was new to it
}

// seen is a write that a session had read by a place of its own.
type seen struct {
	by  int32  // the reader's place in its session
	at  int32  // index of the walker's last
	seq uint32 // the writer's place in its session
}

// readsBySession lays side by side what each session read, as every other session
// walks over it. What is not newer than what it had read of the same key and
// writing session before says nothing new.
func (c *clocks) readsBySession() [][]seen {
	x := c.x
	out := make([][]seen, len(x.sessions))
	last := make([]uint32, len(x.keys)*c.k)
	for s, list := range x.sessions {
		clear(last)
		for _, t := range list {
			lo, hi := x.reads(t)
			for _, g := range x.rFrom[lo:hi] {
				if g < 0 {
					continue
				}
				wlo, whi := x.writes(g)
				for _, key := range x.wKey[wlo:whi] {
					at, q := key*int32(c.k)+x.sess[g], uint32(x.seq[g])
					if q > last[at] {
						last[at] = q
						out[s] = append(out[s], seen{x.seq[t], at, q})
					}
				}
			}
		}
	}
	return out
}

// placed is a write of a key at a place of a session.
type placed struct {
	seq uint32
	key int32
}

// writesBySession lays the writes of each session side by side, because every
// other session walks over them.
func (x *txns) writesBySession() [][]placed {
	out := make([][]placed, len(x.sessions))
	for s, list := range x.sessions {
		for _, t := range list {
			lo, hi := x.writes(t)
			for _, key := range x.wKey[lo:hi] {
				out[s] = append(out[s], placed{uint32(x.seq[t]), key})
			}
		}
	}
	return out
}

func newWalker(c *clocks, kind pastKind) *walker {
	w := &walker{c: c, kind: kind, last: make([]uint32, len(c.x.keys)*c.k), upTo: make([]uint32, c.k), had: make([]uint32, c.k)}
	if kind == causalPast || kind == theirWrites && c.x.wVer == nil {
		w.written = c.x.writesBySession()
	}
	if kind != causalPast {
		w.via = make([]int32, len(w.last))
	}
	if kind == theirReads && c.x.wVer == nil && int64(len(w.last)) < math.MaxInt32 {
		w.learned = c.readsBySession()
	}
	return w
}

// reset forgets the session that was walked.
func (w *walker) reset() {
	clear(w.last)
	clear(w.upTo)
	clear(w.had)
}

func (w *walker) visit(t int32, fn func(t3, key, t1, t2, via int32) bool) bool {
	x := w.c.x
	w.at = t
	if w.kind == causalPast {
		w.takePast(t)
	}
	lo, hi := x.reads(t)
	if w.kind == theirWrites || w.kind == theirReads {
		for _, f := range x.rFrom[lo:hi] {
			w.takeTheirs(f)
		}
	}
	k := w.c.k
	for i := lo; i < hi; i++ {
		key, t1 := x.rKey[i], x.rFrom[i]
		if t1 == fromOutside {
			continue
		}
		of := w.last[int(key)*k : (int(key)+1)*k]
		if w.kind != causalPast && t1 >= 0 && x.wVer == nil {
			// Without versions a session knows only its own order, and that of t1's writer.
			mine, theirs := x.sess[t], x.sess[t1]
			if !w.ask(t, key, t1, theirs, of[theirs], fn) || mine != theirs && !w.ask(t, key, t1, mine, of[mine], fn) {
				return false
			}
			continue
		}
		var knows []uint32 // what t1 has in its past is not newer, and not asked about
		if t1 >= 0 && w.kind == causalPast {
			knows = w.c.row(t1)
		}
		for s, q := range of {
			if q == 0 || knows != nil && knows[s] >= q {
				continue
			}
			if !w.ask(t, key, t1, int32(s), q, fn) {
				return false
			}
		}
	}
	switch w.kind {
	case ownReads:
		for _, f := range x.rFrom[lo:hi] {
			w.see(f)
		}
	case ownWrites, causalPast:
		w.see(t)
	}
	return true
}

// ask passes on that t, which read key from t1, has place q of session s in its past.
func (w *walker) ask(t, key, t1, s int32, q uint32, fn func(t3, key, t1, t2, via int32) bool) bool {
	if q == 0 {
		return true
	}
	t2 := w.c.x.sessions[s][q-1]
	if t2 == t1 || t2 == t {
		return true
	}
	via := t2
	if w.via != nil {
		via = w.via[int(key)*w.c.k+int(s)]
	}
	return fn(t, key, t1, t2, via)
}

// see takes in the writes of t.
func (w *walker) see(t int32) {
	if t < 0 {
		return
	}
	x := w.c.x
	s := int(x.sess[t])
	lo, hi := x.writes(t)
	for i := lo; i < hi; i++ {
		at := int(x.wKey[i])*w.c.k + s
		if w.last[at] < uint32(x.seq[t]) && !w.newer(x.sessions[s], w.last[at], i) {
			w.last[at] = uint32(x.seq[t])
			if w.via != nil {
				w.via[at] = w.at
			}
		}
	}
}

// newer says that the write at place q of a session has a higher version than
// write i, for levels that go by versions where these are known.
func (w *walker) newer(session []int32, q uint32, i int32) bool {
	x := w.c.x
	if w.kind == causalPast || x.wVer == nil || q == 0 || x.wVer[i] == 0 {
		return false
	}
	j, ok := x.writesKey(session[q-1], x.wKey[i])
	return ok && x.wVer[j] > x.wVer[i]
}

// takePast takes in what newly came into the past of t, other than by its own
// session.
func (w *walker) takePast(t int32) {
	x := w.c.x
	own := int(x.sess[t])
	had := w.had
	for s, n := range w.c.row(t) {
		if s == own || n == had[s] {
			continue
		}
		had[s] = n
		list, i := w.written[s], w.upTo[s]
		for ; int(i) < len(list) && list[i].seq <= n; i++ {
			w.last[int(list[i].key)*w.c.k+s] = list[i].seq
		}
		w.upTo[s] = i
	}
}

// takeTheirs takes in what the writer of f had written, or read, before f.
func (w *walker) takeTheirs(f int32) {
	if f < 0 {
		return
	}
	x := w.c.x
	s := x.sess[f]
	if w.learned != nil {
		list, i := w.learned[s], w.upTo[s]
		for ; int(i) < len(list) && list[i].by <= x.seq[f]; i++ {
			if l := &list[i]; l.seq > w.last[l.at] {
				w.last[l.at], w.via[l.at] = l.seq, w.at
			}
		}
		w.upTo[s] = i
		return
	}
	if w.written != nil {
		list, i := w.written[s], w.upTo[s]
		for ; int(i) < len(list) && list[i].seq < uint32(x.seq[f]); i++ {
			at := int(list[i].key)*w.c.k + int(s)
			w.last[at], w.via[at] = list[i].seq, w.at
		}
		w.upTo[s] = i
		return
	}
	for ; w.upTo[s] < uint32(x.seq[f]); w.upTo[s]++ {
		u := x.sessions[s][w.upTo[s]]
		if w.kind == theirWrites {
			if u == f {
				return // f itself is what was read, not what came before
			}
			w.see(u)
			continue
		}
		lo, hi := x.reads(u)
		for _, g := range x.rFrom[lo:hi] {
			w.see(g)
		}
	}
}
