package loop

import (
	"bytes"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// fake is a poller whose connections are driven by the test. Like epoll it
// reports a change once.
type fake struct {
	loop    *Loop
	reports []report
}

func (p *fake) wait(time.Duration) error { return nil }
func (p *fake) wake()                    {}
func (p *fake) close()                   {}
func (p *fake) stopAccepting()           {}
func (p *fake) dial(*Conn, string)       {}
func (p *fake) listen(string, string, func(*Conn) Receiver) (net.Addr, error) {
	return nil, nil
}

func (p *fake) dispatch() {
	for _, r := range p.reports {
		r.conn.event(r.events)
	}
	p.reports = nil
}

// wire is a socket and its peer.
type wire struct {
	poll   *fake
	conn   *Conn
	in     []byte // sent by the peer, not read
	ended  bool   // the peer has shut its side
	reset  bool
	room   int    // how much the peer takes before it must be asked to
	out    []byte // taken by the peer
	shut   bool   // our side is shut
	closed bool
}

func (s *wire) report(e events) { s.poll.reports = append(s.poll.reports, report{s.conn, e}) }

func (s *wire) read(p []byte) (int, error) {
	if s.reset {
		return 0, syscall.ECONNRESET
	}
	n := copy(p, s.in)
	s.in = s.in[n:]
	if n == 0 && s.ended {
		return 0, io.EOF
	}
	return n, nil
}

func (s *wire) write(p []byte) (int, error) {
	if s.reset {
		return 0, syscall.EPIPE
	}
	n := min(len(p), s.room)
	s.out = append(s.out, p[:n]...)
	s.room -= n
	return n, nil
}

func (s *wire) closeWrite() { s.shut = true }
func (s *wire) close()      { s.closed = true }

// stream is what either side sends, from its beginning.
var stream = random(16 << 20)

// modelConn is a receiver that checks its bytes against what the peer sent.
type modelConn struct {
	t        *rapid.T
	c        *Conn
	wire     *wire
	sent     []byte // by the peer
	seen     int    // consumed by us
	shown    int    // of sent, ever shown
	written  []byte // by us
	stopped  bool   // closing was asked for: no more Data
	graceful bool
	closed   int
	err      error
	ends     int
}

func (m *modelConn) Data(c *Conn, b []byte) int {
	if m.closed > 0 || m.stopped || m.c.paused || m.ends > 0 {
		m.t.Fatalf("Data: closed %d, stopped %v, paused %v, ended %d", m.closed, m.stopped, m.c.paused, m.ends)
	}
	if !bytes.Equal(b, m.sent[m.seen:m.seen+len(b)]) || len(b) == 0 {
		m.t.Fatalf("shown %d bytes that do not follow the %d consumed", len(b), m.seen)
	}
	m.shown = m.seen + len(b)
	n := rapid.IntRange(0, len(b)).Draw(m.t, "consumed")
	switch rapid.IntRange(0, 19).Draw(m.t, "in Data") {
	case 0:
		m.close()
	case 1:
		m.closeAfterFlush()
	case 2:
		c.Pause()
	case 3, 4, 5:
		m.write(rapid.IntRange(0, 3000).Draw(m.t, "written"))
	}
	m.seen += n
	return n
}

func (m *modelConn) EOF(*Conn) {
	if m.ends++; m.ends > 1 || m.closed > 0 || m.stopped {
		m.t.Fatal("EOF twice or after the end")
	}
	if m.shown < len(m.sent) {
		m.t.Fatal("EOF before all was shown")
	}
}

func (m *modelConn) Closed(_ *Conn, err error) {
	if m.closed++; m.closed > 1 {
		m.t.Fatal("closed twice")
	}
	m.err = err
	if !m.wire.closed {
		m.t.Fatal("the socket is still open")
	}
	if m.graceful && err == nil && !bytes.Equal(m.wire.out, m.written) {
		m.t.Fatalf("CloseAfterFlush ended with %d of %d bytes written", len(m.wire.out), len(m.written))
	}
}

func (m *modelConn) close() {
	m.c.Close()
	m.stopped, m.graceful = true, false
}

func (m *modelConn) closeAfterFlush() {
	if !m.stopped {
		m.graceful, m.stopped = true, true
	}
	m.c.CloseAfterFlush()
}

func (m *modelConn) write(n int) {
	all := stream[:len(m.written)+n]
	m.c.Write(all[len(m.written):])
	if !m.stopped {
		m.written = all
	}
}

func (m *modelConn) send(n int) {
	if m.wire.ended || m.wire.reset {
		return
	}
	m.sent = stream[:len(m.sent)+n]
	m.wire.in = append(m.wire.in, m.sent[len(m.sent)-n:]...)
	m.wire.report(canRead)
}

// TestAnyOrderOfThings drives connections with every order of sends, ends,
// resets, blocked outputs, pauses and closes, and checks what Receiver
// promises. The clock stands still, so that only these things close them.
func TestAnyOrderOfThings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, err := New(Config{Portable: true})
		if err != nil {
			t.Fatal(err)
		}
		p := &fake{loop: l}
		l.poll = p
		conns := make([]*modelConn, rapid.IntRange(1, 3).Draw(t, "connections"))
		for i := range conns {
			m := &modelConn{t: t, wire: &wire{poll: p, room: 5000}}
			conns[i] = m
			m.c = l.adopt(m.wire, nil, func(c *Conn) Receiver { m.c = c; return m })
			m.wire.conn = m.c
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			step(t, conns[rapid.IntRange(0, len(conns)-1).Draw(t, "connection")])
			if rapid.Bool().Draw(t, "turn") {
				turn(t, l)
			}
		}
		finish(t, l, conns)
	})
}

