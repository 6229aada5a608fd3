package group

import (
	"slices"
	"time"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/parleydb/parley/internal/kv"
)

// traffic leaves out messages of Raft that tell nothing new, or holds them until
// more is to be told. To Raft they are lost or late, which it survives. In a
// group in steady use half of all messages are such:
//
//   - An append without entries tells a follower that the leader committed. The
//     next append says so too, so it is held for a moment.
//   - The follower's answer to it confirms what it has confirmed before.
//   - Followers beyond a majority decide nothing. They get their entries a
//     moment later, several appends at once, and sync once for them.
//
// The shell says how long a moment is: see Group.Holds and Group.Release.
type traffic struct {
	lines []line // to other replicas, in the order in which they were first met
	tick  uint64 // of the group's time
	acked ack    // the last that was sent
}

// line is the way to one other replica.
type line struct {
	to    kv.NodeID
	match uint64        // what it has confirmed to this leader; 0 is nothing yet
	down  bool          // it cannot be reached
	far   time.Duration // a round trip to it, in steps of FarStep
	held  []*raftpb.Message
	some  int // held appends with entries
	bytes int // of their entries
}

// FarStep is how much longer a round trip must take for a follower to be further
// away than another.
const FarStep = 2 * time.Millisecond

// What may be held for a follower that is in no hurry.
const (
	mostHeld      = 8 // appends
	mostHeldBytes = 128 << 10
)

// ack confirms to a leader all entries up to index.
type ack struct {
	to, term, index, tick uint64
}

func (t *traffic) line(to kv.NodeID) *line {
	for i := range t.lines {
		if t.lines[i].to == to {
			return &t.lines[i]
		}
	}
	t.lines = append(t.lines, line{to: to})
	return &t.lines[len(t.lines)-1]
}

// patient says whether others, as many as must confirm, have confirmed more than
// ln, or as much and are nearer, or were met first: then they decide without it. Who
// has fallen behind them is caught up in larger steps; if they stop it is ahead of
// them soon.
func (t *traffic) patient(ln *line, needed int) bool {
	first := true
	for i := range t.lines {
		o := &t.lines[i]
		if o == ln {
			first = false
			continue
		}
		nearer := o.far < ln.far || o.far == ln.far && first
		if !o.down && o.match > 0 && (o.match > ln.match || o.match == ln.match && nearer) {
			needed--
		}
	}
	return needed <= 0
}

// send appends to out what is to be sent because of m: what is held for its
// receiver goes before it. m is held itself if it only tells of a commit, or has
// entries for a replica that others are ahead of, as many as are needed.
func (t *traffic) send(out []*raftpb.Message, m *raftpb.Message, needed int) []*raftpb.Message {
	ln := t.line(kv.NodeID(m.GetTo()))
	if m.GetType() != raftpb.MsgApp || needed == everybody {
		return append(ln.release(out), m)
	}
	if n := len(ln.held); n > 0 && len(ln.held[n-1].GetEntries()) == 0 {
		ln.held = ln.held[:n-1] // m tells of the same commit, or a later one
	}
	if len(m.GetEntries()) == 0 {
		ln.held = append(ln.held, m)
		return out
	}
	if !t.patient(ln, needed) {
		return append(ln.release(out), m)
	}
	ln.held = append(ln.held, m)
	ln.some++
	for _, e := range m.GetEntries() {
		ln.bytes += len(e.GetData())
	}
	if ln.some >= mostHeld || ln.bytes >= mostHeldBytes {
		return ln.release(out)
	}
	return out
}

// release appends what is held to out.
func (ln *line) release(out []*raftpb.Message) []*raftpb.Message {
	out = append(out, ln.held...)
	clear(ln.held)
	ln.held, ln.some, ln.bytes = ln.held[:0], 0, 0
	return out
}

// heard takes note of what another replica says.
func (t *traffic) heard(m *raftpb.Message) {
	ln := t.line(kv.NodeID(m.GetFrom()))
	ln.down = false
	if confirms(m) {
		ln.match = max(ln.match, m.GetIndex())
	}
}

// restart forgets what was of another leader, or term.
func (t *traffic) restart() {
	for i := range t.lines {
		t.lines[i].release(nil)
		t.lines[i].match = 0
	}
}

// known says whether m confirms what the last confirmation did, and notes it
// otherwise. A tick later it is sent again: the last one may have been lost.
func (t *traffic) known(m *raftpb.Message) bool {
	if !confirms(m) {
		return false
	}
	a := ack{m.GetTo(), m.GetTerm(), m.GetIndex(), t.tick}
	if a == t.acked {
		return true
	}
	t.acked = a
	return false
}

func confirms(m *raftpb.Message) bool {
	return m.GetType() == raftpb.MsgAppResp && !m.GetReject()
}

// confirm appends a confirmation to out, in place of one that it includes.
func confirm(out []*raftpb.Message, m *raftpb.Message) []*raftpb.Message {
	if n := len(out); n > 0 && confirms(m) {
		if last := out[n-1]; confirms(last) && last.GetTo() == m.GetTo() && last.GetTerm() == m.GetTerm() && last.GetIndex() <= m.GetIndex() {
			out[n-1] = m
			return out
		}
	}
	return append(out, m)
}

// Holds says whether messages are held that tell of commits only, and whether
// some are that have entries.
func (g *Group) Holds() (commits, entries bool) {
	for i := range g.fresh.lines {
		ln := &g.fresh.lines[i]
		commits = commits || len(ln.held) > 0 && ln.some == 0
		entries = entries || ln.some > 0
	}
	return commits, entries
}

// Release takes messages that were held, to be sent now: those to replicas for
// which no entries are held, or all. The shell calls it when replicas have waited
// for as long as they may. The messages are valid until the next Ready.
func (g *Group) Release(all bool) []*raftpb.Message {
	out := g.released[:0]
	for i := range g.fresh.lines {
		if ln := &g.fresh.lines[i]; all || ln.some == 0 {
			out = ln.release(out)
		}
	}
	g.released = out
	return out
}

// ReleaseTo takes what is held for one replica.
func (g *Group) ReleaseTo(to kv.NodeID) []*raftpb.Message {
	g.released = g.fresh.line(to).release(g.released[:0])
	return g.released
}

// place is where this replica is among the voters, which are in the order of
// their ids; 0 if it does not vote.
func (g *Group) place() int { return max(0, slices.Index(g.voters, g.cfg.Node)) }

// everybody is needed where nothing is to be held.
const everybody = -1

// needed is how many other voters must confirm an entry. For who gets leadership
// nothing is held.
func (g *Group) needed(to kv.NodeID) int {
	if to == g.heir {
		return everybody
	}
	return len(g.voters) / 2
}

// Ahead says whether replica a has confirmed more than b to this leader.
func (g *Group) Ahead(a, b kv.NodeID) bool {
	return g.fresh.line(a).match > g.fresh.line(b).match
}

// SetDistance tells how long a round trip to another replica takes.
func (g *Group) SetDistance(to kv.NodeID, rtt time.Duration) {
	g.fresh.line(to).far = rtt.Truncate(FarStep)
}
