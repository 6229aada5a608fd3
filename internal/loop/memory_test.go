package loop

import (
	"errors"
	"io"
	"testing"
)

// keep consumes nothing: all that comes stays.
func keep([]byte) int { return 0 }

// What is kept for the connections that count is bounded: those with most are
// closed, whatever holds the bytes, and others do not notice.
func TestMemoryIsBounded(t *testing.T) {
	const limit = 8 << 20
	both(t, Config{Memory: limit}, func(w *world) {
		in, kept := w.client()
		_, out := w.client()
		_, charged := w.client()
		_, uncounted := w.client()
		small, other := w.client()
		kept.consume, uncounted.consume = keep, keep
		for _, r := range []*recorder{kept, out, charged, other} {
			r.c.CountMemory()
		}
		uncounted.c.Write(make([]byte, 12<<20))
		other.consume = func(b []byte) int { other.c.Write(b); return len(b) }

		over := func(r *recorder, what string) {
			t.Helper()
			w.until(what, func() bool { return r.closed == 1 })
			if !errors.Is(r.err, ErrMemory) {
				t.Errorf("%s: closed with %v", what, r.err)
			}
			if w.l.Memory() > limit {
				t.Errorf("%s: %d bytes are held", what, w.l.Memory())
			}
		}
		go func() { _, _ = in.Write(make([]byte, 16<<20)) }()
		over(kept, "bytes not consumed")
		for range 4 { // 12 MiB, less what the sockets take
			out.c.Write(make([]byte, 4<<20))
		}
		over(out, "output")
		charged.c.Charge(9 << 20)
		over(charged, "what the owner keeps")

		w.send(small, []byte("ping"))
		if got := w.receive(small, 4); string(got) != "ping" {
			t.Errorf("another client got %q", got)
		}
		if uncounted.closed+other.closed != 0 {
			t.Errorf("others were closed: %v, %v", uncounted.err, other.err)
		}
		if s := w.l.Stats(); s.Evicted != 3 || s.Memory < 0 || s.Memory > 2*bufferSize {
			t.Errorf("evicted %d, %d bytes held", s.Evicted, s.Memory)
		}
	})
}

type evicter struct{ *recorder }

func (e *evicter) Evicted(c *Conn) {
	c.Write([]byte("why"))
	c.CloseAfterFlush()
}

// One whose owner has something to say is told.
func TestEvictedIsTold(t *testing.T) {
	both(t, Config{Memory: 1 << 20}, func(w *world) {
		var e *evicter
		addr, err := w.l.Listen("tcp", "127.0.0.1:0", func(c *Conn) Receiver {
			e = &evicter{w.recorder(c)}
			e.consume = keep
			c.CountMemory()
			return e
		})
		if err != nil {
			t.Fatal(err)
		}
		w.addr = addr.String()
		nc, _ := w.client()
		var got []byte
		w.while("the reason", func() {
			go func() { _, _ = nc.Write(make([]byte, 2<<20)) }()
			got, _ = io.ReadAll(nc)
		})
		if string(got) != "why" {
			t.Errorf("it was told %q", got)
		}
		if w.l.Memory() != 0 {
			t.Errorf("%d bytes are held", w.l.Memory())
		}
	})
}

// Output costs the memory that it has bytes, and little more, whatever pieces
// it comes in.
func TestOutputIsNotHeldTwice(t *testing.T) {
	w := newWorld(t, Config{})
	for _, piece := range []int{100, 70_000, 3 << 20} {
		s := &narrow{}
		c := w.l.adopt(s, nil, func(c *Conn) Receiver { return w.recorder(c) })
		c.CountMemory()
		const total = 24 << 20
		for n := 0; n < total; n += piece {
			c.Write(make([]byte, piece))
		}
		held := 0
		for _, b := range append(c.more, c.out) {
			held += cap(b)
		}
		if most := c.Buffered() + c.Buffered()/4; held > most || w.l.Memory() < c.Buffered() {
			t.Errorf("pieces of %d: %d bytes of memory for %d of output, %d counted", piece, held, c.Buffered(), w.l.Memory())
		}
		for n := c.Buffered(); n > 0; n = c.Buffered() {
			s.takes = 50_000
			c.event(canWrite)
			w.l.settle()
			if c.Buffered() >= n {
				t.Fatal("nothing was written")
			}
		}
		if w.l.Memory() != 0 {
			t.Errorf("pieces of %d: %d bytes are counted when all is written", piece, w.l.Memory())
		}
		c.Close()
		w.l.settle()
	}
}
