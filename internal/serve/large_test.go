package serve

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/parleydb/parley/internal/front"
	"github.com/parleydb/parley/internal/node"
	"github.com/parleydb/parley/internal/resp"
	"github.com/parleydb/parley/internal/wire"
)

// What must reach another node fits into one frame.
func TestFramesHoldWhatIsTaken(t *testing.T) {
	const around = 1 << 20
	limits := front.DefaultLimits()
	for what, n := range map[string]int{
		"a command behind the others of its entry": limits.Command.Total + maxBatch,
		"a transaction":       limits.TxBytes + maxBatch,
		"a reply":             node.MaxReply + limits.TxCommands*100,
		"the largest command": int(testConfig(t).MaxCommand) + maxBatch,
	} {
		if n+around > wire.DefaultLimit {
			t.Errorf("%s: %d bytes do not fit into a frame of %d", what, n, wire.DefaultLimit)
		}
	}
}

// Commands and replies of the largest size, at a node that must pass them on,
// are done or refused; the cluster goes on.
func TestLargestCommandsAndReplies(t *testing.T) {
	nodes, _ := startCluster(t)
	at := nodes[(leader(nodes)+1)%3]
	c := dial(t, at.cfg.RESP)
	in := bufio.NewReader(c)
	send := func(args ...string) {
		t.Helper()
		if _, err := c.Write(resp.AppendCommand(nil, args...)); err != nil {
			t.Fatal(err)
		}
	}
	reply := func() resp.Reply {
		t.Helper()
		r, err := resp.ReadReply(in, anyReply)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	want := func(what, prefix string) {
		t.Helper()
		if r := reply().String(); !strings.HasPrefix(r, prefix) {
			t.Errorf("%s: %.100s", what, r)
		}
	}
	send("CLIENT", "DEADLINE", "100000")
	want("CLIENT DEADLINE", "OK")
	big := string(bytes.Repeat([]byte("x"), 33<<20))
	_, _ = io.WriteString(c, strings.Repeat("SET small v\r\n", 100)) // in one entry with what follows
	send("MSET", "a", big[:32<<20], "b", big[:32<<20])
	for range 100 {
		want("SET", "OK")
	}
	want("MSET of 64 MiB", "OK")
	send("SET", "a", big)
	want("SET of 33 MiB", "OK")
	send("MGET", "a")
	if r := reply(); len(r.Elems) != 1 || len(r.Elems[0].Str) != len(big) {
		t.Errorf("MGET of one: %.100s", r)
	}
	send("MGET", "a", "a")
	want("MGET of 66 MiB", "-ERR the reply would be longer than")

	_, _ = io.WriteString(c, "MULTI\r\nINCR n\r\nGET a\r\nGETSET a short\r\nINCR n\r\nGET a\r\nEXEC\r\n")
	for range 6 {
		reply()
	}
	exec := reply()
	if len(exec.Elems) != 5 || len(exec.Elems[1].Str) != len(big) || exec.Elems[4].Str != "short" || exec.Elems[3].Int != 2 ||
		!strings.HasPrefix(exec.Elems[2].Str, "ERR done, but the transaction's replies have no room") {
		t.Errorf("a transaction with replies of 66 MiB: %.300s", exec)
	}

	send("SET", "a", big)
	want("SET of 33 MiB", "OK")
	const reads = 8 // behind a write they travel in the log, in one entry
	_, _ = io.WriteString(c, "INCR n\r\n"+strings.Repeat("GET a\r\n", reads))
	want("INCR", "3")
	got := 0
	for range reads {
		switch r := reply(); {
		case len(r.Str) == len(big):
			got++
		case !strings.HasPrefix(r.String(), "-UNKNOWN done, but"):
			t.Errorf("a read of many: %.100s", r)
		}
	}
	if got == 0 || got == reads {
		t.Errorf("%d of %d replies of 33 MiB were kept", got, reads)
	}
	send("SETRANGE", "far", "67108864", "x")
	want("SETRANGE beyond the limit", "-ERR string exceeds maximum allowed size")
	for _, s := range nodes {
		if a := command(t, s, `{"command":["GET","n"]}`); a.Reply != "3" {
			t.Errorf("%s: %+v", s.cfg.Name, a)
		}
	}
}

// A value that takes longer on its way than an election timeout costs nobody an
// office: heartbeats go between the pieces.
func TestLongValuesOverSlowLinks(t *testing.T) {
	t.Parallel()
	nodes, _ := startCluster(t)
	at := leader(nodes)
	term := func() (term uint64) {
		nodes[at].ask(func() {
			for _, g := range nodes[at].node.Groups() {
				if g.ID == 1 {
					term = g.Term
				}
			}
		})
		return term
	}
	before := term()
	for _, s := range nodes {
		s.ask(func() {
			for _, l := range s.links {
				l.slow = 200_000
			}
		})
	}
	for _, s := range []*Server{nodes[at], nodes[(at+1)%3]} {
		c := dial(t, s.cfg.RESP)
		in := bufio.NewReader(c)
		if _, err := c.Write(resp.AppendCommand(resp.AppendCommand(nil, "CLIENT", "DEADLINE", "100000"), "SET", "k", strings.Repeat("x", 250_000))); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"OK", "OK"} {
			if r, err := resp.ReadReply(in, anyReply); err != nil || r.String() != want {
				t.Fatalf("%v, %v", r, err)
			}
		}
	}
	if after := term(); after != before || leader(nodes) != at {
		t.Errorf("term %d became %d, leader %d became %d", before, after, at, leader(nodes))
	}
}
