package loop

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"syscall"
	"testing"
)

func random(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	r.Read(b)
	return b
}

func TestEcho(t *testing.T) {
	both(t, Config{}, func(w *world) {
		w.setup = func(r *recorder) {
			r.consume = func(b []byte) int { r.c.Write(b); return len(b) }
		}
		want := random(3 << 20)
		a, ra := w.client()
		b, _ := w.client()
		if got := ra.c.RemoteAddr().String(); got != a.LocalAddr().String() {
			t.Errorf("remote address %s, want %v", got, a.LocalAddr())
		}
		var got []byte
		w.while("echo", func() {
			go w.send(a, want)
			got = make([]byte, len(want))
			if _, err := io.ReadFull(a, got); err != nil {
				t.Error(err)
			}
		})
		if !bytes.Equal(got, want) {
			t.Error("the echo differs")
		}
		w.send(b, []byte("hi"))
		if got := w.receive(b, 2); string(got) != "hi" {
			t.Errorf("%q", got)
		}
	})
}

// Frames of all sizes, from a byte to megabytes, in one stream: what is not
// consumed is shown again, and memory is given back.
func TestUnconsumedBytesAreShownAgain(t *testing.T) {
	both(t, Config{}, func(w *world) {
		nc, r := w.client()
		var want [][]byte
		var wire []byte
		for _, n := range []int{0, 1, 100, keptSmall, readSize - 4, readSize, 3, 300 << 10, 5, 5 << 20, 7} {
			f := random(n)
			want = append(want, f)
			wire = append(binary.BigEndian.AppendUint32(wire, uint32(n)), f...)
		}
		var got [][]byte
		r.consume = func(b []byte) int {
			done := 0
			for {
				rest := b[done:]
				if len(rest) < 4 || len(rest)-4 < int(binary.BigEndian.Uint32(rest)) {
					return done
				}
				n := 4 + int(binary.BigEndian.Uint32(rest))
				got = append(got, bytes.Clone(rest[4:n]))
				done += n
			}
		}
		w.while("frames", func() {
			for _, b := range wire[:1000] { // byte by byte, then the rest
				w.send(nc, []byte{b})
			}
			w.send(nc, wire[1000:])
		})
		w.until("all frames", func() bool { return len(got) >= len(want) })
		for i := range want {
			if !bytes.Equal(got[i], want[i]) {
				t.Errorf("frame %d of %d bytes differs", i, len(want[i]))
			}
		}
		if r.c.kept != nil {
			t.Errorf("%d bytes are still kept", cap(r.c.kept))
		}
	})
}

// A receiver that consumes little of much must not make each call copy all.
func TestKeptBytesAreNotCopiedEachTime(t *testing.T) {
	both(t, Config{}, func(w *world) {
		nc, r := w.client()
		want := random(4 << 20)
		r.consume = func(b []byte) int { return min(len(b), 1000) }
		w.while("sending", func() { w.send(nc, want) })
		for len(r.got) < len(want) {
			had := len(r.got)
			r.c.Pause()
			r.c.Resume()
			w.until("more", func() bool { return len(r.got) > had })
		}
		if !bytes.Equal(r.got, want) {
			t.Error("bytes differ")
		}
	})
}

func TestPauseAndResume(t *testing.T) {
	both(t, Config{}, func(w *world) {
		nc, r := w.client()
		r.consume = func(b []byte) int { r.c.Pause(); return min(2, len(b)) }
		w.send(nc, []byte("abcdef"))
		w.until("data", func() bool { return r.calls == 1 })
		w.send(nc, []byte("gh"))
		other, ro := w.client()
		w.send(other, []byte("x"))
		w.until("another connection", func() bool { return len(ro.got) == 1 })
		if r.calls != 1 {
			t.Errorf("%d calls while paused", r.calls)
		}
		for _, want := range []string{"abcd", "abcdef", "abcdefgh"} {
			r.c.Resume()
			r.c.Resume() // once more does nothing
			w.until("data after Resume", func() bool { return string(r.got) == want })
		}
	})
}

