package front

import "testing"

// What must wait for what: while the first is in flight, the second is not
// taken.
func TestWhatWaitsForWhat(t *testing.T) {
	for _, pair := range [][2]string{
		{"GET a", "SET a 1"},
		{"GET a", "MULTI\r\nSET a 1\r\nEXEC"},
		{"GET a", "OUTCOME i a"},
		{"GET a", "FLUSHALL"},
		{"SET a 1", "FLUSHALL"},
		{"SET a 1", "WATCH a"},
		{"SET a 1", "RECEIPT LAST"},
		{"SET a 1", "SESSION TOKEN"},
		{"SET a 1", "SESSION RESET"},
		{"SET a 1", "WAIT 0 0"},
		{"SET a 1", "RESET"},
		{"SET a 1", "KEYSPACE CREATE x"},
		{"SET a 1", "KEYSPACE DROP carts"},
		{"WATCH a", "PING"},
	} {
		f := newFake()
		f.auto = false
		c := dial(NewServer(f, Config{}))
		c.feed(pair[0] + "\r\n" + pair[1] + "\r\n")
		if len(f.submitted) != 1 || len(f.names) != 2 || f.names[1] == "" || !c.paused || len(c.in) == 0 {
			t.Errorf("%q does not wait for %q", pair[1], pair[0])
		}
		for f.step(func(int) int { return 0 }) {
			c.pump()
		}
		if c.paused || len(c.in) > 0 || c.conn.queue.len() > 0 {
			t.Errorf("%q after %q is not taken later", pair[1], pair[0])
		}
	}
}

// A command that had to wait is the one that CLIENT REPLY SKIP was for.
func TestSkippedReplyOfACommandThatWaits(t *testing.T) {
	f := newFake()
	f.auto = false
	c := dial(NewServer(f, Config{}))
	c.feed("GET a\r\nCLIENT REPLY SKIP\r\nSET a 1\r\nPING\r\n")
	for f.step(func(int) int { return 0 }) {
		c.pump()
	}
	if got := c.take(); got != "$-1\r\n+PONG\r\n" {
		t.Errorf("got %q", got)
	}
}