func turn(t *rapid.T, l *Loop) {
	if err := l.turn(); err != nil {
		t.Fatal(err)
	}
}

func step(t *rapid.T, m *modelConn) {
	switch rapid.IntRange(0, 9).Draw(t, "step") {
	case 0, 1:
		m.send(rapid.SampledFrom([]int{1, 10, keptSmall, readSize, 5 * readSize / 2}).Draw(t, "sent"))
	case 2:
		m.wire.ended = true
		m.wire.report(canRead | peerEnd)
	case 3:
		if rapid.IntRange(0, 3).Draw(t, "rarely") == 0 {
			m.wire.reset = true
			m.wire.report(canRead | canWrite | peerEnd | gone)
		}
	case 4, 5:
		m.write(rapid.SampledFrom([]int{1, 4000, 100_000}).Draw(t, "written"))
	case 6:
		m.wire.room += 50_000
		m.wire.report(canWrite)
	case 7:
		m.c.Pause()
	case 8:
		m.c.Resume()
	case 9:
		if rapid.Bool().Draw(t, "flush") {
			m.closeAfterFlush()
		} else {
			m.close()
		}
	}
}

// finish lets everything through that still can go, and checks that it did.
func finish(t *rapid.T, l *Loop, conns []*modelConn) {
	for _, m := range conns {
		m.wire.room = 1 << 30
		m.wire.report(canWrite)
	}
	for range 100 {
		for _, m := range conns {
			m.c.Resume()
		}
		turn(t, l)
	}
	for _, m := range conns {
		alive := m.closed == 0 && !m.stopped
		if alive && m.shown < len(m.sent) {
			t.Fatalf("%d bytes of %d were shown", m.shown, len(m.sent))
		}
		if alive && m.wire.ended && m.ends == 0 {
			t.Fatal("the peer's end was not told")
		}
		if alive && !bytes.Equal(m.wire.out, m.written) {
			t.Fatalf("%d bytes of %d written", len(m.wire.out), len(m.written))
		}
		if m.graceful && !m.wire.reset && m.closed == 0 && !m.wire.shut {
			t.Fatal("CloseAfterFlush did not end")
		}
	}
	l.shutdown()
	for _, m := range conns {
		if m.closed != 1 {
			t.Fatalf("closed %d times", m.closed)
		}
	}
}
