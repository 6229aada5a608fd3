package node

import (
	"time"

	"github.com/parleydb/parley/internal/kv"
)

// awaiting is a session that waits for this node to reach its past.
type awaiting struct {
	token    kv.Token
	deadline time.Duration
	done     func(error)
}

// Await tells done when every replica here has applied a session's past, or at
// the deadline that it has not.
func (n *Node) Await(token kv.Token, timeout time.Duration, done func(error)) {
	if n.reached(token) {
		done(nil)
		return
	}
	n.awaits = append(n.awaits, awaiting{token, n.mono + timeout, done})
}

func (n *Node) reached(token kv.Token) bool {
	for _, r := range n.order {
		if r.machine != nil && r.Closed() < token.Strong {
			return false
		}
	}
	return true
}

func (n *Node) settleAwaits() {
	waiting := n.awaits
	n.awaits = nil
	for _, a := range waiting {
		switch {
		case n.reached(a.token):
			a.done(nil)
		case n.mono >= a.deadline:
			a.done(kv.Errorf(kv.KindTooStale, "this node has not reached the session's past within its deadline; reads at session still keep it"))
		default:
			n.awaits = append(n.awaits, a)
		}
	}
}
