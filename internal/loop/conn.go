package loop

import (
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

type state uint8

const (
	connecting state = iota
	open
	draining  // CloseAfterFlush: no more reading, output still to write
	lingering // output written and our side shut: waits for the peer's end
	dead      // waits for its Closed
	closed
)

// Conn is a connection. Its methods may be called on the loop only, and do
// nothing after the connection has closed.
type Conn struct {
	loop     *Loop
	sock     socket
	remote   net.Addr
	receiver Receiver
	half     HalfCloser                  // the receiver, when it is one
	dialled  func(*Conn, error) Receiver // while connecting
	retry    []netip.AddrPort            // while connecting: the addresses not tried
	err      error                       // for Closed
	index    int                         // in loop.conns

	kept []byte // received and not consumed
	off  int    // where the unconsumed part of kept begins
	out  []byte // output
	sent int    // how much of out is written

	more   [][]byte // output behind out, in blocks
	behind int      // bytes in more

	counted bool // shares Config.Memory
	memory  int  // what it holds, as counted last
	charged int  // of that, what its owner keeps

	outputLimit  int
	deadline     time.Duration // 0 is none; loop time
	idle         time.Duration // 0 is none
	readAt       time.Duration // last time that bytes came
	writeTimeout time.Duration // 0 is none
	blockedAt    time.Duration // last time that a blocked output moved

	state    state
	readable bool // the socket may have bytes
	hangup   bool // the peer's end has come: short reads do not mean empty
	ended    bool // the peer's end was read
	paused   bool
	reshow   bool // kept bytes are to be shown again
	showing  bool // Data is on the stack
	queued   bool // in loop.ready
	dirty    bool // in loop.dirty
	blocked  bool // the socket takes no more output for now
}

func (l *Loop) newConn(sock socket, remote net.Addr) *Conn {
	c := &Conn{loop: l, sock: sock, remote: remote, outputLimit: l.cfg.OutputLimit, index: len(l.conns), readAt: l.now, state: open}
	l.conns = append(l.conns, c)
	return c
}

// adopt takes in a connection that was accepted.
func (l *Loop) adopt(sock socket, remote net.Addr, accept func(*Conn) Receiver) *Conn {
	c := l.newConn(sock, remote)
	c.own(accept(c))
	return c
}

func (c *Conn) own(r Receiver) {
	c.receiver = r
	if r == nil {
		c.CloseAfterFlush()
		return
	}
	c.half, _ = r.(HalfCloser)
}

// connected ends a dial.
func (c *Conn) connected(sock socket, remote net.Addr, err error) {
	if c.state != connecting {
		if sock != nil {
			sock.close()
		}
		return
	}
	if err != nil {
		c.fail(err)
		return
	}
	c.sock, c.remote, c.state, c.readAt = sock, remote, open, c.loop.now
	c.SetDeadline(0)
	done := c.dialled
	c.dialled = nil
	c.own(done(c, nil))
}

// events is a poller's report on a connection.
type events uint8

const (
	canRead  events = 1 << iota
	canWrite        // takes output again
	peerEnd         // the peer has shut its side, or the connection failed
	gone            // both sides are shut, or the connection failed
)

func (c *Conn) event(e events) {
	if e&peerEnd != 0 {
		c.hangup = true
	}
	switch {
	case c.ended && e&gone != 0:
		c.fail(syscall.ECONNRESET)
	case !c.ended && e&(canRead|peerEnd) != 0:
		c.readable = true
		c.enqueue()
	}
	if e&(canWrite|gone) != 0 && c.blocked {
		c.blocked = false
		c.markDirty()
	}
}

// enqueue puts c among those to read, if it may be read.
func (c *Conn) enqueue() {
	wanted := c.state == lingering || c.state == open && !c.paused
	if wanted && !c.queued {
		c.queued = true
		c.loop.ready = append(c.loop.ready, c)
	}
}

// fail closes the connection at the end of the round.
func (c *Conn) fail(err error) {
	if c.state >= dead {
		return
	}
	if c.state == lingering {
		err = nil // we have closed already, and only waited to be polite
	}
	c.state, c.err = dead, err
	c.loop.dead = append(c.loop.dead, c)
}

// bury closes the socket and tells the owner.
func (c *Conn) bury() {
	l := c.loop
	last := l.conns[len(l.conns)-1]
	l.conns[c.index], last.index = last, c.index
	l.conns[len(l.conns)-1] = nil
	l.conns = l.conns[:len(l.conns)-1]
	if c.sock != nil {
		c.sock.close()
	}
	c.dropKept()
	c.dropOutput()
	c.charged = 0
	c.recount()
	c.state = closed
	switch {
	case c.dialled != nil:
		if c.err == ErrDeadline {
			c.err = os.ErrDeadlineExceeded
		}
		c.dialled(nil, c.err)
	case c.receiver != nil:
		c.receiver.Closed(c, c.err)
	}
}

// RemoteAddr is the peer's address.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// Pause stops reading, after the current Data; the peer feels it when the
// socket's buffers are full. The idle timeout stands still.
func (c *Conn) Pause() { c.paused = true }

// Resume reads on, from the next round. Bytes that were not consumed are shown
// again even if no more have come.
func (c *Conn) Resume() {
	if !c.paused {
		return
	}
	c.paused = false
	c.readAt = c.loop.now
	if c.idle > 0 {
		c.loop.sweepBy(c.readAt + c.idle)
	}
	c.reshow = len(c.kept) > c.off && !c.ended
	if c.readable || c.reshow {
		c.enqueue()
	}
}

// Close closes the connection and drops its output. Data is not called any
// more, and Closed at the end of the round.
func (c *Conn) Close() {
	if c.state < dead {
		c.dropOutput()
		c.fail(nil)
	}
}

// CloseAfterFlush closes the connection when its output is written. Data is
// not called any more, and later Writes are ignored. Closed follows when the
// peer has closed its side too, or a second later: to close with unread bytes
// would make the peer's system throw away our last answer. A peer that takes
// no output is given up after the write timeout, by default ten seconds.
func (c *Conn) CloseAfterFlush() {
	if c.state != open {
		return
	}
	c.state = draining
	c.deadline, c.idle = 0, 0
	if !c.showing {
		c.dropKept() // else show does it
	}
	if c.writeTimeout == 0 {
		c.SetWriteTimeout(drainTimeout)
	}
	c.markDirty()
}

// linger shuts our side after a CloseAfterFlush.
func (c *Conn) linger() {
	if c.ended {
		c.fail(nil)
		return
	}
	c.sock.closeWrite()
	c.state = lingering
	c.SetDeadline(lingerTimeout)
	if c.readable {
		c.enqueue()
	}
}

// end is the peer's end of stream.
func (c *Conn) end() {
	c.ended, c.readable = true, false
	switch {
	case c.state == lingering:
		c.fail(nil)
	case c.half != nil:
		c.half.EOF(c)
	default:
		c.fail(io.EOF)
	}
}
