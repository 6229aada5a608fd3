package front

import "testing"

// A server that drains answers what was asked, in order, takes nothing more,
// and then ends each connection.
func TestDrain(t *testing.T) {
	f := newFake()
	f.auto = false
	s := NewServer(f, Config{})
	idle, busy := dial(s), dial(s)
	busy.feed("SET k v\r\nAPPEND k w\r\nGET k\r\n") // the read waits for the writes
	s.Drain()
	if !idle.flushed {
		t.Error("an idle connection stays")
	}
	if busy.flushed || busy.take() != "" {
		t.Error("a connection with commands under way ended")
	}
	busy.feed("SET k late\r\n")
	for f.step(func(int) int { return 0 }) {
		busy.pump()
	}
	if got := busy.take(); got != "+OK\r\n:2\r\n$2\r\nvw\r\n" || !busy.flushed {
		t.Errorf("the replies are %q, and the connection has ended: %v", got, busy.flushed)
	}
}
