package loop

import "io"

const (
	// bufferSize is the largest buffer that goes back to the free list, and a
	// block of an output that is longer; smallest is what a connection gets
	// first.
	bufferSize     = 64 << 10
	smallestBuffer = 1 << 10
	maxFree        = 512
	// largeBlock is the most that one block of output holds, when more than
	// bufferSize is written in one go.
	largeBlock = 1 << 20
)

// Write appends b to the output. All connections with output are written at
// the end of the round. When the output passes its limit the connection is
// closed with ErrOutputLimit.
func (c *Conn) Write(b []byte) {
	if c.state > open || len(b) == 0 {
		return
	}
	if c.Buffered()+len(b) > c.outputLimit {
		c.dropOutput()
		c.fail(ErrOutputLimit)
		return
	}
	if c.out == nil {
		n := min(len(b), largeBlock)
		c.out = append(c.loop.takeBuffer(n), b[:n]...)
		b = b[n:]
	} else if len(c.more) == 0 && len(c.out)+len(b) <= bufferSize {
		c.out = append(c.out, b...)
		b = nil
	}
	c.writeMore(b)
	c.recount()
	if !c.blocked {
		c.markDirty()
	}
}

// writeMore appends to an output longer than one buffer. It grows by blocks
// that are never copied: one slice that doubles would hold, with what it was
// copied from and what the collector has not taken yet, several times what the
// peer has to read.
func (c *Conn) writeMore(b []byte) {
	c.behind += len(b)
	for len(b) > 0 {
		last := len(c.more) - 1
		if last < 0 || len(c.more[last]) == cap(c.more[last]) {
			c.more = append(c.more, c.loop.takeBlock(len(b)))
			last++
		}
		block := c.more[last]
		n := min(len(b), cap(block)-len(block))
		c.more[last] = append(block, b[:n]...)
		b = b[n:]
	}
}

// Buffered is how much output is not written yet, in bytes.
func (c *Conn) Buffered() int { return len(c.out) - c.sent + c.behind }

// SetOutputLimit bounds the output that the peer has not taken, in bytes, from
// the next Write on.
func (c *Conn) SetOutputLimit(n int) { c.outputLimit = n }

// Blocked says whether the socket takes no more output for now.
func (c *Conn) Blocked() bool { return c.blocked }

// direct is a socket whose write keeps nothing of what it does not take.
type direct interface{ keepsNothing() }

// TryWrite writes of b what the socket takes at once, before the end of the round,
// if no output waits before it. It returns how much that was; the caller keeps the
// rest. Blocked is then true if it was not all. Outside Linux it writes nothing.
func (c *Conn) TryWrite(b []byte) int {
	if c.state != open || c.blocked || c.Buffered() > 0 || len(b) == 0 {
		return 0
	}
	if _, ok := c.sock.(direct); !ok {
		return 0
	}
	n, err := c.sock.write(b)
	c.loop.stats.Writes++
	c.loop.stats.BytesOut += uint64(n)
	if err != nil {
		c.fail(err)
		return n
	}
	c.blocked = n < len(b)
	c.blockedAt = c.loop.now
	return n
}

// SetUnsent bounds how much output the system takes beyond what it can send at
// once, in bytes: what is not written yet can still be chosen. Linux only; other
// systems take as much as fits into the socket's buffer.
func (c *Conn) SetUnsent(n int) {
	if s, ok := c.sock.(interface{ setUnsent(n int) }); ok {
		s.setUnsent(n)
	}
}

func (c *Conn) markDirty() {
	if !c.dirty {
		c.dirty = true
		c.loop.dirty = append(c.loop.dirty, c)
	}
}

// flush writes the output, as much as the socket takes at once. A connection
// that ended in this round gets its last answers by it.
func (c *Conn) flush() {
	if c.state == closed || c.state == dead && c.err != io.EOF && c.err != ErrStopped {
		return
	}
	for c.Buffered() > 0 && !c.blocked {
		if !c.writeOnce() {
			return
		}
	}
	if c.state == draining && c.Buffered() == 0 {
		c.linger()
	}
}

// writeOnce is one write; it returns false when the connection failed.
func (c *Conn) writeOnce() bool {
	l := c.loop
	n, err := c.sock.write(c.out[c.sent:])
	l.stats.Writes++
	l.stats.BytesOut += uint64(n)
	if err != nil {
		c.fail(err)
		return false
	}
	c.sent += n
	if c.sent == len(c.out) {
		c.nextBlock()
		return true
	}
	c.blocked = true
	c.blockedAt = l.now
	if c.writeTimeout > 0 {
		l.sweepBy(l.now + c.writeTimeout)
	}
	return true
}

// nextBlock gives back the block that was written, and goes on to the next.
func (c *Conn) nextBlock() {
	if len(c.more) == 0 {
		c.dropOutput()
		return
	}
	c.loop.returnBuffer(c.out)
	c.out, c.sent = c.more[0], 0
	c.behind -= len(c.out)
	c.more[0] = nil
	if c.more = c.more[1:]; len(c.more) == 0 {
		c.more = nil
	}
	c.recount()
}

func (c *Conn) dropOutput() {
	if c.out == nil {
		return
	}
	c.loop.returnBuffer(c.out)
	for _, b := range c.more {
		c.loop.returnBuffer(b)
	}
	c.out, c.sent, c.more, c.behind = nil, 0, nil, 0
	c.recount()
}

// takeBuffer gives an empty buffer for n bytes. Idle connections own none.
func (l *Loop) takeBuffer(n int) []byte {
	if last := len(l.free) - 1; last >= 0 && n <= bufferSize {
		b := l.free[last]
		l.free[last] = nil
		l.free = l.free[:last]
		return b
	}
	return make([]byte, 0, max(n, smallestBuffer))
}

// takeBlock gives an empty block of output for n bytes that wait, and perhaps
// more after them.
func (l *Loop) takeBlock(n int) []byte {
	return make([]byte, 0, max(bufferSize, min(n, largeBlock)))
}

func (l *Loop) returnBuffer(b []byte) {
	if cap(b) <= bufferSize && len(l.free) < maxFree {
		l.free = append(l.free, b[:0])
	}
}
