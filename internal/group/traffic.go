package group

import (
	"go.etcd.io/raft/v3/raftpb"

	"github.com/parleydb/parley/internal/kv"
)

// traffic leaves out messages of Raft that tell nothing new, or holds them until
// another carries what they tell. To Raft they are lost or late, which it
// survives. In a group in steady use half of all messages are such:
//
//   - An append without entries tells a follower that the leader committed. The
//     next append says so too, so it is held for a moment (see Group.Release).
//   - The follower's answer to it confirms what it has confirmed before.
type traffic struct {
	held  []*raftpb.Message // at most one for each follower
	tick  uint64            // of the group's time
	acked ack               // the last that was sent
}

// ack confirms to a leader all entries up to index.
type ack struct {
	to, term, index, tick uint64
}

// send appends to out what is to be sent because of m.
func (t *traffic) send(out []*raftpb.Message, m *raftpb.Message) []*raftpb.Message {
	isAppend := m.GetType() == raftpb.MsgApp
	for i, h := range t.held {
		if h.GetTo() != m.GetTo() {
			continue
		}
		t.held = append(t.held[:i], t.held[i+1:]...)
		if !isAppend { // what comes after a commit must not overtake it
			out = append(out, h)
		}
		break
	}
	if isAppend && len(m.GetEntries()) == 0 {
		t.held = append(t.held, m)
		return out
	}
	return append(out, m)
}

// known says whether m confirms what the last confirmation did, and notes it
// otherwise. A tick later it is sent again: the last one may have been lost.
func (t *traffic) known(m *raftpb.Message) bool {
	if m.GetType() != raftpb.MsgAppResp || m.GetReject() {
		return false
	}
	a := ack{m.GetTo(), m.GetTerm(), m.GetIndex(), t.tick}
	if a == t.acked {
		return true
	}
	t.acked = a
	return false
}

// Holds says whether messages are held.
func (g *Group) Holds() bool { return len(g.fresh.held) > 0 }

// Release takes the messages that were held, to be sent now. The shell calls it
// when a group has held some for as long as its followers may be behind. They
// are valid until the next Ready.
func (g *Group) Release() []*raftpb.Message {
	held := g.fresh.held
	g.fresh.held = held[:0]
	return held
}

// ReleaseTo takes the message that is held for one replica, if there is one.
func (g *Group) ReleaseTo(to kv.NodeID) *raftpb.Message {
	for i, h := range g.fresh.held {
		if kv.NodeID(h.GetTo()) == to {
			g.fresh.held = append(g.fresh.held[:i], g.fresh.held[i+1:]...)
			return h
		}
	}
	return nil
}
