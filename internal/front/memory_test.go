package front

import (
	"strings"
	"testing"
	"time"
)

// What a session keeps is told: a transaction, watched keys, replies that wait
// for their turn; and nothing is left of it afterwards.
func TestChargeOfASession(t *testing.T) {
	f := newFake()
	c := dial(NewServer(f, Config{SlowLog: -1}))
	charged := func(what string, least, most int) {
		t.Helper()
		if c.charged < least || c.charged > most {
			t.Errorf("%s: charged %d, want %d to %d", what, c.charged, least, most)
		}
	}
	big := strings.Repeat("x", 10000)
	c.feed("WATCH " + big + "\r\n")
	charged("a watched key", 10000, 11000)
	c.feed("MULTI\r\nSET k " + big + "\r\n")
	charged("and a transaction", 20000, 21000)
	c.feed("EXEC\r\n")
	charged("after EXEC", 0, 0)
	c.feed("MULTI\r\nSET k " + big + "\r\nDISCARD\r\n")
	charged("after DISCARD", 0, 0)

	f.auto = false
	c.feed("SET k v\r\nECHO " + big + "\r\n")
	charged("a reply behind a write", 10000, 11000)
	for f.step(func(int) int { return 0 }) {
	}
	charged("when all is answered", 0, 0)
}

func TestLimitsBeforeAuth(t *testing.T) {
	s := NewServer(newFake(), Config{SlowLog: -1, Password: "secret", AuthTimeout: time.Minute})
	c := dial(s)
	if c.deadline != time.Minute {
		t.Errorf("a stranger has %v", c.deadline)
	}
	c.says(t, "AUTH secret", "+OK|")
	if c.deadline != 0 {
		t.Errorf("after AUTH a client has %v", c.deadline)
	}
	c.unread = 1 << 20
	if c.says(t, "PING", "+PONG|"); c.closed {
		t.Error("a client with a megabyte unread was closed")
	}
	c.says(t, "RESET", "+RESET|")
	if c.deadline != time.Minute || !c.closed {
		t.Errorf("after RESET it has %v; closed %v", c.deadline, c.closed)
	}
	c = dial(s)
	c.unread = 63 << 10
	if c.says(t, "PING", "-NOAUTH Authentication required.|"); c.closed {
		t.Error("a stranger was closed early")
	}
	c.unread = 65 << 10
	if c.feed("PING\r\n"); !c.closed {
		t.Error("a stranger that reads nothing was not closed")
	}
}

// One that is closed to free memory is told why, unless that could be taken for
// the answer to a command that is under way.
func TestEvicted(t *testing.T) {
	f := newFake()
	s := NewServer(f, Config{SlowLog: -1})
	c := dial(s)
	c.feed("MULTI\r\nSET k v\r\n")
	c.take()
	c.conn.Evicted()
	if got := c.take(); !strings.HasPrefix(got, "-BUSY ") || !c.flushed || c.closed {
		t.Errorf("it was told %q; flushed %v, closed %v", got, c.flushed, c.closed)
	}
	f.auto = false
	c = dial(s)
	c.feed("SET k v\r\n")
	c.conn.Evicted()
	if got := c.take(); got != "" || !c.closed {
		t.Errorf("with a write under way it was told %q; closed %v", got, c.closed)
	}
}

// A server that stops answers what it has taken, and takes no more.
func TestDrain(t *testing.T) {
	f := newFake()
	f.auto = false
	s := NewServer(f, Config{SlowLog: -1})
	idle, busy := dial(s), dial(s)
	busy.feed("SET k v\r\nECHO x\r\n")
	s.Drain()
	if !idle.flushed || busy.flushed || s.Drained() {
		t.Errorf("idle closed %v; busy closed %v, drained %v", idle.flushed, busy.flushed, s.Drained())
	}
	busy.feed("SET k w\r\n")
	for f.step(func(int) int { return 0 }) {
	}
	if got := busy.take(); got != "+OK\r\n$1\r\nx\r\n" || !busy.flushed || !s.Drained() {
		t.Errorf("it got %q; closed %v, drained %v", got, busy.flushed, s.Drained())
	}
}
