package node

import (
	"encoding/binary"
	"math"
	"slices"
	"time"

	"github.com/parleydb/parley/clock"
	"github.com/parleydb/parley/internal/group"
	"github.com/parleydb/parley/internal/kv"
	"github.com/parleydb/parley/internal/wire"
)

// pingInterval is how often clocks are compared.
const pingInterval = 500 * time.Millisecond

// peer is what is known of another member.
type peer struct {
	id        kv.NodeID
	connected bool
	rtt       time.Duration // of the last ping; 0 if none
	wall      int64         // its clock then, in Unix milliseconds
	measured  time.Duration // when
	forwarded uint64        // the last operation that it passed on to this node, by its number
	heard     time.Duration // when its last frame came
	inquiry   []byte        // the next one for it
}

// offset is its clock less ours. Between pings it is taken to run as our
// monotonic clock does, so that a jump of our wall clock shows at once.
func (p *peer) offset(n *Node) time.Duration {
	if p.rtt == 0 {
		return 0
	}
	return time.Duration(p.wall-n.wall)*time.Millisecond + n.mono - p.measured + p.rtt/2
}

// peerTable holds the other members by rising id.
type peerTable struct {
	n        *Node
	list     []peer
	nextPing time.Duration
	off      bool // in this round: this node's clock is off, it stamps nothing
	wasOff   bool // when that was last logged
}

// PeerStatus describes another member.
type PeerStatus struct {
	ID        kv.NodeID
	Connected bool
	RTT       time.Duration
	Offset    time.Duration
}

func (t *peerTable) init(n *Node) {
	t.n = n
	for _, m := range n.cfg.Members {
		if m.ID != n.cfg.ID {
			t.list = append(t.list, peer{id: m.ID})
		}
	}
}

func (t *peerTable) find(id kv.NodeID) *peer {
	for i := range t.list {
		if t.list[i].id == id {
			return &t.list[i]
		}
	}
	return nil
}

func (t *peerTable) connected(id kv.NodeID) bool {
	p := t.find(id)
	return p != nil && p.connected
}

// window is how far behind the last one an operation's number is old news.
const window = 1 << 20

// twice says whether the operation of that number has come from a node before,
// and notes that it has come. A message that arrives twice must not become two
// operations. Numbers rise, from a start that is drawn at each start of the
// process: one far from the last is of a new process.
func (t *peerTable) twice(from kv.NodeID, number uint64) bool {
	p := t.find(from)
	if p == nil {
		return false
	}
	if p.forwarded-number < window && p.forwarded != 0 {
		return true
	}
	p.forwarded = number
	return false
}

// heard says whether a member is connected and not silent. Who leads a group
// says so at every heartbeat; three that did not come are half an election
// timeout or more.
func (t *peerTable) heard(id kv.NodeID) bool {
	p := t.find(id)
	return p != nil && p.connected && t.n.mono-p.heard <= 3*time.Duration(t.n.cfg.HeartbeatTicks)*t.n.cfg.Tick
}

// Peers reports what is known of the other members.
func (n *Node) Peers() []PeerStatus {
	var out []PeerStatus
	for _, p := range n.peers.list {
		out = append(out, PeerStatus{ID: p.id, Connected: p.connected, RTT: p.rtt, Offset: p.offset(n)})
	}
	return out
}

// PeerUp says that frames can be sent to a node.
func (n *Node) PeerUp(id kv.NodeID) {
	if p := n.peers.find(id); p != nil {
		p.connected, p.heard = true, n.mono
	}
}

// PeerDown says that the connection to a node broke. gone says that its process
// is known to have ended (it refuses connections): its groups need not wait
// for the election timeout.
func (n *Node) PeerDown(id kv.NodeID, gone bool) {
	p := n.peers.find(id)
	if p == nil {
		return
	}
	if p.connected {
		p.connected = false
		n.peerLost(id)
		n.inquiryLost()
	}
	if !gone {
		return
	}
	for _, r := range n.order {
		if r.Leader() == id {
			r.LeaderLost()
			// One voter at a time, in the order of ids, so that they do not
			// split the vote; the others' timeouts are the fallback.
			if n.successor(r, id) == n.cfg.ID {
				r.electAt, r.electBy = n.mono, n.mono+n.electionTimeout()
			}
		}
	}
}

// elect has groups whose leader is gone elect a new one. Whoever has not
// noticed yet answers no PreVote, so that it is asked again soon.
func (n *Node) elect() (next time.Duration) {
	next = math.MaxInt64
	for _, r := range n.order {
		switch {
		case r.electBy == 0:
			continue
		case r.Leader() != 0 || n.mono >= r.electBy:
			r.electBy = 0
			continue
		case n.mono >= r.electAt:
			r.Campaign()
			r.electAt = n.mono + n.cfg.Tick/5
		}
		next = min(next, r.electAt)
	}
	return next
}

// successor is the first voter that is not gone.
func (n *Node) successor(r *replica, gone kv.NodeID) kv.NodeID {
	for _, v := range r.voters {
		if v != gone && (v == n.cfg.ID || n.peers.connected(v)) {
			return v
		}
	}
	return n.cfg.ID
}

