package node

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/parleydb/parley/clock"
	"github.com/parleydb/parley/internal/kv"
	"github.com/parleydb/parley/internal/wire"
)

// toLeader proposes a command here if this node leads its group, else passes
// it to the leader. A command is passed on once: when its fate is unknown, it
// is never sent again.
func (n *Node) toLeader(o *op) {
	if o.replica == nil {
		n.toReplica(o)
		return
	}
	switch lead := o.replica.Leader(); {
	case lead == n.cfg.ID && n.takes(o.replica):
		o.stage = stageProposed
		o.replica.Propose(o.command, o)
	case !n.reachable(o.replica, lead) || !n.forward(o, lead):
		n.park(o)
	}
}

// toReplica passes an operation to a node that has a replica of its group,
// another one at each try.
func (n *Node) toReplica(o *op) {
	if o.req == nil {
		o.finish(nil, kv.Receipt{Node: n.cfg.ID}, errNoReplica)
		return
	}
	ks := n.meta.Keyspace(o.req.Keyspace)
	if ks == nil {
		o.finish(nil, kv.Receipt{Node: n.cfg.ID}, kv.Errorf(kv.KindErr, "the keyspace was dropped"))
		return
	}
	for _, g := range ks.Groups {
		if g.ID != o.group {
			continue
		}
		for i := range g.Replicas {
			n.rotate++
			to := g.Replicas[(n.rotate+i)%len(g.Replicas)]
			if to != n.cfg.ID && n.peers.connected(to) && n.forward(o, to) {
				return
			}
		}
	}
	n.park(o)
}

var errNoReplica = kv.Errorf(kv.KindUnavailable, "this node has no replica of the group; nothing was done")

// park keeps an operation to which nothing has happened until there may be
// somebody to take it.
func (n *Node) park(o *op) {
	if o.done {
		return
	}
	if o.stage == stageForwarded {
		delete(n.forwarded, o.id)
	}
	o.stage = stageParked
	if o.req == nil { // the node that passed it here decides where to go next
		o.finish(nil, kv.Receipt{Node: n.cfg.ID}, errNotLeader)
		return
	}
	o.retryAt, o.shunned = n.mono+n.cfg.Tick/5, 0
	if o.replica != nil {
		o.shunned = o.replica.Leader()
	}
	n.parked = append(n.parked, o)
}

var errNotLeader = kv.Errorf(kv.KindUnavailable, "this node does not lead the group; nothing was done")

// unpark lets operations try again: at once when there is another leader, else
// after a pause.
func (n *Node) unpark() {
	waiting := n.parked
	n.parked = nil
	for _, o := range waiting {
		switch {
		case o.done:
		case n.tryAt(o) > n.mono:
			n.parked = append(n.parked, o)
		default:
			o.stage = stageNew
			n.dispatch(o)
		}
	}
}

// tryAt is when a parked operation is to try again, if nothing comes in before.
func (n *Node) tryAt(o *op) time.Duration {
	if o.replica == nil {
		return o.retryAt
	}
	switch lead := o.replica.Leader(); {
	case !n.reachable(o.replica, lead):
		return math.MaxInt64
	case lead != o.shunned:
		return n.mono
	}
	return o.retryAt
}

// nextTry is when the first of the parked operations is to try again.
func (n *Node) nextTry() time.Duration {
	at := time.Duration(math.MaxInt64)
	for _, o := range n.parked {
		at = min(at, n.tryAt(o))
	}
	return at
}

// reachable says whether a replica's leader is worth asking. One that is
// connected but silent has lost its office, as far as anyone can see: what it
// is given now would likely end as unknown, and what waits is certain to have
// done nothing.
func (n *Node) reachable(r *replica, lead kv.NodeID) bool {
	if lead == n.cfg.ID {
		return n.takes(r)
	}
	return lead != 0 && n.peers.heard(lead)
}

// takes says whether this node, as a leader, takes commands: while it stops it
// does not, if another can lead.
func (n *Node) takes(r *replica) bool { return !n.stopping || len(r.voters) == 1 }

// forwardHead is the fixed part of a forwarded request: id, group, level,
// bound, token, time left, whether it goes through the log.
const forwardHead = 8 + 8 + 1 + 8 + 8 + 8 + 1

func (n *Node) forward(o *op, to kv.NodeID) bool {
	n.nextID++
	b := binary.BigEndian.AppendUint64(n.scratch[:0], n.nextID)
	b = binary.BigEndian.AppendUint64(b, uint64(o.group))
	b = append(b, byte(o.level.Kind))
	b = binary.BigEndian.AppendUint64(b, uint64(o.level.Bound))
	b = binary.BigEndian.AppendUint64(b, uint64(o.token))
	b = binary.BigEndian.AppendUint64(b, uint64(max(0, o.deadline-n.mono)))
	b = append(b, flag(o.write))
	n.scratch = append(b, o.command...)
	if !n.net.Send(to, wire.FrameForward, n.scratch) {
		return false
	}
	o.stage, o.id, o.to = stageForwarded, n.nextID, to
	n.forwarded[o.id] = o
	return true
}

