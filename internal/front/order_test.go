package front

import (
	"fmt"
	"strings"
	"testing"

	"github.com/parleydb/parley/internal/resp"
	"pgregory.net/rapid"
)

var pipelineCommands = []string{
	"SET a %d", "SET b %d", "GET a", "GET b", "INCR a", "APPEND b x%d", "MGET a b", "PING", "ECHO %d", "DEL a",
	"AT eventual GET a", "AT session GET b", "ONCE id%d INCR b", "SELECT 0", "SELECT 1", "MULTI", "EXEC", "DISCARD",
	"WATCH a", "UNWATCH", "NOSUCH", "GET", "HELLO 2", "HELLO 3", "OUTCOME %d a", "CLIENT REPLY SKIP", "RECEIPT ON",
	"RECEIPT LAST", "RESET", "FLUSHALL", "DBSIZE", "WAIT 0 0", "LEVEL session", "LEVEL default",
}

// Replies come in order, and each command sees exactly those before it: what a
// client gets for a pipeline is what it gets one command at a time, however
// the node orders its work and the network cuts the bytes.
func TestPipelineIsAsOneByOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(t, "n")
		var input []byte
		slow, quick := newFake(), newFake()
		slow.auto = false
		one := dial(NewServer(quick, Config{SlowLog: -1}))
		for i := range n {
			line := rapid.SampledFrom(pipelineCommands).Draw(t, "command")
			if strings.Contains(line, "%d") {
				line = fmt.Sprintf(line, i)
			}
			cmd := resp.AppendCommand(nil, strings.Fields(line)...)
			one.feed(string(cmd))
			input = append(input, cmd...)
		}
		limits := DefaultLimits()
		limits.InFlight = rapid.IntRange(1, 20).Draw(t, "in flight")
		c := dial(NewServer(slow, Config{Limits: limits}))
		pick := func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "pick") }
		for len(input) > 0 || slow.step(pick) {
			if k := min(len(input), rapid.IntRange(0, 60).Draw(t, "bytes")); k > 0 {
				c.feed(string(input[:k]))
				input = input[k:]
			}
			if rapid.Bool().Draw(t, "step") {
				slow.step(pick)
			}
			c.pump()
		}
		if got, want := c.take(), one.take(); got != want {
			t.Fatalf("pipeline\n got %q\nwant %q", got, want)
		}
		if c.conn.bytes != 0 || c.conn.held != 0 || c.conn.reads != 0 || c.conn.writes != 0 || c.paused || len(c.in) > 0 {
			t.Fatalf("not at rest: %+v", c.conn)
		}
	})
}

func TestEveryCutOfTheInput(t *testing.T) {
	input := "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\na\r\nb\r\nget k\r\n\r\n*0\r\n*1\r\n$5\r\nMULTI\r\nGET k\r\nEXEC\r\n*2\r\n$4\r\nECHO\r\n$0\r\n\r\n"
	want := "+OK\r\n$4\r\na\r\nb\r\n+OK\r\n+QUEUED\r\n*1\r\n$4\r\na\r\nb\r\n$0\r\n\r\n"
	for cut := range len(input) {
		c := dial(NewServer(newFake(), Config{}))
		c.feed(input[:cut])
		c.feed(input[cut:])
		if got := c.take(); got != want {
			t.Fatalf("cut at %d: %q", cut, got)
		}
	}
	c := dial(NewServer(newFake(), Config{}))
	for i := range len(input) {
		c.feed(input[i : i+1])
	}
	if got := c.take(); got != want {
		t.Fatalf("byte by byte: %q", got)
	}
}

func TestReadsTravelWithWritesAndWritesWaitForReads(t *testing.T) {
	f := newFake()
	f.auto = false
	c := dial(NewServer(f, Config{}))
	c.feed("GET a\r\nSET a 1\r\nGET a\r\nSET a 2\r\nAT session GET a\r\nSET a 3\r\n")
	if len(f.submitted) != 1 || !c.paused || f.submitted[0].InLog {
		t.Fatalf("the write did not wait for the read: %d submitted", len(f.submitted))
	}
	first := func(int) int { return 0 }
	f.step(first)
	f.step(first)
	c.pump()
	if len(f.submitted) != 5 || !f.submitted[2].InLog || !f.submitted[4].InLog || !c.paused {
		t.Fatalf("%d submitted: %+v", len(f.submitted), f.submitted)
	}
	for f.step(first) {
		c.pump()
	}
	if got := c.take(); got != "$-1\r\n+OK\r\n$1\r\n1\r\n+OK\r\n$1\r\n2\r\n+OK\r\n" {
		t.Errorf("got %q", got)
	}
}

