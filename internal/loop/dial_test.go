package loop

import (
	"errors"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

func (w *world) dial(addr string) (r *recorder, err error) {
	w.Helper()
	done, inside := false, true
	w.l.Dial(addr, func(c *Conn, e error) Receiver {
		if inside {
			w.Error("done inside Dial")
		}
		if done {
			w.Error("done twice")
		}
		done, err = true, e
		if c == nil {
			return nil
		}
		r = w.recorder(c)
		return r
	})
	inside = false
	w.until("dial "+addr, func() bool { return done })
	return r, err
}

func TestDial(t *testing.T) {
	both(t, Config{}, func(w *world) {
		_, port, _ := net.SplitHostPort(w.addr)
		for _, addr := range []string{w.addr, "localhost:" + port} {
			n := len(w.accepted)
			r, err := w.dial(addr)
			if err != nil {
				t.Fatal(addr, err)
			}
			w.until("accept", func() bool { return len(w.accepted) == n+2 })
			peer := w.accepted[n]
			if peer == r {
				peer = w.accepted[n+1]
			}
			if r.c.RemoteAddr().String() != w.addr {
				t.Errorf("remote address %v", r.c.RemoteAddr())
			}
			r.c.Write([]byte("there"))
			peer.c.Write([]byte("back"))
			w.until("both ways", func() bool { return string(peer.got) == "there" && string(r.got) == "back" })
			r.c.Close()
			w.until("closed", func() bool { return r.closed == 1 && peer.closed == 1 })
		}
	})
}

func TestDialErrors(t *testing.T) {
	both(t, Config{}, func(w *world) {
		nl, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		nobody := nl.Addr().String()
		nl.Close()
		_, port, _ := net.SplitHostPort(nobody)
		for _, addr := range []string{nobody, "localhost:" + port} {
			if _, err := w.dial(addr); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("%s: %v", addr, err)
			}
		}
		for _, addr := range []string{"no port", "127.0.0.1:nothing", ""} {
			if _, err := w.dial(addr); err == nil || errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("%q: %v", addr, err)
			}
		}
		if n := w.l.Stats().Conns; n != 0 {
			t.Errorf("%d connections are left", n)
		}
	})
}

// A receiver of nil closes a dialled connection.
func TestDialWithoutReceiver(t *testing.T) {
	both(t, Config{}, func(w *world) {
		w.l.Dial(w.addr, func(c *Conn, err error) Receiver { return nil })
		w.until("accept", func() bool { return len(w.accepted) == 1 })
		w.until("closed", func() bool { return w.accepted[0].closed == 1 && w.l.Stats().Conns == 0 })
	})
}

// What is being dialled when the loop stops hears of it.
func TestDialAndStop(t *testing.T) {
	both(t, Config{}, func(w *world) {
		addr := unresponsive(t)
		var got []error
		for range 3 {
			w.l.Dial(addr, func(c *Conn, err error) Receiver {
				got = append(got, err)
				return nil
			})
		}
		w.l.Stop()
		if err := w.l.Run(); err != nil {
			t.Fatal(err)
		}
		if len(got) != 3 {
			t.Fatal(got)
		}
		for _, err := range got {
			if !errors.Is(err, ErrStopped) {
				t.Error(err)
			}
		}
	})
}

func TestDialTimeout(t *testing.T) {
	both(t, Config{DialTimeout: 20 * time.Millisecond}, func(w *world) {
		_, err := w.dial(unresponsive(t))
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
	})
}
