package check

import (
	"fmt"

	"github.com/parleydb/parley/history"
)

// The session guarantees are those of Terry, Demers, Petersen, Spreitzer,
// Theimer and Welch, "Session Guarantees for Weakly Consistent Replicated Data"
// (PDIS 1994), each judged by itself by what a client can see. Each says which
// writes a read must not ignore; a read ignores a write if what it returned is
// older. Older means: a lower version where the database tells versions; else
// the initial value, or a value whose write is in the causal past of the other's
// (session order and reads-from). Two writes that nothing orders are not held
// against a database. All four cost O(n k), as Causal; each follows from Causal.

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
	scan(p.c, kind, func(t3, key, t1, t2, via int32) bool {
		if p.isOlder(t1, t2, key) {
			p.res.add(p.stale(kind, t3, key, t1, t2, via))
		}
		return len(p.res.Violations) < maxViolations
	})
}

// isOlder says whether t1's value of key is known to be older than t2's.
func (p *prepared) isOlder(t1, t2, key int32) bool {
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
	return p.c.before(t1, t2)
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