func TestInFlightLimits(t *testing.T) {
	for name, limit := range map[string]func(*Limits){
		"number": func(l *Limits) { l.InFlight = 4 },
		"bytes":  func(l *Limits) { l.InFlightBytes = 28 }, // four times "GET a\r\n"
	} {
		l := DefaultLimits()
		limit(&l)
		f := newFake()
		f.auto = false
		c := dial(NewServer(f, Config{Limits: l}))
		c.feed(strings.Repeat("GET a\r\n", 10))
		if len(f.reads) != 4 || !c.paused {
			t.Fatalf("%s: %d in flight", name, len(f.reads))
		}
		first := func(int) int { return 0 }
		for f.step(first) {
			c.pump()
		}
		if got := c.take(); got != strings.Repeat("$-1\r\n", 10) {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

func TestProtocolErrorIsToldOnceInItsTurn(t *testing.T) {
	f := newFake()
	f.auto = false
	c := dial(NewServer(f, Config{}))
	c.feed("GET a\r\n*1\r\nx\r\nPING\r\n")
	c.feed("PING\r\n")
	if c.got.Len() > 0 || c.flushed {
		t.Fatal("the error overtook a reply")
	}
	for f.step(func(int) int { return 0 }) {
	}
	if got := c.take(); got != "$-1\r\n-ERR Protocol error: expected '$', got 'x'\r\n" || !c.flushed || len(c.in) > 0 {
		t.Errorf("got %q, closed %v", got, c.flushed)
	}
}

func TestQuitWaitsForRepliesBefore(t *testing.T) {
	f := newFake()
	f.auto = false
	c := dial(NewServer(f, Config{}))
	c.feed("SET a 1\r\nQUIT\r\nSET a 2\r\n")
	for f.step(func(int) int { return 0 }) {
	}
	if got := c.take(); got != "+OK\r\n+OK\r\n" || !c.flushed || len(f.submitted) != 1 {
		t.Errorf("got %q, %d submitted", got, len(f.submitted))
	}
}

func TestClosedWhileInFlight(t *testing.T) {
	f := newFake()
	f.auto = false
	s := NewServer(f, Config{})
	c := dial(s)
	c.feed("SET a 1\r\nPING\r\nGET a\r\nSET a 2\r\n")
	c.closed = true
	c.conn.Closed()
	c.conn.Closed()
	for f.step(func(n int) int { return n - 1 }) {
	}
	if s.Clients() != 0 || c.conn.writes != 0 {
		t.Error("the connection is still counted")
	}
	seen := map[*op]bool{}
	for _, o := range s.free {
		if seen[o] {
			t.Fatal("an operation is in the pool twice")
		}
		seen[o] = true
	}
	if len(seen) != 4 {
		t.Errorf("%d operations came back", len(seen))
	}
}

func TestClientThatDoesNotReadIsClosed(t *testing.T) {
	l := DefaultLimits()
	l.Output = 100
	c := dial(NewServer(newFake(), Config{Limits: l}))
	c.unread = 100
	c.says(t, "PING", "+PONG|")
	c.unread = 101
	c.feed("PING\r\nPING\r\n")
	if !c.closed || c.take() != "+PONG\r\n" {
		t.Error("not closed at its limit")
	}
	f := newFake()
	f.auto = false
	c = dial(NewServer(f, Config{Limits: l}))
	c.feed("GET a\r\nECHO " + strings.Repeat("x", 100) + "\r\n")
	if !c.closed {
		t.Error("replies that wait for their turn are not counted")
	}
}

func TestUsualCommandsAllocateNothing(t *testing.T) {
	f := newFake()
	c := &discard{}
	c.conn = NewServer(idle{f}, Config{}).Open(c, "")
	input := []byte("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n")
	if n := testing.AllocsPerRun(100, func() { c.conn.Data(input) }); n > 0 {
		t.Errorf("%v allocations for a SET and a GET", n)
	}
}

func BenchmarkSetGet(b *testing.B) {
	c := &discard{}
	c.conn = NewServer(idle{newFake()}, Config{}).Open(c, "")
	input := []byte("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n")
	b.ReportAllocs()
	for b.Loop() {
		c.conn.Data(input)
	}
}
