package check

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/parleydb/parley/history"
)

// The session guarantees are those of Terry, Demers, Petersen, Spreitzer,
// Theimer and Welch, "Session Guarantees for Weakly Consistent Replicated Data"
// (PDIS 1994), each judged by itself by what a client can see. Each says which
// writes a read must not ignore; a read ignores a write if what it returned is
// older. Older means: a lower version, where the database tells versions. Without
// versions it means what the reading session itself has to believe: the initial
// value; an earlier write of the same writer; and, against a write of its own,
// whatever it had read before making it. Two writes that nothing of this orders
// are not held against a database, even if one writer knew of the other: that
// would be causality, which is judged as Causal. All four cost O(n k), as
// Causal; each follows from Causal, and the first three from PRAM.

// ReadYourWrites: what a session wrote itself.
func ReadYourWrites(h *history.History) Result { return session(h, "ryw", ownWrites) }

// MonotonicReads: what a session has read before.
func MonotonicReads(h *history.History) Result { return session(h, "mr", ownReads) }

// MonotonicWrites: when a session has read a write, what the writer had written
// before that one ("all processes observe w1 before w2"). Where versions are
// known, a session's writes of a key must also have rising versions.
func MonotonicWrites(h *history.History) Result { return session(h, "mw", theirWrites) }

// WritesFollowReads: when a session has read a write, what the writer had read
// before making it. Where versions are known, a write must also have a higher
// version than what its session had read of the key before.
func WritesFollowReads(h *history.History) Result { return session(h, "wfr", theirReads) }

func session(h *history.History, level string, kind pastKind) Result {
	return weak(h, level, func(p *prepared) { p.judgeSession(kind) })
}

func (p *prepared) judgeSession(kind pastKind) {
	if kind == theirWrites || kind == theirReads {
		p.versionsRise(kind)
	}
	v := newView(p.x)
	scan(p.c, kind, func(t3, key, t1, t2, via int32) bool {
		if p.isOlder(v, t1, t2, t3, key) {
			found := p.stale(kind, t3, key, t1, t2, via)
			for _, t := range v.whyOlder(t1, t2) {
				found.Ops = append(found.Ops, int(p.x.op[t]))
			}
			found.Ops = unique(found.Ops)
			p.res.add(found)
		}
		return len(p.res.Violations) < maxViolations
	})
}

// isOlder says whether t1's value of key is known to be older than t2's, to the
// session of t3.
func (p *prepared) isOlder(v *view, t1, t2, t3, key int32) bool {
	if t1 == fromInit {
		return true
	}
	x := p.x
	if x.wVer != nil {
		i, _ := x.writesKey(t1, key)
		j, _ := x.writesKey(t2, key)
		if x.wVer[i] != 0 && x.wVer[j] != 0 {
			return x.wVer[i] < x.wVer[j]
		}
	}
	if x.sess[t1] == x.sess[t2] {
		return x.seq[t1] < x.seq[t2]
	}
	return x.sess[t2] == x.sess[t3] && v.readBefore(t1, t2) >= 0
}

// view is what each session has read directly: for a reader and a writer, the
// reads that went further into the writer's session than any before.
type view struct {
	x     *txns
	reads [][]viewRead // by reading session times sessions, plus writing session
}

type viewRead struct {
	reader int32 // a transaction of the reading session
	upTo   int32 // place in the writer's session of what it read
}

func newView(x *txns) *view {
	k := len(x.sessions)
	v := &view{x: x, reads: make([][]viewRead, k*k)}
	for s, list := range x.sessions {
		for _, t := range list {
			lo, hi := x.reads(t)
			for _, f := range x.rFrom[lo:hi] {
				if f < 0 {
					continue
				}
				at := &v.reads[s*k+int(x.sess[f])]
				if n := len(*at); n == 0 || (*at)[n-1].upTo < x.seq[f] {
					*at = append(*at, viewRead{t, x.seq[f]})
				}
			}
		}
	}
	return v
}

// readBefore is the first transaction of t2's session, up to t2, that read t1 or
// a later write of t1's session; -1 if there is none.
func (v *view) readBefore(t1, t2 int32) int32 {
	x := v.x
	list := v.reads[int(x.sess[t2])*len(x.sessions)+int(x.sess[t1])]
	i, _ := slices.BinarySearchFunc(list, x.seq[t1], func(r viewRead, q int32) int { return cmp.Compare(r.upTo, q) })
	if i < len(list) && x.seq[list[i].reader] <= x.seq[t2] {
		return list[i].reader
	}
	return -1
}

// whyOlder are the transactions by which a session knows that t1 is older than t2.
func (v *view) whyOlder(t1, t2 int32) []int32 {
	x := v.x
	if t1 < 0 || x.sess[t1] == x.sess[t2] {
		return nil
	}
	r := v.readBefore(t1, t2)
	if r < 0 {
		return nil
	}
	out := []int32{r}
	lo, hi := x.reads(r)
	for _, f := range x.rFrom[lo:hi] {
		if f >= 0 && x.sess[f] == x.sess[t1] && x.seq[f] >= x.seq[t1] {
			out = append(out, f)
		}
	}
	return out
}

// versionsRise checks, in each session by itself, that the version of a write is
// above those that the session had written (or, for writes follow reads, read)
// of the key before.
func (p *prepared) versionsRise(kind pastKind) {
	x := p.x
	if x.wVer == nil {
		return
	}
	type seen struct {
		version uint64
		t       int32
	}
	for _, list := range x.sessions {
		highest := make(map[int32]seen)
		for _, t := range list {
			lo, hi := x.writes(t)
			for i := lo; i < hi; i++ {
				before, ok := highest[x.wKey[i]]
				if v := x.wVer[i]; ok && v != 0 && v < before.version {
					p.res.add(Violation{"order of writes", x.keys[x.wKey[i]], unique([]int{int(x.op[before.t]), int(x.op[t])}), fmt.Sprintf(
						"%s, and got version %d, although before that %s, which is version %d", tell(x.opOf(t)), v, tell(x.opOf(before.t)), before.version)})
				}
				if kind == theirWrites && x.wVer[i] > before.version {
					highest[x.wKey[i]] = seen{x.wVer[i], t}
				}
			}
			if lo, hi := x.reads(t); kind == theirReads && x.rVer != nil {
				for i := lo; i < hi; i++ {
					if x.rVer[i] > highest[x.rKey[i]].version && x.opOf(t).F == history.Read {
						highest[x.rKey[i]] = seen{x.rVer[i], t}
					}
				}
			}
		}
	}
}
