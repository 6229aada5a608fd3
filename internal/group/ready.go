package group

import (
	"bytes"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/parleydb/parley/clock"
	"github.com/parleydb/parley/internal/kv"
)

// Effects is what a group wants done. The shell sends Early, persists
// HardState and Entries (with one sync if MustSync), installs Snapshot if
// there is one, sends Late, and then calls Persisted. ApplyAgreed may be called
// before.
type Effects struct {
	Early     []*raftpb.Message // promise nothing about this node's disk
	Late      []*raftpb.Message // must wait for it
	HardState *raftpb.HardState // nil if unchanged
	Entries   []*raftpb.Entry
	Snapshot  *raftpb.Snapshot // nil if none
	MustSync  bool
}

// HasReady says whether Ready has effects.
func (g *Group) HasReady() bool { return g.raft.HasReady() }

// Ready takes the next effects, which are valid until Persisted. That must follow
// before the next Ready.
func (g *Group) Ready() Effects {
	g.ready = g.raft.Ready()
	rd := &g.ready
	fx := Effects{Early: g.early[:0], Late: g.late[:0], Entries: rd.Entries, MustSync: rd.MustSync}
	if !raft.IsEmptyHardState(rd.HardState) {
		fx.HardState = rd.HardState
		g.commit = rd.HardState.GetCommit()
	}
	if !raft.IsEmptySnap(rd.Snapshot) {
		fx.Snapshot = rd.Snapshot
	}
	if rd.SoftState != nil || fx.HardState != nil {
		g.observe()
	}
	g.placeInflight(rd.Entries)
	for _, m := range rd.Messages {
		switch {
		case early(m):
			fx.Early = g.fresh.send(fx.Early, m, g.needed(kv.NodeID(m.GetTo())))
		case g.fresh.known(m):
		case g.cfg.Bugs.AckBeforeSync:
			fx.Early = append(fx.Early, m)
		default:
			fx.Late = confirm(fx.Late, m)
		}
	}
	g.early, g.late = fx.Early, fx.Late
	return fx
}

// early says whether m promises nothing about this node's disk: a leader's
// entries and heartbeats do not (thesis, section 10.2.1).
func early(m *raftpb.Message) bool {
	switch m.GetType() {
	case raftpb.MsgApp, raftpb.MsgHeartbeat, raftpb.MsgSnap, raftpb.MsgTimeoutNow:
		return true
	}
	return false
}

// placeInflight notes where the leader appended the batches proposed here. Raft
// hands over all that it appended since the last Ready: a batch without a place
// was cut off by a new leader before it left this replica.
func (g *Group) placeInflight(ents []*raftpb.Entry) {
	for _, e := range ents {
		data := e.GetData()
		if len(data) == 0 {
			continue
		}
		for _, b := range g.inflight {
			if b.index == 0 && len(data) >= nameEnd && bytes.Equal(b.data[:nameEnd], data[:nameEnd]) {
				b.index = e.GetIndex()
			}
		}
	}
	kept := g.inflight[:0]
	for _, b := range g.inflight {
		if b.index != 0 {
			kept = append(kept, b)
			continue
		}
		b.fail(supersededError(g.term))
	}
	g.inflight = kept
}

// ApplyAgreed applies the committed entries that were on disk before the last
// Ready, and tells the waiters. It is for a leader: whoever waits is answered
// while the disk takes the entries that follow.
func (g *Group) ApplyAgreed() error {
	rd := &g.ready
	if !raft.IsEmptySnap(rd.Snapshot) {
		return nil // it comes first
	}
	n := len(rd.CommittedEntries)
	if n > 0 && len(rd.Entries) > 0 {
		first, unsynced := rd.CommittedEntries[0].GetIndex(), rd.Entries[0].GetIndex()
		n = min(n, int(max(unsynced, first)-first))
	}
	agreed := rd.CommittedEntries[:n]
	g.done = n
	return g.applyAll(agreed)
}

// Persisted is called when the effects of the last Ready are on disk. It
// applies what is committed and was not applied yet, and tells the waiters.
func (g *Group) Persisted() error {
	rd, done := g.ready, g.done
	g.ready, g.done = raft.Ready{}, 0
	clear(g.early)
	clear(g.late)
	if !raft.IsEmptySnap(rd.Snapshot) {
		g.applied = rd.Snapshot.GetMetadata().GetIndex()
		g.failSuperseded(g.applied, 0)
	}
	if err := g.applyAll(rd.CommittedEntries[done:]); err != nil {
		return err
	}
	g.raft.Advance(rd)
	if g.role != raft.StateLeader && g.role != raft.StateFollower {
		g.observe() // its own vote may have decided
	}
	g.cfg.Wake()
	return nil
}

