package loop

import "time"

const (
	// sweepEvery is the least time between two looks at all deadlines, and so
	// how late one may be noticed.
	sweepEvery = 100 * time.Millisecond
	// lingerTimeout and drainTimeout: see CloseAfterFlush.
	lingerTimeout = time.Second
	drainTimeout  = 10 * time.Second
)

// SetDeadline closes the connection with ErrDeadline when d has passed from
// now, whatever happens on it; 0 takes the deadline back. It is for handshakes.
// This and the other limits in time are noticed up to 100 ms late.
func (c *Conn) SetDeadline(d time.Duration) {
	c.deadline = 0
	if d > 0 {
		c.deadline = c.loop.now + d
		c.loop.sweepBy(c.deadline)
	}
}

// SetIdleTimeout closes the connection with ErrIdle when nothing was received
// for d; 0 means never.
func (c *Conn) SetIdleTimeout(d time.Duration) {
	c.idle = d
	if d > 0 {
		c.loop.sweepBy(c.readAt + d)
	}
}

// SetWriteTimeout closes the connection with ErrWriteTimeout when it has output
// and the peer took none of it for d; 0 means never.
func (c *Conn) SetWriteTimeout(d time.Duration) {
	c.writeTimeout = d
	if d > 0 && c.blocked {
		c.loop.sweepBy(c.blockedAt + d)
	}
}

// sweepBy makes the loop look at the deadlines by the time at.
func (l *Loop) sweepBy(at time.Duration) { l.sweepAt = min(l.sweepAt, at) }

// sweep closes the connections whose time is over.
func (l *Loop) sweep() {
	if l.now < l.sweepAt {
		return
	}
	next := never
	for _, c := range l.conns {
		at, err := c.due()
		if at > l.now {
			next = min(next, at)
			continue
		}
		c.fail(err)
	}
	l.sweepAt = next
	if next != never {
		l.sweepAt = max(next, l.now+sweepEvery)
	}
}

// due is when the connection is to be closed if nothing happens, and why.
func (c *Conn) due() (at time.Duration, err error) {
	at = never
	if c.state >= dead {
		return at, nil
	}
	if c.deadline > 0 {
		at, err = c.deadline, ErrDeadline
	}
	if c.idle > 0 && !c.paused && c.readAt+c.idle < at {
		at, err = c.readAt+c.idle, ErrIdle
	}
	if c.writeTimeout > 0 && c.blocked && c.blockedAt+c.writeTimeout < at {
		at, err = c.blockedAt+c.writeTimeout, ErrWriteTimeout
	}
	return at, err
}
