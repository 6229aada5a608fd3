package node

import (
	"time"

	"github.com/parleydb/parley/clock"
	"github.com/parleydb/parley/internal/kv"
)

// awaiting is somebody who waits until this node's copies are new enough.
type awaiting struct {
	reached  func() bool
	deadline time.Duration
	late     error // what done is told at the deadline
	done     func(error)
}

func (n *Node) await(a awaiting) {
	if a.reached() {
		a.done(nil)
		return
	}
	n.awaits = append(n.awaits, a)
}

func (n *Node) settleAwaits() {
	waiting := n.awaits
	n.awaits = nil
	for _, a := range waiting {
		switch {
		case a.reached():
			a.done(nil)
		case n.mono >= a.deadline:
			a.done(a.late)
		default:
			n.awaits = append(n.awaits, a)
		}
	}
}

// Await tells done when every replica here has applied a session's past, or at
// the deadline that it has not.
func (n *Node) Await(token kv.Token, timeout time.Duration, done func(error)) {
	reached := func() bool {
		for _, r := range n.order {
			if r.machine != nil && r.Closed() < token.Strong {
				return false
			}
		}
		return true
	}
	n.await(awaiting{reached, n.mono + timeout, errNotReached, done})
}

var errNotReached = kv.Errorf(kv.KindTooStale, "this node has not reached the session's past within its deadline; reads at session still keep it")

// Refresh tells done when this node's configuration reflects every change that
// was acknowledged before now, or at the deadline that it may not.
func (n *Node) Refresh(timeout time.Duration, done func(error)) {
	if timeout <= 0 {
		timeout = n.cfg.Timeout
	}
	read := &metaRead{}
	if n.failed == nil {
		n.groups[kv.MetaGroup].Read(read)
	}
	n.await(awaiting{func() bool { return read.current }, n.mono + timeout, errOldMeta, done})
}

var errOldMeta = kv.Errorf(kv.KindUnavailable, "this node cannot learn which keyspaces there are: no majority answers; nothing was done")

// metaRead waits for a read index of group 0. It implements group.Waiter.
type metaRead struct{ current bool }

// Applied implements group.Waiter; nothing is proposed.
func (*metaRead) Applied([]byte, clock.Timestamp) {}

// Readable implements group.Waiter.
func (m *metaRead) Readable() { m.current = true }

// Failed implements group.Waiter. The deadline tells.
func (*metaRead) Failed(error) {}
