package proxy

import (
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// link is one connection through the network. Side 0 dialled, side 1 serves.
type link struct {
	net   *Network
	ends  [2]int
	conns [2]net.Conn // conns[1] is nil until it is dialled
	gone  chan struct{}
	once  sync.Once

	// holed[s]: bytes that side s sent were lost. Guarded by net.mu.
	holed [2]bool
}

const dialTimeout = 5 * time.Second

// serve carries a connection to its end.
func (n *Network) serve(l *link, target string) {
	l.gone = make(chan struct{})
	if !n.add(l) {
		reset(l.conns[0])
		return
	}
	defer n.remove(l)
	defer l.reset()
	if !l.mayOpen() {
		return
	}
	d := net.Dialer{Timeout: dialTimeout}
	c, err := d.DialContext(n.closed, "tcp", target)
	if err != nil {
		return
	}
	n.mu.Lock()
	l.conns[1] = c
	n.mu.Unlock()
	if l.over() { // while it was dialled
		reset(c)
		return
	}
	var both sync.WaitGroup
	for side := range 2 {
		queue := make(chan piece, 64)
		both.Go(func() { l.read(side, queue) })
		both.Go(func() { l.write(side, queue) })
	}
	both.Wait()
	if !l.over() {
		for _, c := range l.conns { // in order, so that what was written last arrives
			_ = c.Close()
		}
	}
}

func (n *Network) add(l *link) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.mu.links == nil {
		return false
	}
	n.mu.links[l] = struct{}{}
	return true
}

func (n *Network) remove(l *link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.mu.links, l)
}

// mayOpen waits while the link is cut in either direction, because a handshake
// needs both. What waited behind a Drop is not let through afterwards: its
// packets are lost.
func (l *link) mayOpen() bool {
	dropped := false
	for {
		there, changed := l.net.rule(l.ends[0], l.ends[1])
		back, _ := l.net.rule(l.ends[1], l.ends[0])
		switch max(there.Cut, back.Cut) {
		case Open:
			return !dropped
		case Reset:
			return false
		case Drop:
			dropped = true
		}
		if !l.wait(changed, nil) {
			return false
		}
	}
}

// over says that the connection was reset.
func (l *link) over() bool {
	select {
	case <-l.gone:
		return true
	default:
		return false
	}
}

// overLocked says that the rules leave no place for the connection.
func (l *link) overLocked() bool {
	for side := range 2 {
		cut := l.net.ruleLocked(l.ends[side], l.ends[1-side]).Cut
		if cut == Reset || l.holed[side] && cut != Drop {
			return true
		}
	}
	return false
}

// reset ends the connection on both sides at once.
func (l *link) reset() {
	l.once.Do(func() { close(l.gone) })
	l.net.mu.Lock()
	conns := l.conns
	l.net.mu.Unlock()
	for _, c := range conns {
		if c != nil {
			reset(c)
		}
	}
}

// reset closes a connection so that the other side sees an error, not an end.
func reset(c net.Conn) {
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	_ = c.Close()
}

// piece is some bytes on their way.
type piece struct {
	data []byte
	at   time.Time // when they were sent
	end  error     // io.EOF: the side sends no more; others: the side is gone
}

// read takes what a side sends. It stops when 64 pieces wait, and so the side
// is slowed down, as by a full window.
func (l *link) read(side int, queue chan<- piece) {
	for {
		b := make([]byte, 16<<10)
		k, err := l.conns[side].Read(b)
		for _, p := range []piece{{data: b[:k], at: time.Now()}, {end: err, at: time.Now()}} {
			if len(p.data) == 0 && p.end == nil {
				continue
			}
			select {
			case queue <- p:
			case <-l.gone:
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// write delivers what a side sent to the other, by the rules.
func (l *link) write(side int, queue <-chan piece) {
	var free time.Time // when the line has carried what was written before
	for {
		var p piece
		select {
		case p = <-queue:
		case <-l.gone:
			return
		}
		pass, ok := l.admit(side, p)
		switch {
		case !ok:
			return
		case p.end != nil && !pass:
			<-l.gone // it stays silent until the cut ends
			return
		case !pass:
		case p.end == io.EOF:
			if half, ok := l.conns[1-side].(interface{ CloseWrite() error }); ok {
				_ = half.CloseWrite() // an error says that it is closed
			}
			return
		case p.end != nil || !l.deliver(side, p.data, &free):
			l.reset()
			return
		}
	}
}

// The retransmission of TCP: RFC 6298 with the 200 ms that Linux begins with.
const (
	firstStall = 200 * time.Millisecond
	mostLosses = 6
)

// admit waits until a piece may pass. It says whether the piece passes or is
// lost; ok is false if the connection is over.
func (l *link) admit(side int, p piece) (pass, ok bool) {
	late, drawn := time.Duration(0), false
	for {
		rule, changed := l.net.rule(l.ends[side], l.ends[1-side])
		if rule.Cut == Drop {
			return false, l.loses(side)
		}
		if !drawn && rule.Loss > 0 {
			drawn = true
			losses := 0
			for ; losses <= mostLosses && rand.IntN(100) < rule.Loss; losses++ {
				late += firstStall << losses
			}
			if losses > mostLosses {
				l.reset()
				return false, false
			}
		}
		wait := time.Until(p.at.Add(rule.Delay + late))
		if rule.Cut == Open && wait <= 0 {
			return true, true
		}
		var due <-chan time.Time
		if rule.Cut == Open {
			due = time.After(wait)
		}
		if !l.wait(changed, due) {
			return false, false
		}
	}
}

// loses notes that the stream has a hole. It is false if the cut has ended in
// between: then nobody else would reset the connection.
func (l *link) loses(side int) bool {
	l.net.mu.Lock()
	l.holed[side] = true
	over := l.overLocked()
	l.net.mu.Unlock()
	if over {
		l.reset()
	}
	return !over
}

// deliver writes bytes at the speed of the line. It is false if that failed.
func (l *link) deliver(side int, data []byte, free *time.Time) bool {
	for len(data) > 0 {
		rule, _ := l.net.rule(l.ends[side], l.ends[1-side])
		k := len(data)
		if rule.BytesPerSecond > 0 {
			k = min(k, max(1, rule.BytesPerSecond/20))
			if now := time.Now(); free.Before(now) {
				*free = now
			}
			*free = free.Add(time.Duration(k) * time.Second / time.Duration(rule.BytesPerSecond))
			if !l.wait(nil, time.After(time.Until(*free))) {
				return false
			}
		}
		if _, err := l.conns[1-side].Write(data[:k]); err != nil {
			return l.deaf(1 - side)
		}
		data = data[k:]
	}
	return true
}

// deaf handles a side that no longer takes bytes. That news travels the other
// way: if it is cut, the sender must not learn it.
func (l *link) deaf(side int) bool {
	rule, _ := l.net.rule(l.ends[side], l.ends[1-side])
	return rule.Cut == Drop && l.loses(side)
}

// wait is false if the connection is over.
func (l *link) wait(changed <-chan struct{}, due <-chan time.Time) bool {
	select {
	case <-changed:
		return true
	case <-due:
		return true
	case <-l.gone:
		return false
	}
}
