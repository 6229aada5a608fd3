package serve

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/parleydb/parley/internal/resp"
)

// startRedis starts a real redis-server and returns the path of its socket.
func startRedis(t *testing.T) string {
	t.Helper()
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("redis-server is not installed, and CI must compare with it")
		}
		t.Skip("redis-server is not installed: nothing to compare with")
	}
	dir, err := os.MkdirTemp("", "redis") // t.TempDir may be too long for a socket's name
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "s")
	cmd := exec.Command(bin, "--port", "0", "--unixsocket", socket, "--save", "", "--dir", dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = os.RemoveAll(dir)
	})
	until(t, "redis-server", func() bool {
		c, err := net.Dial("unix", socket)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return socket
}

// pair is the same client of Redis and of Parley.
type pair struct {
	t     *rapid.T
	conns [2]net.Conn
	in    [2]*bufio.Reader
}

func newPair(t *rapid.T, socket, address string) *pair {
	p := &pair{t: t}
	for i, a := range [][2]string{{"unix", socket}, {"tcp", address}} {
		c, err := net.Dial(a[0], a[1])
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(patience))
		p.conns[i], p.in[i] = c, bufio.NewReader(c)
	}
	return p
}

func (p *pair) close() {
	for _, c := range p.conns {
		c.Close()
	}
}

// send sends bytes to both and compares n replies.
func (p *pair) send(bytes string, n int, history []string) {
	var got [2]string
	for i := range p.conns {
		if _, err := p.conns[i].Write([]byte(bytes)); err != nil {
			p.t.Fatal(err)
		}
		for range n {
			r, err := resp.ReadReply(p.in[i], resp.DefaultLimits())
			if err != nil {
				p.t.Fatalf("reply to %q after %q: %v", bytes, history, err)
			}
			got[i] += uncertain.ReplaceAllString(r.String(), "_") + "|"
		}
	}
	if got[0] != got[1] {
		p.t.Fatalf("%q after %q\nRedis:  %s\nParley: %s", bytes, history, got[0], got[1])
	}
}

// uncertain is what cannot be the same: the ids of connections.
var uncertain = regexp.MustCompile(`("id" )\d+`)

// sessionGrammar is what acts on a connection, and enough on keys to see what
// it did. Package data compares the commands on keys.
var sessionGrammar = []string{
	"MULTI", "MULTI", "EXEC", "EXEC", "DISCARD", "WATCH a", "WATCH a b", "UNWATCH",
	"SET a 1", "SET b x", "GET a", "GET b", "INCR a", "INCR b", "DEL a", "MGET a b", "APPEND b y", "GETDEL b", "SETBIT c 3 1", "BITFIELD c get u4 0",
	"PING", "PING hello", "PING a b", "ECHO x", "ECHO", "SELECT 0", "SELECT -1",
	"DBSIZE", "FLUSHDB", "FLUSHALL", "FLUSHALL async", "FLUSHDB x", "RANDOMKEY x", "TYPE a", "EXISTS a b", "TOUCH a b", "OBJECT ENCODING a", "OBJECT ENCODING none", "OBJECT x",
	"CLIENT SETNAME n1", "CLIENT SETNAME \"a b\"", "CLIENT GETNAME", "CLIENT ID x", "CLIENT KILL ID 0", "CLIENT KILL nobody", "CLIENT KILL ID 999999999", "CLIENT KILL TYPE x",
	"CLIENT NO-EVICT on", "CLIENT NO-EVICT x", "CLIENT REPLY x", "CLIENT x", "CLIENT", "CLIENT LIST TYPE x", "CLIENT LIST ID x",
	"HELLO 2", "HELLO 3", "HELLO 4", "HELLO x", "HELLO 3 SETNAME x", "HELLO 3 SETNAME", "HELLO 2 AUTH default wrong", "RESET",
	"AUTH x", "AUTH default x", "AUTH a b c", "AUTH other x", "WAIT 0", "WAIT x 0", "WAIT 0 x", "WAIT 0 -1", "TIME x",
	"CONFIG GET maxmemory", "CONFIG GET nosuch", "CONFIG SET maxclients", "CONFIG SET nosuch 1", "CONFIG GET", "CONFIG x", "CONFIG SET slowlog-max-len 100", "CONFIG GET slowlog-max-len",
	"COMMAND COUNT x", "COMMAND GETKEYS MSET a 1 b 2", "COMMAND x", "SLOWLOG LEN x", "SLOWLOG GET x", "SLOWLOG GET -2", "SLOWLOG x",
	"NOSUCH", "NOSUCH a b", "GET", "GET a b", "SET a", "",
}

// notQueued are the commands that Parley does not queue in a transaction, as
// docs/redis-differences.md says.
var notQueued = map[string]bool{"SELECT": true, "CLIENT": true, "CONFIG": true, "WAIT": true, "FLUSHALL": true, "SLOWLOG": true, "AUTH": true, "HELLO": true}

// lateSub are wrong subcommands that EXEC finds, and Redis before.
var lateSub = map[string]bool{"COMMAND x": true, "COMMAND COUNT x": true, "OBJECT x": true}

// TestSessionsAgainstRedis runs generated commands of two clients on a node and
// on a real server, through sockets: transactions, watches, protocols 2 and 3,
// inline commands and pipelines.
func TestSessionsAgainstRedis(t *testing.T) {
	socket := startRedis(t)
	cfg := testConfig(t)
	run(t, cfg)
	check := func(t *rapid.T) {
		clients := [2]*pair{newPair(t, socket, cfg.RESP), newPair(t, socket, cfg.RESP)}
		defer clients[0].close()
		defer clients[1].close()
		clients[0].send("FLUSHALL\r\n", 1, nil)
		history, multi := []string{}, [2]bool{}
		for range rapid.IntRange(5, 40).Draw(t, "steps") {
			who := rapid.IntRange(0, 1).Draw(t, "client")
			lines := rapid.SliceOfN(rapid.SampledFrom(sessionGrammar), 1, 5).Draw(t, "commands")
			bytes, replies := "", 0
			for _, line := range lines {
				name, _, _ := strings.Cut(line, " ")
				switch {
				case multi[who] && (notQueued[name] || lateSub[line]):
					line = "PING"
				case name == "WATCH" && !multi[who]:
					// A key that does not exist at WATCH, is made and deleted, is
					// one of the meant differences.
					bytes += "MSET a 1 b x\r\n"
					replies++
				case name == "MULTI":
					multi[who] = true
				case name == "EXEC" || name == "DISCARD" || name == "RESET":
					multi[who] = false
				}
				if line != "" {
					replies++
				}
				if rapid.Bool().Draw(t, "inline") || line == "" || strings.Contains(line, "\"") {
					bytes += line + "\r\n"
				} else {
					bytes += string(resp.AppendCommand(nil, strings.Fields(line)...))
				}
			}
			clients[who].send(bytes, replies, history)
			history = append(history, fmt.Sprintf("%d: %s", who, strings.Join(lines, "; ")))
		}
	}
	for range 3 {
		rapid.Check(t, check)
	}
}
