package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
)

// Network is a set of links with rules. Ends are small numbers that the caller
// gives. Its methods may be called from several goroutines.
type Network struct {
	closed context.Context
	close  context.CancelFunc
	work   sync.WaitGroup

	mu struct {
		sync.Mutex
		imposed   []*imposed
		changed   chan struct{} // closed when a rule changes
		listeners []net.Listener
		links     map[*link]struct{}
	}
}

type imposed struct{ rule func(from, to int) Rule }

// New makes a network without links, in which everything passes.
func New() *Network {
	n := &Network{}
	n.closed, n.close = context.WithCancel(context.Background())
	n.mu.changed = make(chan struct{})
	n.mu.links = make(map[*link]struct{})
	return n
}

// From says at which end a connection began. An error refuses it.
type From func(net.Conn) (int, error)

// FromEnd is for proxies that only one end knows.
func FromEnd(end int) From { return func(net.Conn) (int, error) { return end, nil } }

// Listen makes a way to the end to, which serves at target, and returns its
// address: a port of 127.0.0.1 that was free.
func (n *Network) Listen(to int, target string, from From) (address string, err error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("a proxy for %s: %w", target, err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed.Err() != nil {
		return "", errors.Join(net.ErrClosed, l.Close())
	}
	n.mu.listeners = append(n.mu.listeners, l)
	n.work.Go(func() { n.accept(l, to, target, from) })
	return l.Addr().String(), nil
}

func (n *Network) accept(l net.Listener, to int, target string, from From) {
	for {
		c, err := l.Accept()
		if err != nil {
			return // closed
		}
		n.work.Go(func() {
			end, err := from(c)
			if err != nil {
				reset(c)
				return
			}
			n.serve(&link{net: n, ends: [2]int{end, to}, conns: [2]net.Conn{c}}, target)
		})
	}
}

// Impose adds a rule for every pair of ends, on top of those in force, and
// returns what lifts it. Lifting twice does no harm.
func (n *Network) Impose(rule func(from, to int) Rule) (lift func()) {
	i := &imposed{rule}
	n.change(func(all []*imposed) []*imposed { return append(all, i) })
	return func() {
		n.change(func(all []*imposed) []*imposed {
			var left []*imposed
			for _, o := range all {
				if o != i {
					left = append(left, o)
				}
			}
			return left
		})
	}
}

// change puts other rules in force, and resets the connections that they end.
func (n *Network) change(edit func([]*imposed) []*imposed) {
	n.mu.Lock()
	n.mu.imposed = edit(n.mu.imposed)
	close(n.mu.changed)
	n.mu.changed = make(chan struct{})
	var over []*link
	for l := range n.mu.links {
		if l.overLocked() {
			over = append(over, l)
		}
	}
	n.mu.Unlock()
	for _, l := range over {
		l.reset()
	}
}

// rule is what holds from one end to another, and a channel that is closed when
// that may have changed.
func (n *Network) rule(from, to int) (Rule, <-chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.ruleLocked(from, to), n.mu.changed
}

func (n *Network) ruleLocked(from, to int) (r Rule) {
	for _, i := range n.mu.imposed {
		r = r.and(i.rule(from, to))
	}
	return r
}

// Close ends all connections and waits for everything that the network started.
func (n *Network) Close() {
	n.close()
	n.mu.Lock()
	for _, l := range n.mu.listeners {
		_ = l.Close()
	}
	links := n.mu.links
	n.mu.links = nil
	n.mu.Unlock()
	for l := range links {
		l.reset()
	}
	n.work.Wait()
}
