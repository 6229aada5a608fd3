package node

import (
	"time"

	"github.com/parleydb/parley/clock"
	"github.com/parleydb/parley/internal/kv"
)

// fresh says whether a replica's state, as it is, gives a read what its level
// promises. For every level, a read that any acknowledged write precedes (see
// dispatch) does too.
func (n *Node) fresh(r *replica, level kv.Level, token clock.Timestamp) bool {
	switch level.Kind {
	case kv.LevelEventual:
		return true
	case kv.LevelBounded:
		return n.staleness(r) <= level.Bound || n.cfg.Bugs.BoundedIgnoresAge
	case kv.LevelSession, kv.LevelCausal:
		return r.Closed() >= token || n.cfg.Bugs.SessionIgnoresToken
	case kv.LevelLinearizable:
		return r.Current()
	}
	return false
}

// readAtOnce answers a read from a replica that is fresh enough for it. No
// operation is made of it, which would be encoded, put into lists, and be found
// out of the processor's caches when its turn comes. It returns false if the
// read must go through the log: see expiring.
func (n *Node) readAtOnce(r *Request, rep *replica, level kv.Level) bool {
	m, closed := rep.machine, rep.Closed()
	reply := n.reply[:0]
	if r.Kind == KindCommand {
		reply = m.call(reply, r.Calls[0], m.reading(closed, n.wall))
	} else {
		d := &m.dec
		d.kind, d.once = r.Kind, nil
		d.watches = append(d.watches[:0], r.Watches...)
		d.calls = append(d.calls[:0], r.Calls...)
		reply = m.show(reply, d, closed, n.wall)
		clear(d.calls)
	}
	n.reply = nil // completing may read again
	if level.Kind == kv.LevelLinearizable && m.expiring() {
		return false
	}
	if err := n.disk.Err(); err != nil {
		n.fail(err)
		n.refuse(r, errNodeFailed(err))
		return true
	}
	rc := kv.Receipt{Level: level, Node: n.cfg.ID, Stamp: closed, Outcome: kv.OutcomeOK}
	if level.Kind != kv.LevelLinearizable {
		rc.Staleness = n.staleness(rep)
	}
	n.told(r, level.Kind, reply, rc, 0)
	if cap(reply) <= keptReply {
		n.reply = reply
	}
	return true
}

// told gives a client here the reply that an operation came to.
func (n *Node) told(r *Request, level kv.LevelKind, reply []byte, rc kv.Receipt, took time.Duration) {
	if len(reply) > 0 && reply[0] == '-' {
		rc.Outcome = kv.OutcomeFailed
	}
	n.finished(r, level, rc.Outcome, took)
	if r.Token != nil {
		r.Token.Cluster = n.cfg.Cluster
		r.Token.Strong = max(r.Token.Strong, rc.Stamp)
	}
	r.Done.Complete(r, reply, rc, nil)
}

// Ahead says whether reads of a keyspace are answered at once here, and wait for
// memory: then Prefetch, of the keys of some that come, lets them wait together.
func (n *Node) Ahead(id kv.KeyspaceID) bool {
	rep := n.only(id)
	return rep != nil && rep.Current() && rep.machine.store.Cold()
}

// Prefetch loads what reads of keys will look at. It changes nothing.
func (n *Node) Prefetch(id kv.KeyspaceID, keys [][]byte) {
	if rep := n.only(id); rep != nil {
		rep.machine.store.Prefetch(keys)
	}
}

// only is the replica here of a keyspace of one shard; else nil.
func (n *Node) only(id kv.KeyspaceID) *replica {
	ks := n.meta.Keyspace(id)
	if ks == nil || len(ks.Groups) != 1 {
		return nil
	}
	return n.groups[ks.Groups[0].ID]
}