func TestOutputToAReaderThatStops(t *testing.T) {
	both(t, Config{OutputLimit: 64 << 20}, func(w *world) {
		slow, rs := w.client()
		fast, rf := w.client()
		rf.consume = func(b []byte) int { rf.c.Write(b); return len(b) }
		want := random(24 << 20)
		rs.c.Write(want[:16<<20])
		for range 20 { // others do not notice
			w.send(fast, []byte("ping"))
			w.receive(fast, 4)
		}
		if rs.c.Buffered() == 0 || rs.c.Buffered() > 16<<20 {
			t.Fatalf("%d bytes are buffered: the test needs more output", rs.c.Buffered())
		}
		rs.c.Write(want[16<<20:])
		if got := w.receive(slow, len(want)); !bytes.Equal(got, want) {
			t.Error("the output differs")
		}
		w.until("all taken", func() bool { return rs.c.Buffered() == 0 })
		if rs.c.out != nil {
			t.Error("the buffer was not given back")
		}
	})
}

// What TryWrite takes and what Write gets come in order, and the bound on what the
// system takes ahead holds.
func TestTryWrite(t *testing.T) {
	both(t, Config{}, func(w *world) {
		nc, r := w.client()
		r.c.SetUnsent(16 << 10)
		want := random(8 << 20)
		tried, rest := 0, want
		var next func()
		next = func() {
			for len(rest) > 0 && !r.c.Blocked() && r.c.Buffered() == 0 {
				n := r.c.TryWrite(rest[:min(len(rest), 1<<20)])
				if tried += n; n > 0 && r.c.Buffered() != 0 {
					t.Fatal("it keeps something")
				}
				rest = rest[n:]
				piece := rest[:min(len(rest), 16<<10)]
				r.c.Write(piece)
				rest = rest[len(piece):]
			}
			if len(rest) > 0 {
				w.l.Post(next)
			}
		}
		w.l.Post(next)
		if got := w.receive(nc, len(want)); !bytes.Equal(got, want) {
			t.Error("the output differs")
		}
		if _, can := r.c.sock.(direct); can == (tried == 0) {
			t.Errorf("%d bytes were written at once", tried)
		}
		if n := r.c.TryWrite(nil); n != 0 {
			t.Errorf("%d of nothing", n)
		}
		r.c.Close()
		if n := r.c.TryWrite([]byte("x")); n != 0 {
			t.Errorf("%d after Close", n)
		}
	})
}

func TestOutputLimit(t *testing.T) {
	both(t, Config{OutputLimit: 1000}, func(w *world) {
		_, within := w.client()
		_, over := w.client()
		_, raised := w.client()
		raised.c.SetOutputLimit(1001)
		within.c.Write(make([]byte, 1000))
		over.c.Write(make([]byte, 1000))
		over.c.Write(make([]byte, 1))
		raised.c.Write(make([]byte, 1001))
		if over.closed != 0 {
			t.Error("Closed inside Write")
		}
		w.until("closed", func() bool { return over.closed == 1 })
		if !errors.Is(over.err, ErrOutputLimit) || within.closed+raised.closed != 0 {
			t.Errorf("%v; others closed: %d, %d", over.err, within.closed, raised.closed)
		}
	})
}

func TestCloseInsideCallbacks(t *testing.T) {
	both(t, Config{}, func(w *world) {
		nc, r := w.client()
		r.consume = func(b []byte) int {
			r.c.Close()
			r.c.Close()
			r.c.Write([]byte("ignored"))
			r.c.Resume()
			return 0
		}
		w.send(nc, []byte("x"))
		w.until("closed", func() bool { return r.closed == 1 })
		if r.err != nil {
			t.Error(r.err)
		}
		if n, err := nc.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("the client read %d bytes, %v", n, err)
		}
		if r.calls != 1 || r.c.kept != nil || w.l.Stats().Conns != 0 {
			t.Errorf("%d calls, kept %v, %d connections", r.calls, r.c.kept, w.l.Stats().Conns)
		}
	})
}

// A client that still sends while it is being told why it is closed must get
// the answer, and not a reset.
func TestCloseAfterFlush(t *testing.T) {
	both(t, Config{}, func(w *world) {
		nc, r := w.client()
		want := random(8 << 20)
		r.consume = func(b []byte) int {
			r.c.Write(want)
			r.c.CloseAfterFlush()
			r.c.CloseAfterFlush()
			r.c.Write([]byte("ignored"))
			return 0
		}
		var got []byte
		w.while("the last answer", func() {
			w.send(nc, []byte("x"))
			go nc.Write(make([]byte, 64<<10)) // never read as data
			var err error
			if got, err = io.ReadAll(nc); err != nil {
				t.Error(err)
			}
			nc.Close()
		})
		if !bytes.Equal(got, want) {
			t.Errorf("%d bytes came of %d", len(got), len(want))
		}
		w.until("closed", func() bool { return r.closed == 1 })
		if r.err != nil || r.calls != 1 {
			t.Errorf("%v, %d calls", r.err, r.calls)
		}
	})
}

