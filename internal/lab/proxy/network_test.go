package proxy

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// rig is a network with one way from end 0 to end 1.
type rig struct {
	t       *testing.T
	net     *Network
	address string
	served  chan net.Conn
}

func newRig(t *testing.T, from From) *rig {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, net: New(), served: make(chan net.Conn, 16)}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			r.served <- c
		}
	}()
	if r.address, err = r.net.Listen(1, l.Addr().String(), from); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.net.Close(); _ = l.Close() })
	return r
}

// pair is both ends of a connection through the network.
func (r *rig) pair() (client, server net.Conn) {
	r.t.Helper()
	client = r.dial()
	server = <-r.served
	r.t.Cleanup(func() { _ = server.Close() })
	return client, server
}

func (r *rig) dial() net.Conn {
	r.t.Helper()
	c, err := net.Dial("tcp", r.address)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = c.Close() })
	return c
}

func (r *rig) send(c net.Conn, text string) {
	r.t.Helper()
	if _, err := c.Write([]byte(text)); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) receive(c net.Conn, text string) {
	r.t.Helper()
	b := make([]byte, len(text))
	if _, err := io.ReadFull(c, b); err != nil || string(b) != text {
		r.t.Fatalf("received %q, %v; want %q", b, err, text)
	}
}

// dies waits until a connection breaks, and fails if bytes come before, or an
// end in order.
func (r *rig) dies(c net.Conn) {
	r.t.Helper()
	k, err := c.Read(make([]byte, 1))
	if k > 0 || err == nil || err == io.EOF {
		r.t.Fatalf("read %d bytes, %v; want a broken connection", k, err)
	}
}

// refused says that a new connection is not served.
func (r *rig) refused() {
	r.t.Helper()
	c, err := net.Dial("tcp", r.address)
	if err != nil {
		return // already reset
	}
	defer func() { _ = c.Close() }()
	if _, err := c.Read(make([]byte, 1)); err == nil || len(r.served) > 0 {
		r.t.Fatal("it was served")
	}
}

// eventually waits until the network is in a state.
func (r *rig) eventually(ok func(l *link) bool) {
	r.t.Helper()
	for range 10_000 {
		r.net.mu.Lock()
		for l := range r.net.mu.links {
			if ok(l) {
				r.net.mu.Unlock()
				return
			}
		}
		r.net.mu.Unlock()
		time.Sleep(time.Millisecond)
	}
	r.t.Fatal("it never happened")
}

func oneWay(from int, rule Rule) func(f, t int) Rule {
	return func(f, _ int) Rule {
		if f == from {
			return rule
		}
		return Rule{}
	}
}

func always(rule Rule) func(f, t int) Rule { return func(int, int) Rule { return rule } }

func TestPasses(t *testing.T) {
	r := newRig(t, FromEnd(0))
	client, server := r.pair()
	big := strings.Repeat("0123456789", 50_000)
	go func() {
		_, _ = client.Write([]byte(big))
		_ = client.(*net.TCPConn).CloseWrite()
	}()
	got, err := io.ReadAll(server)
	if err != nil || string(got) != big {
		t.Fatalf("%d bytes arrived, %v", len(got), err)
	}
	r.send(server, "after the other's end")
	_ = server.Close()
	if got, err := io.ReadAll(client); err != nil || string(got) != "after the other's end" {
		t.Fatalf("back came %q, %v", got, err)
	}
}

func TestDropIsDirectionalAndEndsInReset(t *testing.T) {
	r := newRig(t, FromEnd(0))
	client, server := r.pair()
	r.send(client, "before")
	r.receive(server, "before")
	lift := r.net.Impose(oneWay(0, Rule{Cut: Drop}))
	r.send(client, "lost")
	r.eventually(func(l *link) bool { return l.holed[0] })
	r.send(server, "heard")
	r.receive(client, "heard")
	lift()
	lift()
	r.dies(server)
	r.dies(client)
	client, server = r.pair()
	r.send(client, "again")
	r.receive(server, "again")
}

// An end during a cut must not be learnt either.
func TestDropHidesTheEnd(t *testing.T) {
	r := newRig(t, FromEnd(0))
	client, server := r.pair()
	lift := r.net.Impose(oneWay(0, Rule{Cut: Drop}))
	_ = client.Close()
	r.eventually(func(l *link) bool { return l.holed[0] })
	lift()
	r.dies(server)
}