func (g *Group) applyAll(ents []*raftpb.Entry) error {
	for _, e := range ents {
		if err := g.apply(e); err != nil {
			return err
		}
	}
	g.release()
	return nil
}

// SetClosed gives the closed timestamp of an installed snapshot.
func (g *Group) SetClosed(t clock.Timestamp) { g.closed = max(g.closed, t) }

func (g *Group) apply(e *raftpb.Entry) error {
	en := &g.entry
	en.Index, en.Term = e.GetIndex(), e.GetTerm()
	en.Commands, en.Origin, en.Stamp = en.Commands[:0], 0, 0
	if e.GetType() == raftpb.EntryNormal && len(e.GetData()) > 0 {
		if err := en.decode(e.GetData()); err != nil {
			return err
		}
		// A leader stamps above the log it has seen; this keeps the order
		// even if a clock was wrong, and alike on all replicas.
		en.Stamp = max(en.Stamp, g.closed+1)
		g.closed = en.Stamp
	}
	b := g.claim(en)
	g.reply, g.ends, g.dropped = g.reply[:0], g.ends[:0], g.dropped[:0]
	g.cfg.Machine.Begin(en)
	for _, c := range en.Commands {
		before := len(g.reply)
		g.reply = g.cfg.Machine.Execute(g.reply, en, c)
		switch {
		case b == nil:
			g.reply = g.reply[:0]
		case before > maxReplies && len(g.reply)-before > smallReply:
			g.reply = g.reply[:before]
			g.dropped = append(g.dropped, len(g.ends))
		}
		g.ends = append(g.ends, len(g.reply))
	}
	g.cfg.Machine.End(en)
	if en.Term != g.within {
		g.reads.again = true // it may lead, and can tell an index now
	}
	g.applied, g.within = en.Index, en.Term
	g.tell(b, en.Stamp)
	g.failSuperseded(en.Index, en.Term)
	return nil
}

// An entry's replies wait for its end, so what many commands for large values
// may gather is bounded: beyond maxReplies only small ones are kept.
const (
	maxReplies = 128 << 20
	smallReply = 1 << 10
)

// errReplyDropped is told for a command that was done, but not what it answered.
var errReplyDropped = kv.Errorf(kv.KindUnknown, "done, but the replies of the commands that came together are too large to keep this one: send fewer at once")

// keptReply is how large the scratch for replies may stay between entries.
const keptReply = 1 << 20

// tell answers the waiters of an entry that has been applied whole: what they
// do next sees all of it.
func (g *Group) tell(b *batch, stamp clock.Timestamp) {
	if b == nil {
		return
	}
	start := 0
	dropped := g.dropped
	for i, w := range b.waiters {
		if len(dropped) > 0 && dropped[0] == i {
			dropped = dropped[1:]
			w.Failed(errReplyDropped)
			continue
		}
		w.Applied(g.reply[start:g.ends[i]], stamp)
		start = g.ends[i]
	}
	if cap(g.reply) > keptReply {
		g.reply = nil
	}
	g.recycle(b)
}

// claim finds the batch proposed here that became the entry.
func (g *Group) claim(en *Entry) *batch {
	if en.Origin != g.cfg.Node || en.Boot != g.cfg.Boot {
		return nil
	}
	for i, b := range g.inflight {
		if b.seq == en.Seq {
			g.inflight = append(g.inflight[:i], g.inflight[i+1:]...)
			return b
		}
	}
	return nil
}

// failSuperseded tells the waiters of batches whose place in the log went to
// another entry: the log is agreed up to index, so they will never commit. A
// snapshot (term 0) only says that the place was passed, not by what.
func (g *Group) failSuperseded(index, term uint64) {
	kept := g.inflight[:0]
	for _, b := range g.inflight {
		if b.index > index {
			kept = append(kept, b)
			continue
		}
		if g.cfg.Bugs.AnswerSuperseded {
			b.answer(g.closed)
			continue
		}
		b.fail(supersededError(term))
	}
	g.inflight = kept
}

// answer is the planted bug AnswerSuperseded.
func (b *batch) answer(at clock.Timestamp) {
	for _, w := range b.waiters {
		w.Applied([]byte("+OK\r\n"), at)
	}
}