// A peer that stays after CloseAfterFlush does not hold the connection.
func TestCloseAfterFlushEnds(t *testing.T) {
	t.Parallel()
	both(t, Config{}, func(w *world) {
		_, r := w.client()
		r.c.CloseAfterFlush()
		w.until("closed", func() bool { return r.closed == 1 })
		if r.err != nil {
			t.Error(r.err)
		}
	})
}

func TestRefusedByAccept(t *testing.T) {
	both(t, Config{}, func(w *world) {
		addr, err := w.l.Listen("tcp", "127.0.0.1:0", func(c *Conn) Receiver {
			c.Write([]byte("-ERR max number of clients reached\r\n"))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		w.while("refusal", func() {
			nc, err := net.Dial("tcp", addr.String())
			if err != nil {
				t.Error(err)
				return
			}
			defer nc.Close()
			if b, err := io.ReadAll(nc); err != nil || len(b) != 36 {
				t.Errorf("%q, %v", b, err)
			}
		})
		w.until("closed", func() bool { return w.l.Stats().Conns == 0 })
	})
}

func TestPeerCloses(t *testing.T) {
	both(t, Config{}, func(w *world) {
		// What came before the end is shown, and answered in the same round.
		nc, r := w.client()
		r.consume = func(b []byte) int { r.c.Write([]byte("answer")); return len(b) }
		w.send(nc, []byte("question"))
		if err := nc.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		w.until("closed", func() bool { return r.closed == 1 })
		if r.err != io.EOF || string(r.got) != "question" {
			t.Errorf("%v, got %q", r.err, r.got)
		}
		if b, err := io.ReadAll(nc); string(b) != "answer" {
			t.Errorf("%q, %v", b, err)
		}

		nc, r = w.client()
		if err := nc.SetLinger(0); err != nil {
			t.Fatal(err)
		}
		nc.Close()
		w.until("closed", func() bool { return r.closed == 1 })
		if !errors.Is(r.err, syscall.ECONNRESET) {
			t.Errorf("after a reset: %v", r.err)
		}
	})
}

// halfCloser answers after the client's end.
type halfCloser struct {
	*recorder
	ends int
}

func (h *halfCloser) EOF(*Conn) { h.ends++ }

func TestHalfClose(t *testing.T) {
	both(t, Config{}, func(w *world) {
		var h *halfCloser
		addr, err := w.l.Listen("tcp", "127.0.0.1:0", func(c *Conn) Receiver {
			h = &halfCloser{recorder: w.recorder(c)}
			return h
		})
		if err != nil {
			t.Fatal(err)
		}
		open := func() *net.TCPConn {
			nc, err := net.Dial("tcp", addr.String())
			if err != nil {
				t.Fatal(err)
			}
			h = nil
			w.until("accept", func() bool { return h != nil })
			return nc.(*net.TCPConn)
		}
		nc := open()
		w.send(nc, []byte("question"))
		nc.CloseWrite()
		w.until("the client's end", func() bool { return h.ends > 0 })
		for range 3 {
			if err := w.l.turn(); err != nil {
				t.Fatal(err)
			}
		}
		if h.closed != 0 || h.ends != 1 {
			t.Fatalf("closed %d times, ended %d times", h.closed, h.ends)
		}
		h.c.Write([]byte("answer"))
		h.c.CloseAfterFlush()
		w.until("closed", func() bool { return h.closed == 1 })
		if b, err := io.ReadAll(nc); string(b) != "answer" || err != nil || h.err != nil {
			t.Errorf("%q, %v; closed with %v", b, err, h.err)
		}

		// One that goes away for good while it waits for the answer.
		nc = open()
		nc.CloseWrite()
		w.until("the client's end", func() bool { return h.ends > 0 })
		nc.SetLinger(0)
		nc.Close()
		h.c.Write([]byte("answer"))
		w.until("closed", func() bool {
			h.c.Write([]byte("more"))
			return h.closed == 1
		})
		if h.err == nil || h.err == io.EOF {
			t.Errorf("closed with %v", h.err)
		}
	})
}
