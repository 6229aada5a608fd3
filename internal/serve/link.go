package serve

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/parleydb/parley/internal/kv"
	"github.com/parleydb/parley/internal/lane"
	"github.com/parleydb/parley/internal/loop"
	"github.com/parleydb/parley/internal/wire"
)

// redialAfter is the pause after a failed attempt to reach a node.
const redialAfter = 100 * time.Millisecond

// linkOutput bounds what waits for a node that reads slowly, in bytes.
const linkOutput = 128 << 20

// link is the outgoing connection to one other node. Frames are sent on it and
// nothing but the handshake is read from it: what the other node sends comes
// on the connection that it dialled.
type link struct {
	s       *Server
	to      kv.NodeID
	addr    string
	conn    *loop.Conn
	up      bool // the handshake is done
	was     bool // was up once since the last report of its end
	retryAt time.Duration
	dialing bool

	linkFaults
	lane    lane.Out // long frames, and what waits behind them
	delayed []delayedFrame
	waiting int           // bytes in delayed
	free    time.Duration // when a slow link has carried what it was given
}

// linkFaults are what a link does wrong: see Faults.
type linkFaults struct {
	cut       bool
	delay     time.Duration
	drop      int // percent
	duplicate int // percent
	slow      int // bytes a second, 0: no limit
}

type delayedFrame struct {
	at   time.Duration
	data []byte
}

func (l *link) dial() {
	l.dialing = true
	l.s.loop.Dial(l.addr, func(c *loop.Conn, err error) loop.Receiver {
		l.dialing = false
		if err != nil {
			l.down(errors.Is(err, syscall.ECONNREFUSED))
			return nil
		}
		l.conn = c
		c.SetOutputLimit(linkOutput)
		c.SetUnsent(lane.PieceSize)
		c.SetDeadline(l.s.handshake)
		c.Write(wire.AppendHello(nil, l.s.hello(l.to)))
		return l
	})
}

// Data implements loop.Receiver: the other side's handshake.
func (l *link) Data(c *loop.Conn, b []byte) int {
	if l.up {
		l.s.log.Error("a node sent data where none is expected", "node", l.to.String())
		c.Close()
		return len(b)
	}
	h, n, err := wire.DecodeHello(b)
	if err == nil && n > 0 {
		err = l.s.checkHello(h)
	}
	if err == nil && n > 0 && h.From != l.to {
		err = fmt.Errorf("the node at %s is n%d, not n%d: check the list of initial peers", l.addr, h.From, l.to)
	}
	if err != nil {
		l.s.log.Error("handshake failed", "address", l.addr, "error", err)
		c.Close()
		return len(b)
	}
	if n > 0 {
		c.SetDeadline(0)
		l.up, l.was = true, true
		l.s.node.PeerUp(l.to)
		l.s.log.Info("connected", "node", l.to.String(), "address", l.addr)
	}
	return n
}

// Closed implements loop.Receiver.
func (l *link) Closed(_ *loop.Conn, err error) {
	if l.up {
		l.s.log.Info("connection lost", "node", l.to.String(), "reason", fmt.Sprint(err))
	}
	l.conn, l.up = nil, false
	l.lane.Clear()
	l.s.setTime()
	l.s.node.PeerDown(l.to, false)
	l.retryAt = l.s.loop.Now() // a process that ended refuses at once
}

func (l *link) down(refused bool) {
	l.retryAt = l.s.loop.Now() + redialAfter
	if l.was {
		l.was = false
		l.s.setTime()
		l.s.node.PeerDown(l.to, refused)
	}
}

// send queues a frame, through the faults that are set.
func (l *link) send(t wire.FrameType, payload []byte) bool {
	direct := l.lane.Direct(t, len(payload))
	if !l.up || !direct && l.backlog()+len(payload) > linkOutput {
		return false
	}
	if l.cut || l.drop > 0 && rand.IntN(100) < l.drop {
		return true // sent, and lost on the way
	}
	copies := 1
	if l.duplicate > 0 && rand.IntN(100) < l.duplicate {
		copies = 2
	}
	for range copies {
		if !direct {
			l.lane.Add(t, payload)
			continue
		}
		l.s.frame = wire.AppendFrame(l.s.frame[:0], t, payload)
		l.carry(l.s.frame)
	}
	return true
}

// backlog is how much waits for the node to take it, in bytes.
func (l *link) backlog() int {
	if !l.up {
		return 0
	}
	return l.conn.Buffered() + l.waiting + l.lane.Bytes()
}

