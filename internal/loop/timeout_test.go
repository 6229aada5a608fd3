package loop

import (
	"errors"
	"testing"
	"time"
)

const soon = 20 * time.Millisecond

// later is a deadline that no test reaches.
const later = time.Hour

func TestDeadlines(t *testing.T) {
	both(t, Config{}, func(w *world) {
		_, handshake := w.client()
		_, idle := w.client()
		stuck, write := w.client()
		_, none := w.client()
		busy, active := w.client()
		handshake.c.SetDeadline(soon)
		idle.c.SetIdleTimeout(soon)
		write.c.SetWriteTimeout(soon)
		write.c.Write(make([]byte, 16<<20)) // more than the sockets hold; nobody reads
		none.c.SetDeadline(soon)
		none.c.SetDeadline(0)
		none.c.SetIdleTimeout(later)
		none.c.SetWriteTimeout(soon) // has no output
		active.c.SetIdleTimeout(2 * time.Second)
		from := w.l.Now()
		w.until("three deadlines", func() bool {
			w.send(busy, []byte("x"))
			return handshake.closed+idle.closed+write.closed == 3
		})
		for _, c := range []struct {
			r    *recorder
			want error
		}{{handshake, ErrDeadline}, {idle, ErrIdle}, {write, ErrWriteTimeout}} {
			if !errors.Is(c.r.err, c.want) {
				t.Errorf("got %v, want %v", c.r.err, c.want)
			}
		}
		if took := w.l.Now() - from; took < soon {
			t.Errorf("closed after %v", took)
		}
		if none.closed+active.closed != 0 {
			t.Errorf("closed without a deadline: %v, %v", none.err, active.err)
		}
		stuck.Close()
	})
}

// Without inputs the loop must wake up by itself for a deadline.
func TestDeadlineWakesTheLoop(t *testing.T) {
	both(t, Config{}, func(w *world) {
		_, r := w.client()
		w.l.cfg.Tick = 0
		r.c.SetDeadline(soon)
		if d := w.l.timeout(); d < 0 || d > soon {
			t.Errorf("it would sleep %v", d)
		}
		w.until("closed", func() bool { return r.closed == 1 })
		if w.l.sweep(); w.l.sweepAt != never {
			t.Errorf("the next look at deadlines is at %v", w.l.sweepAt)
		}
	})
}

func TestIdleStandsStillWhilePaused(t *testing.T) {
	both(t, Config{}, func(w *world) {
		_, paused := w.client()
		_, other := w.client()
		paused.c.SetIdleTimeout(soon)
		paused.c.Pause()
		other.c.SetIdleTimeout(soon)
		w.until("the other", func() bool { return other.closed == 1 })
		if paused.closed != 0 {
			t.Error(paused.err)
		}
		paused.c.Resume()
		w.until("closed", func() bool { return paused.closed == 1 })
		if !errors.Is(paused.err, ErrIdle) {
			t.Error(paused.err)
		}
	})
}

// narrow is a socket that takes a few bytes at a time.
type narrow struct {
	takes  int
	closed bool
}

func (s *narrow) read([]byte) (int, error)    { return 0, nil }
func (s *narrow) write(b []byte) (int, error) { return min(s.takes, len(b)), nil }
func (s *narrow) closeWrite()                 {}
func (s *narrow) close()                      { s.closed = true }

// A peer that takes its output slowly, but takes it, is not closed; one that
// stops is, the timeout after its last byte and not before.
func TestWriteTimeoutCountsProgress(t *testing.T) {
	w := newWorld(t, Config{})
	s := &narrow{takes: 10}
	var r *recorder
	c := w.l.adopt(s, nil, func(c *Conn) Receiver { r = w.recorder(c); return r })
	c.SetWriteTimeout(time.Second)
	c.Write(make([]byte, 1000))
	at := func(now time.Duration) {
		w.l.now = now
		w.l.settle()
		w.l.sweep()
		w.l.settle()
	}
	now := time.Duration(0)
	for ; now < 5*time.Second; now += 900 * time.Millisecond {
		c.event(canWrite)
		at(now)
		if r.closed != 0 {
			t.Fatalf("closed after %v: %v", now, r.err)
		}
	}
	last := now - 900*time.Millisecond
	if at(last + time.Second - 1); r.closed != 0 {
		t.Fatal("closed early:", r.err)
	}
	if at(last + time.Second + sweepEvery); !errors.Is(r.err, ErrWriteTimeout) || !s.closed {
		t.Errorf("not closed with the write timeout: %v", r.err)
	}
}
