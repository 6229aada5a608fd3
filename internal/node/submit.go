package node

import (
	"math"
	"time"

	"github.com/parleydb/parley/clock"
	"github.com/parleydb/parley/internal/data"
	"github.com/parleydb/parley/internal/kv"
	"github.com/parleydb/parley/internal/meta"
)

// Submit starts an operation. Its Completer is told the outcome exactly once,
// at the latest at the deadline.
func (n *Node) Submit(r *Request) {
	shard, err := n.place(r)
	switch {
	case err != nil:
		n.refuse(r, err)
	case shard >= 0:
		n.submitTo(r, shard)
	}
}

func (n *Node) refuse(r *Request, err error) {
	level := r.Level.Kind
	if level == kv.LevelDefault {
		level = kv.LevelLinearizable
	}
	n.finished(r, level, kv.OutcomeFailed, 0)
	r.Done.Complete(r, nil, kv.Receipt{Node: n.cfg.ID, Outcome: kv.OutcomeFailed}, err)
}

// place finds the shard of a request; -1 if it went to all of them.
func (n *Node) place(r *Request) (shard int, err error) {
	if n.failed != nil {
		return 0, kv.Errorf(kv.KindUnavailable, "this node has failed: %v", n.failed)
	}
	ks := n.meta.Keyspace(r.Keyspace)
	if ks == nil {
		return 0, kv.Errorf(kv.KindErr, "keyspace %d does not exist any more; SELECT another", r.Keyspace)
	}
	if r.Level.Kind != kv.LevelDefault {
		if err := kv.CheckStrong(r.Level); err != nil {
			return 0, err
		}
	}
	if len(r.Once) > OnceIDMax {
		return 0, kv.Errorf(kv.KindErr, "an id has at most %d bytes, this one has %d", OnceIDMax, len(r.Once))
	}
	if shard, err = n.shardOf(ks, r); err != nil || shard >= 0 {
		return shard, err
	}
	if !n.wholeKeyspace(r, ks) {
		return 0, errKeyless(ks)
	}
	return -1, nil
}

func errKeyless(ks *meta.Keyspace) error {
	return kv.Errorf(kv.KindCrossSlot, "keyspace %s has %d shards: a command without a key concerns all of them, and neither a transaction nor ONCE can", ks.Name, len(ks.Groups))
}

// submitTo starts an operation on one shard.
func (n *Node) submitTo(r *Request, shard int) {
	id := n.meta.Keyspace(r.Keyspace).Groups[shard].ID
	rep, level := n.groups[id], r.Level
	if level.Kind == kv.LevelDefault {
		level = kv.Linearizable
	}
	var token clock.Timestamp
	if r.Token != nil {
		token = r.Token.Strong
		n.raise(token)
	}
	write := r.Kind == KindOutcome || r.InLog || len(r.Once) > 0 || writes(r.Calls)
	if !write && rep != nil && n.fresh(rep, level, token) && n.readAtOnce(r, rep, level) {
		return
	}
	o := n.ops.take()
	o.node, o.req, o.level, o.token, o.write = n, r, level, token, write
	o.group, o.replica, o.started = id, rep, n.mono
	timeout := r.Timeout
	if timeout <= 0 {
		timeout = n.cfg.Timeout
	}
	o.deadline = n.mono + min(timeout, MaxTimeout)
	o.command = encode(o.command, r)
	if err := n.admit(o); err != nil {
		n.refuse(r, err)
		return
	}
	n.ops.add(o)
	n.dispatch(o)
}

func writes(calls []Call) bool {
	for _, c := range calls {
		if c.Command != nil && c.Command.Flags&data.Write != 0 {
			return true
		}
	}
	return false
}

// shardOf is the shard that holds all keys of a request; -1 if it has none and
// there are several.
func (n *Node) shardOf(ks *meta.Keyspace, r *Request) (int, error) {
	shard := -1
	take := func(key []byte) error {
		s := ks.Shard(data.Slot(key))
		if shard >= 0 && shard != s {
			return kv.Errorf(kv.KindCrossSlot, "Keys in request don't hash to the same shard of keyspace %s; give them a common {hash tag}", ks.Name)
		}
		shard = s
		return nil
	}
	if len(ks.Groups) == 1 {
		return 0, nil
	}
	for _, w := range r.Watches {
		if err := take(w.Key); err != nil {
			return 0, err
		}
	}
	for _, c := range r.Calls {
		keys := c.Args
		if c.Command != nil {
			n.keys = c.Command.Keys(n.keys[:0], c.Args)
			keys = n.keys
		}
		if r.Kind == KindOutcome {
			keys = keys[:1]
		}
		if len(keys) == 0 && r.Kind == KindTx {
			return 0, errKeyless(ks) // on one shard it would see a part
		}
		for _, k := range keys {
			if err := take(k); err != nil {
				return 0, err
			}
		}
	}
	return shard, nil
}

// dispatch sends an operation on its way: writes to the leader; a read is
// answered by this replica if it is fresh enough for the level, or asks the
// leader, through Raft, up to where the state must be.
func (n *Node) dispatch(o *op) {
	switch {
	case o.write:
		n.toLeader(o)
	case o.replica == nil:
		n.toReplica(o)
	case n.fresh(o.replica, o.level, o.token):
		n.readNow(o, o.level)
	default:
		o.stage = stageReading
		o.replica.Read(o)
	}
}

// staleness is an upper bound on the age of a replica's state, by the latest
// clock that is known: this node's own may be behind.
func (n *Node) staleness(r *replica) time.Duration {
	age := time.Duration(n.peers.latest()-r.Closed().Millis()) * time.Millisecond
	if n.cfg.ClockBound > 0 && -age > n.cfg.ClockBound {
		return math.MaxInt64 // the state is from the future: this clock tells nothing
	}
	return max(0, age)
}

// readNow runs a read on this replica's state.
func (n *Node) readNow(o *op, level kv.Level) {
	if o.done {
		return
	}
	m := o.replica.machine
	if err := m.dec.read(o.command); err != nil {
		o.finish(nil, kv.Receipt{Node: n.cfg.ID}, kv.Errorf(kv.KindErr, "%v", err))
		return
	}
	closed := o.replica.Closed()
	reply := m.show(n.reply[:0], &m.dec, closed, n.wall)
	n.reply = nil // completing may read again
	if level.Kind == kv.LevelLinearizable && m.expiring() {
		o.write = true
		n.toLeader(o)
		return
	}
	if err := n.disk.Err(); err != nil {
		n.fail(err)
		return
	}
	rc := kv.Receipt{Level: level, Node: n.cfg.ID, Stamp: closed}
	if level.Kind != kv.LevelLinearizable && o.stage != stageReading { // a read index was asked for after the call
		rc.Staleness = n.staleness(o.replica)
	}
	o.finish(reply, rc, nil)
	if cap(reply) <= keptReply {
		n.reply = reply
	}
}

// keptReply is how large the scratch for a read's reply may stay.
const keptReply = 1 << 20