// Receive takes in one frame of another node. The payload is not kept.
func (n *Node) Receive(from kv.NodeID, t wire.FrameType, payload []byte) {
	if p := n.peers.find(from); p != nil {
		p.heard = n.mono
	}
	switch t {
	case wire.FrameRaft, wire.FrameControl:
		n.takeRaft(payload)
	case wire.FrameForward:
		n.takeForward(from, payload)
	case wire.FrameReply:
		n.takeReply(from, payload)
	case wire.FrameSnapshot:
		n.snapshots.take(n, from, payload)
	case wire.FramePing:
		n.takePing(from, payload)
	case wire.FramePong:
		n.takePong(from, payload)
	case wire.FrameInquiry:
		n.takeInquiry(from, payload)
	case wire.FrameStanding:
		n.takeStanding(from, payload)
	}
}

func (n *Node) takeRaft(payload []byte) {
	id, m, err := wire.DecodeRaft(payload)
	if err != nil {
		n.cfg.Log.Error("a Raft message does not read and is dropped", "error", err)
		return
	}
	r := n.groups[kv.GroupID(id)]
	if r == nil {
		return // not known here yet, or dropped; Raft sends again
	}
	if ents := m.GetEntries(); len(ents) > 0 {
		n.raise(group.StampOf(ents[len(ents)-1].GetData()))
	}
	better := r.Better(m)
	if err := r.Step(m); err != nil {
		n.cfg.Log.Debug("Raft refused a message", "group", r.id.String(), "error", err)
	}
	if lead := r.Leader(); better && (lead == 0 || !n.peers.heard(lead)) {
		r.LeaderLost()
		r.electAt, r.electBy = n.mono, n.mono+n.electionTimeout()
	}
}

// raise takes in a stamp of elsewhere. One from beyond the bound raises
// nothing: the clock check tells who is wrong.
func (n *Node) raise(t clock.Timestamp) { _ = n.hlc.Receive(n.wall, t) }

func (t *peerTable) tick() {
	n := t.n
	if n.mono < t.nextPing {
		return
	}
	t.nextPing = n.mono + pingInterval
	for _, p := range t.list {
		n.scratch = binary.BigEndian.AppendUint64(n.scratch[:0], uint64(n.mono))
		n.scratch = binary.BigEndian.AppendUint64(n.scratch, uint64(n.hlc.Last()))
		n.net.Send(p.id, wire.FramePing, n.scratch)
	}
	if t.off != t.wasOff {
		t.wasOff = t.off
		if t.off {
			n.cfg.Log.Error("this node's clock is off from most others' by more than the bound: it stamps nothing until that is mended", "bound", n.cfg.ClockBound)
		} else {
			n.cfg.Log.Info("this node's clock is within the bound again")
		}
	}
}

func (n *Node) takePing(from kv.NodeID, p []byte) {
	if len(p) != 16 {
		return
	}
	n.raise(clock.Timestamp(binary.BigEndian.Uint64(p[8:])))
	b := append(n.scratch[:0], p[:8]...)
	b = binary.BigEndian.AppendUint64(b, uint64(n.wall))
	n.scratch = binary.BigEndian.AppendUint64(b, uint64(n.hlc.Last()))
	n.net.Send(from, wire.FramePong, n.scratch)
}

func (n *Node) takePong(from kv.NodeID, b []byte) {
	p := n.peers.find(from)
	if p == nil || len(b) != 24 {
		return
	}
	n.raise(clock.Timestamp(binary.BigEndian.Uint64(b[16:])))
	rtt := n.mono - time.Duration(binary.BigEndian.Uint64(b))
	if rtt < 0 {
		return
	}
	p.rtt, p.measured, p.wall = max(rtt, 1), n.mono, int64(binary.BigEndian.Uint64(b[8:]))
	for _, r := range n.order {
		if contains(r.voters, from) {
			r.SetDistance(from, rtt)
		}
	}
}

// clockOK is false when so many members' clocks are certainly further from
// this node's than the bound that, with it in the wrong, they are a majority.
func (t *peerTable) clockOK() bool {
	n := t.n
	if n.cfg.ClockBound <= 0 {
		return true
	}
	off := 0
	for _, p := range t.list {
		if p.offset(n).Abs()-p.rtt/2 > n.cfg.ClockBound {
			off++
		}
	}
	return off < len(n.cfg.Members)/2+1
}

// errClock refuses what would need a stamp.
func (n *Node) errClock() error {
	return kv.Errorf(kv.KindClock, "the clock of %s, which leads here, is off from most others' by more than %v, so it stamps nothing, and no other node took over; nothing was done. Set its clock right", n.name(), n.cfg.ClockBound)
}

func (n *Node) name() string {
	if m := n.meta.Member(n.cfg.ID); m != nil {
		return m.Name
	}
	return "n" + n.cfg.ID.String()
}

// median is the middle of the members' clocks, as far as they are known, less
// this node's.
func (t *peerTable) median() time.Duration {
	all := []time.Duration{0}
	for _, p := range t.list {
		if p.rtt > 0 {
			all = append(all, p.offset(t.n))
		}
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// latest is the latest time that any clock known here may show now, in Unix
// milliseconds.
func (t *peerTable) latest() int64 {
	ahead := time.Duration(0)
	for _, p := range t.list {
		ahead = max(ahead, p.offset(t.n)+p.rtt/2)
	}
	return t.n.wall + ahead.Milliseconds()
}
