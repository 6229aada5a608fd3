package loop

import "io"

const (
	// bufferSize is the largest buffer that goes back to the free list;
	// smallest is what a connection gets first.
	bufferSize     = 64 << 10
	smallestBuffer = 1 << 10
	maxFree        = 512
)

// Write appends b to the output. All connections with output are written at
// the end of the round. When the output passes its limit the connection is
// closed with ErrOutputLimit.
func (c *Conn) Write(b []byte) {
	if c.state > open || len(b) == 0 {
		return
	}
	if c.out == nil {
		c.out = c.loop.takeBuffer(len(b))
	}
	c.out = append(c.out, b...)
	if c.Buffered() > c.outputLimit {
		c.dropOutput()
		c.fail(ErrOutputLimit)
		return
	}
	if !c.blocked {
		c.markDirty()
	}
}

// Buffered is how much output is not written yet, in bytes.
func (c *Conn) Buffered() int { return len(c.out) - c.sent }

// SetOutputLimit bounds the output that the peer has not taken, in bytes, from
// the next Write on.
func (c *Conn) SetOutputLimit(n int) { c.outputLimit = n }

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
	if c.Buffered() > 0 && !c.blocked && !c.writeOnce() {
		return
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
		c.dropOutput()
		return true
	}
	c.blocked = true
	c.blockedAt = l.now
	if c.writeTimeout > 0 {
		l.sweepBy(l.now + c.writeTimeout)
	}
	if c.sent > len(c.out)/2 { // what was sent must not make the buffer grow
		c.out = c.out[:copy(c.out, c.out[c.sent:])]
		c.sent = 0
	}
	return true
}

func (c *Conn) dropOutput() {
	if c.out != nil {
		c.loop.returnBuffer(c.out)
		c.out, c.sent = nil, 0
	}
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

func (l *Loop) returnBuffer(b []byte) {
	if cap(b) <= bufferSize && len(l.free) < maxFree {
		l.free = append(l.free, b[:0])
	}
}