// feedAtOnce is how much of a lane is offered to a link at once, in bytes.
const feedAtOnce = 256 << 10

// takes says whether the link takes more of its lane now.
func (l *link) takes() bool {
	switch {
	case !l.up || l.lane.Empty():
		return false
	case l.slow > 0:
		return l.free <= l.s.loop.Now()
	case l.late():
		return true
	}
	return l.conn.Buffered() == 0 && !l.conn.Blocked()
}

// late says whether what is sent goes through delayed.
func (l *link) late() bool { return l.delay > 0 || l.slow > 0 || len(l.delayed) > 0 }

// feed gives the link of its lane what it takes now, and at most a part of a piece
// more, so that what is urgent waits for no more than that.
func (l *link) feed() {
	for l.takes() {
		if l.late() {
			l.s.frame = l.lane.Next(l.s.frame[:0])
			l.carry(l.s.frame)
			continue
		}
		b, ends := l.lane.Peek(l.s.frame[:0], l.s.ends[:0], feedAtOnce)
		n, taken := l.conn.TryWrite(b), 0
		for taken < len(ends) && (taken == 0 || ends[taken-1] < n) {
			taken++
		}
		l.conn.Write(b[n:max(n, ends[taken-1])])
		l.lane.Taken(taken)
		l.s.frame, l.s.ends = b, ends
	}
}

// carry writes a frame, at once or when a link that is late or slow has got so
// far.
func (l *link) carry(frame []byte) {
	if !l.late() {
		l.conn.Write(frame)
		return
	}
	if l.waiting+len(frame) > linkOutput {
		return // lost
	}
	now := l.s.loop.Now()
	at := now
	if l.slow > 0 {
		l.free = max(l.free, now) + time.Duration(len(frame))*time.Second/time.Duration(l.slow)
		at = l.free
	}
	l.delayed = append(l.delayed, delayedFrame{at + l.delay, append([]byte(nil), frame...)})
	l.waiting += len(frame)
}

// pump sends delayed frames that are due and dials if there is no connection.
// It returns when it wants to be called next.
func (l *link) pump(now time.Duration) time.Duration {
	if l.conn == nil && !l.dialing && now >= l.retryAt && !l.s.closing {
		l.dial()
	}
	for len(l.delayed) > 0 && l.delayed[0].at <= now {
		if l.up {
			l.conn.Write(l.delayed[0].data)
		}
		l.waiting -= len(l.delayed[0].data)
		l.delayed = l.delayed[1:]
	}
	l.feed()
	next := now + redialAfter
	if len(l.delayed) > 0 {
		next = l.delayed[0].at
	}
	switch {
	case !l.up || l.lane.Empty():
	case l.slow > 0:
		next = min(next, l.free)
	case !l.conn.Blocked():
		next = now // it takes more as soon as this is written
	}
	return next
}

// peerConn is an incoming connection of another node.
type peerConn struct {
	s    *Server
	from kv.NodeID // 0 before the handshake
	dec  wire.Decoder
	lane lane.In
}

// peerOutput bounds what waits for one that dialled this node: the handshake.
const peerOutput = 4 << 10

// handshakeTimeout bounds how long a stranger may hold a peer connection.
const handshakeTimeout = 5 * time.Second

// Data implements loop.Receiver.
func (p *peerConn) Data(c *loop.Conn, b []byte) int {
	used := 0
	if p.from == 0 {
		h, n, err := wire.DecodeHello(b)
		if err == nil && n > 0 {
			err = p.s.checkHello(h)
		}
		if err != nil {
			p.s.log.Error("a peer connection was refused", "from", c.RemoteAddr().String(), "error", err)
			c.Close()
			return len(b)
		}
		if n == 0 {
			return 0
		}
		c.SetDeadline(0)
		c.Write(wire.AppendHello(nil, p.s.hello(h.From)))
		p.from, used = h.From, n
	}
	p.s.setTime()
	for {
		t, payload, n, err := p.dec.Next(b[used:])
		if err == nil && t == wire.FramePiece {
			t, payload, err = p.lane.Take(payload)
		}
		if err != nil {
			p.s.log.Error("a node's bytes do not read; the connection is closed", "node", p.from.String(), "error", err)
			c.Close()
			return len(b)
		}
		if n == 0 {
			return used
		}
		used += n
		if t != 0 {
			p.s.node.Receive(p.from, t, payload)
		}
	}
}

// Closed implements loop.Receiver.
func (p *peerConn) Closed(*loop.Conn, error) {}
