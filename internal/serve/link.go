package serve

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/parleydb/parley/internal/kv"
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
	if !l.up {
		return false
	}
	if l.cut || l.drop > 0 && rand.IntN(100) < l.drop {
		return true // sent, and lost on the way
	}
	l.s.frame = wire.AppendFrame(l.s.frame[:0], t, payload)
	l.carry(l.s.frame)
	if l.duplicate > 0 && rand.IntN(100) < l.duplicate {
		l.carry(l.s.frame)
	}
	return true
}

// carry writes a frame, at once or when a link that is late or slow has got so
// far.
func (l *link) carry(frame []byte) {
	if l.delay == 0 && l.slow == 0 && len(l.delayed) == 0 {
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
	if len(l.delayed) > 0 {
		return l.delayed[0].at
	}
	return now + redialAfter
}

// peerConn is an incoming connection of another node.
type peerConn struct {
	s    *Server
	from kv.NodeID // 0 before the handshake
	dec  wire.Decoder
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
		if err != nil {
			p.s.log.Error("a node's bytes do not read; the connection is closed", "node", p.from.String(), "error", err)
			c.Close()
			return len(b)
		}
		if n == 0 {
			return used
		}
		used += n
		p.s.node.Receive(p.from, t, payload)
	}
}

// Closed implements loop.Receiver.
func (p *peerConn) Closed(*loop.Conn, error) {}
