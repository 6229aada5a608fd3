package node

import (
	"time"

	"github.com/parleydb/parley/clock"
	"github.com/parleydb/parley/internal/group"
	"github.com/parleydb/parley/internal/kv"
)

// stage is how far an operation came, which decides what a deadline means.
type stage uint8

const (
	stageNew       stage = iota
	stageParked          // waits for a leader: nothing happened
	stageProposed        // in this node's hands as leader: unknown until applied
	stageForwarded       // left for another node: unknown until it answers
	stageReading         // waits for a read index or a stamp: reads do nothing
)

// op is one operation under way on this node. It implements group.Waiter.
type op struct {
	node     *Node
	req      *Request // of a client here; nil for another node's
	origin   kv.NodeID
	originID uint64
	group    kv.GroupID
	replica  *replica
	level    kv.Level
	write    bool // goes through the log
	command  []byte
	token    clock.Timestamp
	started  time.Duration
	deadline time.Duration
	stage    stage
	id       uint64 // while forwarded
	retryAt  time.Duration
	shunned  kv.NodeID // the leader when it was parked: it did not take it
	to       kv.NodeID
	refused  error // why nobody took it so far, if that is worth telling
	done     bool
	prev     *op
	next     *op
}

var _ group.Waiter = (*op)(nil)

// Applied implements group.Waiter.
func (o *op) Applied(reply []byte, stamp clock.Timestamp) {
	if err := o.node.disk.Err(); err != nil { // what the command read may be wrong
		o.finish(nil, kv.Receipt{Node: o.node.cfg.ID}, errNodeFailed(err))
		return
	}
	if o.done {
		return
	}
	o.finish(reply, kv.Receipt{Level: kv.Linearizable, Node: o.node.cfg.ID, Stamp: stamp, Outcome: kv.OutcomeOK}, nil)
	o.node.ops.recycle(o)
}

func errNodeFailed(err error) error {
	return kv.Errorf(kv.KindUnknown, "this node failed: %v", err)
}

// Readable implements group.Waiter.
func (o *op) Readable() {
	if o.done {
		return
	}
	o.node.readNow(o, o.level)
	if o.done {
		o.node.ops.recycle(o)
	}
}

// Failed implements group.Waiter: unless the outcome is unknown, nothing
// happened, and the operation may look for another leader.
func (o *op) Failed(err error) {
	if o.done {
		return
	}
	if kind := kv.KindOf(err); (kind == kv.KindUnavailable || kind == kv.KindClock) && o.req != nil {
		if kind == kv.KindClock {
			o.refused = err
		}
		o.node.park(o)
		return
	}
	o.finish(nil, kv.Receipt{Node: o.node.cfg.ID}, err)
}

// finish tells whoever asked, once.
func (o *op) finish(reply []byte, rc kv.Receipt, err error) {
	if o.done {
		return
	}
	o.done = true
	n := o.node
	n.ops.remove(o)
	if o.stage == stageForwarded {
		delete(n.forwarded, o.id)
	}
	rc.Outcome = kv.OutcomeOf(err)
	if err == nil && len(reply) > 0 && reply[0] == '-' {
		rc.Outcome = kv.OutcomeFailed
	}
	if o.req == nil {
		n.answer(o, reply, rc, err)
		return
	}
	if err == nil {
		n.told(o.req, o.level.Kind, reply, rc, n.mono-o.started)
		return
	}
	n.finished(o.req, o.level.Kind, rc.Outcome, n.mono-o.started)
	o.req.Done.Complete(o.req, reply, rc, err)
}

// finished reports an operation of a client here.
func (n *Node) finished(r *Request, level kv.LevelKind, outcome kv.Outcome, took time.Duration) {
	if n.cfg.Finished == nil {
		return
	}
	name := ""
	switch {
	case r.Kind == KindTx:
		name = "exec"
	case r.Kind == KindOutcome:
		name = "outcome"
	case r.Kind == KindVersions:
		name = "watch"
	case len(r.Calls) > 0 && r.Calls[0].Command != nil:
		name = r.Calls[0].Command.Name
	default:
		return
	}
	n.cfg.Finished(name, level, outcome, took)
}

// expired ends an operation at its deadline with what is known of it.
func (o *op) expired() {
	var err error
	switch {
	case o.write && (o.stage == stageProposed || o.stage == stageForwarded) && !o.node.cfg.Bugs.TimeoutIsFailure:
		err = kv.Errorf(kv.KindUnknown, "proposed, not confirmed before the deadline: it may have happened; OUTCOME tells if it carried an id")
	case o.refused != nil && o.stage == stageParked:
		err = o.refused
	case o.level.Kind == kv.LevelBounded:
		err = kv.Errorf(kv.KindTooStale, "no reachable replica is within %v of now; ask for eventual to read what is here", o.level.Bound)
	default:
		err = kv.Errorf(kv.KindUnavailable, "no majority of %v answered before the deadline; nothing was done", o.group)
	}
	o.finish(nil, kv.Receipt{Node: o.node.cfg.ID}, err)
}

// opList holds the operations under way in the order they came.
type opList struct {
	head, tail *op
	bytes      int
	free       []*op
}

// What is kept of operations that are over: their memory, for the next ones.
const (
	keptOps     = 4096
	keptCommand = 1 << 10 // bytes of a command
)

// take is an operation without anything but, perhaps, memory for its command.
func (l *opList) take() *op {
	last := len(l.free) - 1
	if last < 0 {
		return new(op)
	}
	o := l.free[last]
	l.free = l.free[:last]
	return o
}

// recycle takes an operation that is over and that nobody refers to any more:
// the list does not, and its group has told it what it waited for. One that ended
// in another way, as at its deadline, may still be told, and is left alone.
func (l *opList) recycle(o *op) {
	if len(l.free) == keptOps || cap(o.command) > keptCommand {
		return
	}
	*o = op{command: o.command[:0]}
	l.free = append(l.free, o)
}

// cost is what an operation under way holds in memory, about, in bytes.
func (o *op) cost() int { return len(o.command) + 256 }

// admit refuses an operation if too much is under way here: commands of
// clients and of other nodes, wherever they wait.
func (n *Node) admit(o *op) error {
	if n.ops.head == nil || n.ops.bytes+o.cost() <= n.cfg.MaxWaiting {
		return nil
	}
	return kv.Errorf(kv.KindBusy, "commands of more than %d bytes are under way on this node; nothing was done. Send less at once or raise --max-waiting", n.cfg.MaxWaiting)
}

func (l *opList) add(o *op) {
	l.bytes += o.cost()
	o.prev = l.tail
	if l.tail != nil {
		l.tail.next = o
	} else {
		l.head = o
	}
	l.tail = o
}

func (l *opList) remove(o *op) {
	l.bytes -= o.cost()
	if o.prev != nil {
		o.prev.next = o.next
	} else if l.head == o {
		l.head = o.next
	}
	if o.next != nil {
		o.next.prev = o.prev
	} else if l.tail == o {
		l.tail = o.prev
	}
	o.prev, o.next = nil, nil
}

func (l *opList) expire(n *Node) {
	for o := l.head; o != nil; {
		next := o.next
		if n.mono >= o.deadline {
			o.expired()
		}
		o = next
	}
}

func (l *opList) failAll(n *Node, err error) {
	for l.head != nil {
		l.head.finish(nil, kv.Receipt{Node: n.cfg.ID}, err)
	}
}