// A connection that nothing was lost on survives a cut.
func TestIdleConnectionSurvivesDrop(t *testing.T) {
	r := newRig(t, FromEnd(0))
	client, server := r.pair()
	r.net.Impose(always(Rule{Cut: Drop}))()
	r.send(client, "still here")
	r.receive(server, "still here")
}

// No connection can begin while either direction is cut.
func TestDialDuringDrop(t *testing.T) {
	for from := range 2 {
		r := newRig(t, FromEnd(0))
		lift := r.net.Impose(oneWay(from, Rule{Cut: Drop}))
		client := r.dial()
		r.send(client, "anybody?")
		r.eventually(func(l *link) bool { return l.ends[0] == 0 })
		lift()
		if _, err := client.Read(make([]byte, 1)); err == nil {
			t.Fatal("it was answered")
		}
		if len(r.served) != 0 {
			t.Fatal("the server saw a connection")
		}
	}
}

func TestHold(t *testing.T) {
	r := newRig(t, FromEnd(0))
	client, server := r.pair()
	lift := r.net.Impose(oneWay(0, Rule{Cut: Hold}))
	r.send(client, "late")
	r.send(server, "answer")
	r.receive(client, "answer")
	_ = server.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if k, err := server.Read(make([]byte, 4)); k != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("%d bytes passed, %v", k, err)
	}
	_ = server.SetReadDeadline(time.Time{})
	lift()
	r.receive(server, "late")
}

func TestReset(t *testing.T) {
	r := newRig(t, FromEnd(0))
	client, server := r.pair()
	lift := r.net.Impose(oneWay(1, Rule{Cut: Reset}))
	r.dies(client)
	r.dies(server)
	r.refused()
	lift()
	client, server = r.pair()
	r.send(client, "again")
	r.receive(server, "again")
}

// Lower bounds of time only: a busy machine makes it later, never earlier.
func TestDelayAndSlow(t *testing.T) {
	for _, c := range []struct {
		rule Rule
		text string
		want time.Duration
	}{
		{Rule{Delay: 60 * time.Millisecond}, "x", 60 * time.Millisecond},
		{Rule{BytesPerSecond: 10_000}, strings.Repeat("x", 1000), 100 * time.Millisecond},
	} {
		r := newRig(t, FromEnd(0))
		client, server := r.pair()
		r.net.Impose(oneWay(0, c.rule))
		r.net.Impose(oneWay(1, Rule{Cut: Hold})) // of no matter here
		start := time.Now()
		r.send(client, c.text)
		r.receive(server, c.text)
		if took := time.Since(start); took < c.want {
			t.Errorf("%+v: arrived after %s, want at least %s", c.rule, took, c.want)
		}
	}
}

func TestLossStallsAndInTheEndResets(t *testing.T) {
	r := newRig(t, FromEnd(0))
	client, server := r.pair()
	lift := r.net.Impose(oneWay(0, Rule{Loss: 50}))
	for {
		start := time.Now()
		r.send(client, "x")
		if _, err := io.ReadFull(server, make([]byte, 1)); err != nil || time.Since(start) >= firstStall {
			break
		}
	}
	lift()
	client, server = r.pair()
	r.net.Impose(oneWay(0, Rule{Loss: 100}))
	_, _ = client.Write([]byte("never"))
	r.dies(server)
}

func TestFromProcess(t *testing.T) {
	ends := map[int]int{os.Getpid(): 7}
	r := newRig(t, FromProcess(func() map[int]int { return ends }))
	client, server := r.pair()
	r.send(client, "known")
	r.receive(server, "known")
	r.eventually(func(l *link) bool { return l.ends == [2]int{7, 1} })

	r = newRig(t, FromProcess(func() map[int]int { return nil }))
	r.refused()
}

func TestClose(t *testing.T) {
	r := newRig(t, FromEnd(0))
	client, server := r.pair()
	r.send(client, "so that both sides are there")
	r.receive(server, "so that both sides are there")
	r.net.Impose(always(Rule{Cut: Drop}))
	waiting := r.dial()
	r.net.Close()
	r.dies(client)
	r.dies(server)
	if _, err := waiting.Read(make([]byte, 1)); err == nil {
		t.Error("a waiting connection outlived the network")
	}
	if c, err := net.Dial("tcp", r.address); err == nil {
		_ = c.Close()
		t.Error("it still listens")
	}
	if _, err := r.net.Listen(1, "127.0.0.1:1", FromEnd(0)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Listen after Close: %v", err)
	}
}
