package loop

import (
	"io"
	"net"
	"testing"
	"time"
)

// world is a loop that the test turns by hand, with a listener.
type world struct {
	*testing.T
	l        *Loop
	addr     string
	accepted []*recorder
	setup    func(*recorder) // of the next receivers, before the first callback
}

// patience is for what must happen; no test waits for it when all is well.
const patience = 20 * time.Second

// both runs a test with either implementation.
func both(t *testing.T, cfg Config, test func(w *world)) {
	for name, portable := range map[string]bool{"epoll": false, "portable": true} {
		cfg := cfg
		cfg.Portable = portable
		t.Run(name, func(t *testing.T) { test(newWorld(t, cfg)) })
	}
}

func newWorld(t *testing.T, cfg Config) *world {
	if cfg.Tick == 0 {
		cfg.Tick = 20 * time.Millisecond // so that a test that waits in vain can say so
	}
	l, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, l: l, setup: func(*recorder) {}}
	addr, err := l.Listen("tcp", "127.0.0.1:0", func(c *Conn) Receiver { return w.recorder(c) })
	if err != nil {
		t.Fatal(err)
	}
	w.addr = addr.String()
	t.Cleanup(func() {
		if !l.stopping {
			l.shutdown()
		}
		for _, r := range w.accepted {
			if r.closed != 1 {
				t.Errorf("a connection was closed %d times", r.closed)
			}
		}
	})
	return w
}

// recorder is a receiver that remembers, and checks what is promised of every
// callback.
type recorder struct {
	w       *world
	c       *Conn
	got     []byte
	calls   int
	closed  int
	err     error
	consume func(b []byte) int // nil: everything
}

func (w *world) recorder(c *Conn) *recorder {
	r := &recorder{w: w, c: c}
	w.accepted = append(w.accepted, r)
	w.setup(r)
	return r
}

func (r *recorder) Data(c *Conn, b []byte) int {
	r.calls++
	if r.closed > 0 || c != r.c || len(b) == 0 || c.state != open || c.paused {
		r.w.Errorf("Data of %d bytes; closed %d, state %d, paused %v", len(b), r.closed, c.state, c.paused)
	}
	n := len(b)
	if r.consume != nil {
		n = r.consume(b)
	}
	r.got = append(r.got, b[:n]...)
	return n
}

func (r *recorder) Closed(c *Conn, err error) {
	r.closed++
	r.err = err
	if r.closed > 1 || c != r.c {
		r.w.Errorf("Closed for the %dth time: %v", r.closed, err)
	}
}

// until turns the loop until something is so.
func (w *world) until(what string, cond func() bool) {
	w.Helper()
	for end := time.Now().Add(patience); !cond(); {
		if time.Now().After(end) {
			w.Fatalf("waited in vain: %s", what)
		}
		if err := w.l.turn(); err != nil {
			w.Fatal(err)
		}
	}
}

// while turns the loop while fn, which may block, runs on another goroutine.
func (w *world) while(what string, fn func()) {
	w.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn()
	}()
	w.until(what, func() bool {
		select {
		case <-done:
			return true
		default:
			return false
		}
	})
}

// client connects to the world's listener, and returns both ends.
func (w *world) client() (*net.TCPConn, *recorder) {
	w.Helper()
	n := len(w.accepted)
	nc, err := net.Dial("tcp", w.addr)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { nc.Close() })
	if err := nc.SetDeadline(time.Now().Add(patience)); err != nil {
		w.Fatal(err)
	}
	w.until("accept", func() bool { return len(w.accepted) > n })
	return nc.(*net.TCPConn), w.accepted[n]
}

func (w *world) send(nc net.Conn, b []byte) {
	w.Helper()
	if _, err := nc.Write(b); err != nil {
		w.Error(err)
	}
}

// receive reads exactly n bytes, turning the loop meanwhile.
func (w *world) receive(nc net.Conn, n int) []byte {
	w.Helper()
	b := make([]byte, n)
	w.while("answer", func() {
		if _, err := io.ReadFull(nc, b); err != nil {
			w.Error(err)
		}
	})
	return b
}
