package group

import (
	"slices"

	"github.com/parleydb/parley/internal/kv"
)

// Reads that must reflect every write acknowledged before them need a read
// index (Ongaro's thesis, section 6.4). Raft's own way to one goes through the
// leader and a round of heartbeats for each group. Here the reader asks by
// itself, of many groups at once, and what it needs to hear after the read came
// in is the same:
//
//   - From the leader of a term T that has applied an entry of T: how far it has
//     committed. That covers what was acknowledged in T, and before it.
//   - From a majority of the voters, the leader and the reader among them, that
//     their terms were not beyond T. A later leader needs the votes of a
//     majority, and who votes has raised its term first: so there was none whose
//     writes could have been acknowledged.

// Standing is what a replica says when it is asked where it stands.
type Standing struct {
	Term  uint64
	Leads bool   // in Term, of which it has applied an entry
	Index uint64 // if it leads: what is committed
}

// Standing is this replica's own. What it says holds at once: nothing that was
// acknowledged here, or that a follower was told of, is beyond Index.
func (g *Group) Standing() Standing {
	leads := g.IsLeader() && (g.within == g.term || g.cfg.Bugs.ReadBeforeOwnTerm)
	if !leads {
		return Standing{Term: g.term}
	}
	return Standing{Term: g.term, Leads: true, Index: g.commit}
}

// Read asks that w be told when the state reflects every write acknowledged
// before now. Any replica may be asked.
func (g *Group) Read(w Waiter) {
	g.reads.waiting = append(g.reads.waiting, w)
	g.cfg.Wake()
}

// CanAsk says whether reads wait that an inquiry could help, and none is under
// way: all that wait share one.
func (g *Group) CanAsk() bool {
	q := &g.reads
	if len(q.waiting) == 0 || len(q.asked) > 0 || g.lead == 0 {
		return false
	}
	return !g.IsLeader() || g.Standing().Leads
}

// Ask begins an inquiry. It is open until enough voters have said where they
// stand; a leader that is the only voter needs none.
func (g *Group) Ask() {
	q := &g.reads
	q.asked, q.waiting = q.waiting, q.asked[:0]
	q.number++
	clear(q.said)
	q.leader, q.again = Standing{}, false
	if g.cfg.Bugs.ReadWithoutIndex {
		g.confirm(g.applied)
		return
	}
	g.count()
}

// Asking is the number of the inquiry that is open; false if none is.
func (g *Group) Asking() (number uint64, open bool) {
	return g.reads.number, len(g.reads.asked) > 0
}

// AskAgain says, once, that the inquiry is better asked again at once: there is
// another leader, or this replica can tell an index now.
func (g *Group) AskAgain() bool {
	again := g.reads.again && len(g.reads.asked) > 0
	g.reads.again = false
	return again
}

// Needed is how many voters beside this replica must answer an inquiry.
func (g *Group) Needed() int {
	if slices.Contains(g.voters, g.cfg.Node) {
		return len(g.voters) / 2
	}
	return len(g.voters)/2 + 1
}

// Answer takes in where a voter stands, which it said to an inquiry.
func (g *Group) Answer(number uint64, from kv.NodeID, s Standing) {
	q := &g.reads
	if number != q.number || len(q.asked) == 0 {
		return
	}
	if s.Leads && s.Term >= q.leader.Term {
		q.leader = s
	}
	if i := slices.Index(g.voters, from); i >= 0 {
		q.said[i] = s.Term + 1
	}
	g.count()
}

// count ends the inquiry if enough is known.
func (g *Group) count() {
	q := &g.reads
	if s := g.Standing(); s.Leads && s.Term >= q.leader.Term {
		q.leader = s
	}
	if !q.leader.Leads {
		return
	}
	n := 0
	for i, v := range g.voters {
		said := q.said[i]
		if v == g.cfg.Node {
			said = g.term + 1
		}
		if said > 0 && said-1 <= q.leader.Term {
			n++
		}
	}
	if n > len(g.voters)/2 || g.cfg.Bugs.ReadUnconfirmed {
		g.confirm(q.leader.Index)
	}
}

// confirm has the reads of the inquiry run as soon as index is applied.
func (g *Group) confirm(index uint64) {
	q := &g.reads
	if g.applied < index {
		q.indexed = append(q.indexed, indexedReads{index, q.asked})
		q.asked = nil
	} else {
		asked := q.asked
		q.asked = nil
		g.run(asked)
		clear(asked)
		if cap(asked) <= keptReads {
			q.asked = asked[:0]
		}
	}
	if len(q.waiting) > 0 {
		g.cfg.Wake()
	}
}

// readQueue holds reads by how far they are.
type readQueue struct {
	waiting []Waiter // want to be in an inquiry that begins after now
	asked   []Waiter // are in the one that is open
	indexed []indexedReads

	number uint64   // of the last inquiry, since the process began
	again  bool     // it is better asked again
	leader Standing // as far as it is known
	said   []uint64 // the terms of the voters, plus one; 0 is unknown
}

// indexedReads wait until the state has applied index.
type indexedReads struct {
	index   uint64
	waiters []Waiter
}

// keptReads is how many reads a list may have room for when it is empty.
const keptReads = 1 << 10

// release runs the reads that the state satisfies.
func (g *Group) release() {
	q := &g.reads
	n := 0
	for n < len(q.indexed) && q.indexed[n].index <= g.applied {
		g.run(q.indexed[n].waiters)
		n++
	}
	q.indexed = slices.Delete(q.indexed, 0, n)
}

// aheadAtOnce is how many reads Ahead is told of together: what they look at
// should fit into the processor's nearest cache.
const aheadAtOnce = 32

func (g *Group) run(waiters []Waiter) {
	for part := range slices.Chunk(waiters, aheadAtOnce) {
		if g.cfg.Ahead != nil {
			g.cfg.Ahead(part)
		}
		for _, w := range part {
			w.Readable()
		}
	}
}