func flag(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// takeForward starts an operation that another node passed on.
func (n *Node) takeForward(from kv.NodeID, p []byte) {
	if len(p) < forwardHead || n.peers.twice(from, binary.BigEndian.Uint64(p)) && !n.cfg.Bugs.ForwardTwice {
		return
	}
	o := n.ops.take()
	o.node, o.origin, o.originID = n, from, binary.BigEndian.Uint64(p)
	o.group = kv.GroupID(binary.BigEndian.Uint64(p[8:]))
	o.level = kv.Level{Kind: kv.LevelKind(p[16]), Bound: time.Duration(binary.BigEndian.Uint64(p[17:]))}
	o.token = clock.Timestamp(binary.BigEndian.Uint64(p[25:]))
	o.deadline = n.mono + min(time.Duration(binary.BigEndian.Uint64(p[33:])), MaxTimeout)
	o.write = p[41] == 1
	o.command = append(o.command, p[forwardHead:]...)
	o.replica = n.groups[o.group]
	n.raise(o.token)
	busy := n.admit(o)
	n.ops.add(o)
	switch {
	case busy != nil:
		o.finish(nil, kv.Receipt{Node: n.cfg.ID}, busy)
	case o.replica == nil || n.failed != nil:
		o.finish(nil, kv.Receipt{Node: n.cfg.ID}, errNoReplica)
	case o.write && !o.replica.IsLeader():
		o.finish(nil, kv.Receipt{Node: n.cfg.ID}, errNotLeader)
	case !o.write && (o.replica.machine == nil || kv.CheckStrong(o.level) != nil):
		o.finish(nil, kv.Receipt{Node: n.cfg.ID}, kv.Errorf(kv.KindErr, "a forwarded read does not read"))
	default:
		n.dispatch(o)
	}
}

// answer sends the outcome of another node's operation back.
func (n *Node) answer(o *op, reply []byte, rc kv.Receipt, err error) {
	if err == nil && len(reply) > smallReply && n.net.Backlog(o.origin) > maxBacklog {
		reply, err = nil, errBacklog(o.write)
	}
	b := binary.BigEndian.AppendUint64(n.scratch[:0], o.originID)
	kind, msg := "", ""
	if err != nil {
		kind, msg = string(kv.KindOf(err)), message(err)
	}
	b = appendBytes(appendBytes(b, []byte(kind)), []byte(msg))
	b = append(b, byte(rc.Level.Kind))
	b = binary.BigEndian.AppendUint64(b, uint64(rc.Level.Bound))
	b = binary.BigEndian.AppendUint64(b, uint64(rc.Staleness))
	b = binary.BigEndian.AppendUint64(b, uint64(rc.Stamp))
	n.scratch = append(b, reply...)
	n.net.Send(o.origin, wire.FrameReply, n.scratch)
}

// Replies wait for a node that takes them slowly up to maxBacklog bytes; then
// only small ones are sent, so that Raft's messages still have room.
const (
	maxBacklog = 48 << 20
	smallReply = 1 << 10
)

func errBacklog(write bool) error {
	if write {
		return kv.Errorf(kv.KindUnknown, "done, but more replies wait for the node that you asked than it has room for: send fewer at once")
	}
	return kv.Errorf(kv.KindBusy, "more replies wait for the node that you asked than it has room for: send fewer at once; nothing was done")
}

func message(err error) string {
	if e, ok := err.(*kv.Error); ok {
		return e.Msg
	}
	return err.Error()
}

// takeReply ends an operation that was passed on.
func (n *Node) takeReply(from kv.NodeID, p []byte) {
	if len(p) < 8 {
		return
	}
	o := n.forwarded[binary.BigEndian.Uint64(p)]
	if o == nil || o.to != from {
		return // its deadline has passed
	}
	r := reader{b: p[8:]}
	kind, msg := kv.Kind(r.bytes()), string(r.bytes())
	if r.bad || len(r.b) < 25 {
		return
	}
	rc := kv.Receipt{
		Level:     kv.Level{Kind: kv.LevelKind(r.b[0]), Bound: time.Duration(binary.BigEndian.Uint64(r.b[1:]))},
		Node:      from,
		Staleness: time.Duration(binary.BigEndian.Uint64(r.b[9:])),
		Stamp:     clock.Timestamp(binary.BigEndian.Uint64(r.b[17:])),
	}
	if kind != "" {
		o.Failed(kv.Errorf(kind, "%s", msg))
		return
	}
	n.raise(rc.Stamp)
	o.finish(r.b[25:], rc, nil)
}

// peerLost settles what was passed to a node whose connection broke: a command
// may have been done, a read may be asked elsewhere.
func (n *Node) peerLost(id kv.NodeID) {
	for o := n.ops.head; o != nil; {
		next := o.next
		if o.stage == stageForwarded && o.to == id {
			if o.write && !n.cfg.Bugs.ResendForwarded {
				o.finish(nil, kv.Receipt{Node: n.cfg.ID}, kv.Errorf(kv.KindUnknown, "the connection to the leader broke after the command was passed on: it may have happened; OUTCOME tells if it carried an id"))
			} else {
				n.park(o)
			}
		}
		o = next
	}
}
