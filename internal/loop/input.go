package loop

import "io"

const (
	// readSize is the shared read buffer.
	readSize = 64 << 10
	// readsPerRound bounds what one connection may take of a round. More than
	// one is read only while the buffer is filled.
	readsPerRound = 4
	// keptSmall is the most kept bytes that are copied in front of new ones;
	// above, new bytes are read behind the kept ones, and nothing is copied.
	keptSmall = 8 << 10
	// keptRead bounds one read behind kept bytes.
	keptRead = 256 << 10
	// largestStep is the most by which the kept bytes' buffer grows at once.
	largestStep = 16 << 20
)

// pull reads the connection and shows its bytes.
func (c *Conn) pull() {
	if c.reshow && c.state == open && !c.paused {
		c.reshow = false
		c.show(c.kept[c.off:], true)
	}
	for range readsPerRound {
		if !c.readable || c.paused && c.state == open {
			return
		}
		switch c.state {
		case open:
			c.read()
		case lingering:
			c.discard()
		default:
			return
		}
	}
	if c.readable {
		c.enqueue()
	}
}

// read is one read and one Data.
func (c *Conn) read() {
	unread := len(c.kept) - c.off
	if unread > keptSmall {
		c.makeRoom()
		n := c.receive(c.kept[len(c.kept):min(cap(c.kept), len(c.kept)+keptRead)])
		if n > 0 {
			c.kept = c.kept[:len(c.kept)+n]
			c.show(c.kept[c.off:], true)
		}
		return
	}
	buf := c.loop.in
	copy(buf, c.kept[c.off:])
	if n := c.receive(buf[unread:]); n > 0 {
		c.show(buf[:unread+n], false)
	}
}

// receive reads once into p. It returns 0 when there is nothing to show.
func (c *Conn) receive(p []byte) int {
	l := c.loop
	n, err := c.sock.read(p)
	l.stats.Reads++
	l.stats.BytesIn += uint64(n)
	if n < len(p) && !c.hangup {
		c.readable = false
	}
	switch {
	case err == io.EOF:
		c.end()
	case err != nil:
		c.fail(err)
	case n == 0:
		c.readable = false
	default:
		c.readAt = l.now
	}
	return n
}

// show gives the receiver b, and keeps what it does not consume. inPlace says
// that b is the unconsumed part of c.kept.
func (c *Conn) show(b []byte, inPlace bool) {
	c.showing = true
	n := c.receiver.Data(c, b)
	c.showing = false
	rest := b[n:]
	switch {
	case c.state != open || len(rest) == 0:
		c.dropKept()
	case inPlace:
		c.off += n
	default:
		if c.kept == nil {
			c.kept = c.loop.takeBuffer(len(rest))
		}
		c.kept, c.off = append(c.kept[:0], rest...), 0
		c.recount()
	}
}

// makeRoom makes space for a read behind the kept bytes. It grows with what has
// come, never with what was declared: by as much again, so that copying stays
// cheap, but at most by largestStep, so that what is empty stays small.
func (c *Conn) makeRoom() {
	if cap(c.kept)-len(c.kept) >= readSize {
		return
	}
	unread := c.kept[c.off:]
	to := c.kept[:0]
	if c.off < len(c.kept)/2 || cap(c.kept)-len(unread) < readSize {
		to = make([]byte, 0, len(unread)+min(max(len(unread), 2*readSize), largestStep))
	}
	c.kept, c.off = append(to, unread...), 0
	c.recount()
}

func (c *Conn) dropKept() {
	if c.kept != nil {
		c.loop.returnBuffer(c.kept)
		c.kept, c.off = nil, 0
		c.recount()
	}
}

// discard reads what nobody wants any more.
func (c *Conn) discard() {
	c.receive(c.loop.in)
}
