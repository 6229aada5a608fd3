package loop

import (
	"errors"
	"net"
	"sync"
	"testing"
	"time"
)

func TestRoundComesAfterDataAndBeforeOutput(t *testing.T) {
	var order []string
	var written func() int
	both(t, Config{Round: func(time.Duration) time.Duration {
		if len(order) > 0 {
			order = append(order, "round")
			if written() != 5 {
				t.Error("output was written before Round")
			}
		}
		return -1
	}}, func(w *world) {
		order = nil
		nc, r := w.client()
		written = r.c.Buffered
		r.consume = func(b []byte) int {
			order = append(order, "data")
			r.c.Write(b)
			w.l.Post(func() { order = append(order, "posted") })
			return len(b)
		}
		w.send(nc, []byte("hello"))
		w.until("data", func() bool { return len(order) > 0 })
		if order[0] != "data" || order[1] != "posted" || order[2] != "round" {
			t.Error(order)
		}
		order = nil
		w.receive(nc, 5)
	})
}

func TestSleep(t *testing.T) {
	sleep := time.Duration(0)
	rounds := 0
	cfg := Config{Round: func(time.Duration) time.Duration { rounds++; return sleep }}
	both(t, cfg, func(w *world) {
		w.l.cfg.Tick = 0
		for _, c := range []struct {
			sleep, tick, least, most time.Duration
		}{
			{0, 0, 0, 0},
			{0, time.Hour, 0, 0},
			{30 * time.Millisecond, 0, 30 * time.Millisecond, patience},
			{time.Hour, 30 * time.Millisecond, 30 * time.Millisecond, patience},
			{-1, 30 * time.Millisecond, 30 * time.Millisecond, patience},
		} {
			sleep, w.l.cfg.Tick = c.sleep, c.tick
			w.l.sleep = 0
			if err := w.l.turn(); err != nil { // takes in what Round answers
				t.Fatal(err)
			}
			from := w.l.Now()
			if got := w.l.timeout(); c.most == 0 && got != 0 {
				t.Errorf("%+v: would sleep %v", c, got)
			}
			if err := w.l.turn(); err != nil {
				t.Fatal(err)
			}
			if slept := w.l.Now() - from; slept < c.least {
				t.Errorf("%+v: slept %v", c, slept)
			}
		}
		sleep, w.l.cfg.Tick, w.l.sleep = -1, 0, 0
		if err := w.l.turn(); err != nil {
			t.Fatal(err)
		}
		if got := w.l.timeout(); got >= 0 {
			t.Errorf("without any limit it would sleep %v", got)
		}
	})
}

func TestPost(t *testing.T) {
	for name, portable := range map[string]bool{"epoll": false, "portable": true} {
		t.Run(name, func(t *testing.T) {
			l, err := New(Config{Portable: portable})
			if err != nil {
				t.Fatal(err)
			}
			const posters, each = 8, 500
			var last [posters]int
			total := 0
			l.Post(func() { total++ }) // before Run
			done := make(chan error, 1)
			go func() { done <- l.Run() }()
			var wg sync.WaitGroup
			for p := range posters {
				wg.Go(func() {
					for i := 1; i <= each; i++ {
						ran := make(chan struct{})
						l.Post(func() {
							if last[p] != i-1 {
								t.Errorf("poster %d: %d came after %d", p, i, last[p])
							}
							last[p] = i
							total++
							close(ran)
						})
						if i%10 == 0 {
							<-ran // lets the loop fall asleep: a lost wake would hang
						}
					}
				})
			}
			wg.Wait()
			l.Stop()
			l.Stop()
			taken, ran := 0, 0 // around the end: either refused, or run
			for range 10000 {
				if l.Post(func() { ran++ }) {
					taken++
				}
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
			if l.Post(func() {}) {
				t.Error("Post was accepted by a loop that stopped")
			}
			if total != posters*each+1 {
				t.Errorf("%d ran", total)
			}
			if taken != ran {
				t.Errorf("Post took in %d, and %d ran", taken, ran)
			}
			if l.Run() == nil {
				t.Error("a second Run was allowed")
			}
		})
	}
}

func TestStopClosesAll(t *testing.T) {
	both(t, Config{}, func(w *world) {
		a, ra := w.client()
		_, rb := w.client()
		ra.c.Write([]byte("bye"))
		var dialErr error
		w.l.Stop()
		if err := w.l.Run(); err != nil {
			t.Fatal(err)
		}
		if !w.l.stopping || !errors.Is(ra.err, ErrStopped) || !errors.Is(rb.err, ErrStopped) || ra.closed+rb.closed != 2 {
			t.Errorf("errors %v, %v, %v", ra.err, rb.err, dialErr)
		}
		b := make([]byte, 4)
		if n, _ := a.Read(b); string(b[:n]) != "bye" {
			t.Errorf("the last output was %q", b[:n])
		}
		if _, err := net.Dial("tcp", w.addr); err == nil {
			t.Error("it still listens")
		}
		if w.l.Dial(w.addr, nil) {
			t.Error("Dial was accepted by a loop that stopped")
		}
		ra.c.Write([]byte("x"))
		ra.c.Close()
		ra.c.CloseAfterFlush()
	})
}

// What Closed does to others must be seen by Round without waiting.
func TestClosedIsFollowedByARound(t *testing.T) {
	both(t, Config{}, func(w *world) {
		_, r := w.client()
		r.c.Close()
		w.until("closed", func() bool { return r.closed == 1 })
		if d := w.l.timeout(); d != 0 {
			t.Errorf("it would sleep %v", d)
		}
	})
}

func TestStopAccepting(t *testing.T) {
	both(t, Config{}, func(w *world) {
		nc, r := w.client()
		w.l.StopAccepting()
		if _, err := net.Dial("tcp", w.addr); err == nil {
			t.Error("it still listens")
		}
		w.send(nc, []byte("x"))
		w.until("data on the old connection", func() bool { return len(r.got) == 1 })
	})
}

func TestListenErrors(t *testing.T) {
	both(t, Config{}, func(w *world) {
		if _, err := w.l.Listen("tcp", w.addr, nil); err == nil {
			t.Error("listened twice on one address")
		}
		if _, err := w.l.Listen("udp", "127.0.0.1:0", nil); err == nil {
			t.Error("listened on udp")
		}
	})
}

func TestUnixSocket(t *testing.T) {
	both(t, Config{}, func(w *world) {
		path := t.TempDir() + "/s"
		if _, err := w.l.Listen("unix", path, func(c *Conn) Receiver { return w.recorder(c) }); err != nil {
			t.Fatal(err)
		}
		nc, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		w.send(nc, []byte("x"))
		w.until("data", func() bool { return len(w.accepted) == 1 && len(w.accepted[0].got) == 1 })
		if w.accepted[0].c.RemoteAddr().Network() != "unix" {
			t.Error(w.accepted[0].c.RemoteAddr())
		}
	})
}
