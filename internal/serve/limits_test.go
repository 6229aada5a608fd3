package serve

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parleydb/parley/internal/config"
)

// patience is for what must happen; no test waits for it when all is well.
const patience = 30 * time.Second

// journal is a log that tests read while it is written.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) has(text string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Contains(j.text.String(), text)
}

func (j *journal) logger() *slog.Logger { return slog.New(slog.NewTextHandler(j, nil)) }

func until(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !cond(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited in vain:", what)
		}
	}
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(4 * patience))
	return c
}

// flood asks for echoes of 64 KiB and reads none, until the node closes the
// connection.
func flood(c net.Conn) {
	echo := fmt.Sprintf("*2\r\n$4\r\nECHO\r\n$65536\r\n%s\r\n", strings.Repeat("x", 64<<10))
	for {
		if _, err := io.WriteString(c, echo); err != nil {
			return
		}
	}
}

func memory(s *Server) (n int) {
	s.ask(func() { n = s.loop.Memory() })
	return n
}

// A client that reads none of its replies is closed by the write deadline or by
// the limit of its output, whichever comes first. Another does not notice.
func TestClientThatDoesNotRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*config.Config)
		reason string
	}{
		"deadline": {func(c *config.Config) {
			c.WriteTimeout = 300 * time.Millisecond
			c.MaxClientMemory = 1 << 40
			c.MaxOutput = 1 << 40
		}, "took no output for the write timeout"},
		"limit":  {func(c *config.Config) { c.WriteTimeout = time.Hour; c.MaxOutput = 4 << 20 }, "reads too slowly: its output passed the limit"},
		"memory": {func(c *config.Config) { c.WriteTimeout = time.Hour; c.MaxClientMemory = 65 << 20 }, "the memory of all connections is used up"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(t)
			c.change(&cfg)
			var j journal
			runLogged(t, cfg, j.logger())
			other := dial(t, cfg.RESP)
			in := bufio.NewReader(other)
			bad := dial(t, cfg.RESP)
			go flood(bad)
			until(t, c.reason, func() bool { return j.has(c.reason) })
			_, _ = io.WriteString(other, "PING\r\n")
			if got, err := in.ReadString('\n'); got != "+PONG\r\n" {
				t.Errorf("another client got %q, %v", got, err)
			}
		})
	}
}

// Commands that never end, of many clients, cost no more than the limit of all;
// those that are closed for it are told.
func TestHalfReceivedCommands(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.MaxBulk, cfg.MaxCommand, cfg.MaxClientMemory = 1<<20, 1<<20, 4<<20
	s, _ := run(t, cfg)
	other := dial(t, cfg.RESP)
	told := make(chan string, 20)
	for range cap(told) {
		c := dial(t, cfg.RESP)
		go func() {
			_, _ = fmt.Fprintf(c, "*2\r\n$4\r\nECHO\r\n$1000000\r\n%s", strings.Repeat("x", 900_000))
			line, _ := bufio.NewReader(c).ReadString('\n')
			told <- line
		}()
	}
	for range cap(told) / 2 { // of 18 MB at most 4 can be there
		if got := <-told; !strings.HasPrefix(got, "-BUSY the clients of this node use all the memory") {
			t.Errorf("a client got %q", got)
		}
		if n := memory(s); n > 4<<20+1<<19 {
			t.Errorf("clients hold %d bytes", n)
		}
	}
	_, _ = io.WriteString(other, "PING\r\n")
	if got, err := bufio.NewReader(other).ReadString('\n'); got != "+PONG\r\n" {
		t.Errorf("another client got %q, %v", got, err)
	}
}

// Bodies over HTTP have room for so many bytes together, and no more; one that
// does not tell its length counts as the longest.
func TestBodiesOverHTTP(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.HTTP = freeAddress(t)
	run(t, cfg)
	post := func(head, body string) (net.Conn, *bufio.Reader) {
		c := dial(t, cfg.HTTP)
		_, _ = fmt.Fprintf(c, "POST /v1/command HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n%s\r\n\r\n%s", head, body)
		return c, bufio.NewReader(c)
	}
	var slow []net.Conn
	answered := func(status int) func() bool {
		return func() bool {
			_, in := post("Content-Length: 20", `{"command":["PING"]}`)
			r, err := http.ReadResponse(in, nil)
			return err == nil && r.StatusCode == status
		}
	}
	until(t, "the room to be taken", func() bool {
		c, _ := post("Transfer-Encoding: chunked", "1\r\n{\r\n")
		slow = append(slow, c)
		return answered(http.StatusServiceUnavailable)()
	})
	for _, c := range slow {
		c.Close()
	}
	until(t, "room again", answered(http.StatusOK))
}

func TestConnectionsOverHTTP(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{ConnState: limitConns(2), Handler: http.NotFoundHandler()}
	go func() { _ = srv.Serve(ln) }()
	defer srv.Close()
	answers := func(c net.Conn) bool {
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		r, err := http.ReadResponse(bufio.NewReader(c), nil)
		return err == nil && r.StatusCode == 404
	}
	first, second := dial(t, ln.Addr().String()), dial(t, ln.Addr().String())
	if !answers(first) || !answers(second) {
		t.Fatal("two are not served")
	}
	if answers(dial(t, ln.Addr().String())) {
		t.Error("a third is served")
	}
	first.Close()
	until(t, "room for another", func() bool { return answers(dial(t, ln.Addr().String())) })
	if !answers(second) {
		t.Error("the second is not served any more")
	}
}

// A length that is declared takes no memory.
func TestDeclaredLengthsTakeNoMemory(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	s, _ := run(t, cfg)
	for _, send := range []string{"*1048576\r\n", "*2\r\n$4\r\nECHO\r\n$67108864\r\n", "*1048576\r\n$67108864\r\nx"} {
		c := dial(t, cfg.RESP)
		_, _ = io.WriteString(c, send)
	}
	last := dial(t, cfg.RESP)
	_, _ = io.WriteString(last, "PING\r\n")
	_, _ = bufio.NewReader(last).ReadString('\n')
	if n := memory(s); n > 64<<10 {
		t.Errorf("clients hold %d bytes", n)
	}
}

// Before AUTH a client has a deadline, and little room for replies.
func TestBeforeAuth(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.Password, cfg.AuthTimeout = "secret", 500*time.Millisecond
	run(t, cfg)
	member := dial(t, cfg.RESP)
	_, _ = io.WriteString(member, "AUTH secret\r\n")
	in := bufio.NewReader(member)
	if got, _ := in.ReadString('\n'); got != "+OK\r\n" {
		t.Fatal(got)
	}
	stranger := dial(t, cfg.RESP)
	if b, err := io.ReadAll(stranger); len(b) != 0 || err != nil {
		t.Errorf("a stranger that says nothing got %q, %v", b, err)
	}
	_, _ = io.WriteString(member, "GET k\r\n")
	if got, err := in.ReadString('\n'); got != "$-1\r\n" {
		t.Errorf("after the deadline of strangers a client got %q, %v", got, err)
	}
}

// The deadline of a handshake counts from the connection, however long the node
// has run.
func TestHandshakeDeadline(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t)
	cfg.IdleTimeout = time.Second
	cfg.Name, cfg.Initial = "n1", "n1="+cfg.Peer+",n2="+freeAddress(t)
	s, _ := run(t, cfg)
	s.ask(func() { s.handshake = 200 * time.Millisecond })
	ends := func(address string) chan time.Time {
		c, ended := dial(t, address), make(chan time.Time, 1)
		go func() { _, _ = io.ReadAll(c); ended <- time.Now() }()
		return ended
	}
	<-ends(cfg.RESP) // so long has it run at least
	<-ends(cfg.RESP)
	client, peer := ends(cfg.RESP), ends(cfg.Peer)
	if c, p := <-client, <-peer; p.After(c) {
		t.Errorf("a stranger on the port between nodes was closed %v after a client that was idle", p.Sub(c))
	}
}

// startCluster runs three nodes, and returns them when all are ready.
func startCluster(t testing.TB) (nodes [3]*Server, stop [3]func() error) {
	t.Helper()
	var list []string
	var cfg [3]config.Config
	for i := range cfg {
		cfg[i] = testConfig(t)
		cfg[i].Name, cfg[i].HTTP = fmt.Sprintf("n%d", i+1), freeAddress(t)
		list = append(list, cfg[i].Name+"="+cfg[i].Peer)
	}
	for i := range cfg {
		cfg[i].Initial = strings.Join(list, ",")
		if err := cfg[i].Complete(); err != nil {
			t.Fatal(err)
		}
		nodes[i], stop[i] = run(t, cfg[i])
	}
	until(t, "a cluster", func() bool {
		for _, s := range nodes {
			if get(s, "GET", "/readyz", "").Code != 200 {
				return false
			}
		}
		return command(t, nodes[0], `{"command":["DEL","none"]}`).status == 200
	})
	return nodes, stop
}

// leader is the index of the node that leads the group of keyspace main.
func leader(nodes [3]*Server) (at int) {
	nodes[0].ask(func() {
		for _, g := range nodes[0].node.Groups() {
			if g.ID == 1 {
				at = int(g.Leader) - 1
			}
		}
	})
	return at
}

// A stopping node answers what it has taken, and does nothing that it does not
// answer: whether it leads, or waits for another node's answer.
func TestStopAnswersWhatWasTaken(t *testing.T) {
	t.Parallel()
	for name, leads := range map[string]bool{"leader": true, "follower": false} {
		t.Run(name, func(t *testing.T) {
			nodes, stop := startCluster(t)
			at := leader(nodes)
			if !leads {
				at = (at + 1) % 3
			}
			cfg, other := nodes[at].cfg, nodes[(at+1)%3]
			c := dial(t, cfg.RESP)
			go func() {
				for i := 0; ; i++ {
					if _, err := fmt.Fprintf(c, "SET key:%d v\r\n", i); err != nil {
						return
					}
				}
			}()
			in, answered := bufio.NewReader(c), 0
			next := func() bool {
				line, err := in.ReadString('\n')
				if err == nil && line != "+OK\r\n" {
					t.Errorf("a write got %q", line)
				}
				return err == nil
			}
			for answered < 5000 && next() {
				answered++
			}
			stopped := make(chan error, 1)
			go func() { stopped <- stop[at]() }()
			for next() {
				answered++
			}
			if err := <-stopped; err != nil {
				t.Fatal(err)
			}
			for _, address := range []string{cfg.RESP, cfg.HTTP, cfg.Peer} {
				if c, err := net.Dial("tcp", address); err == nil {
					c.Close()
					t.Errorf("%s still takes connections", address)
				}
			}
			if a := command(t, other, `{"command":["DBSIZE"]}`); a.Reply != float64(answered) {
				t.Errorf("%d writes were answered, %v were done", answered, a.Reply)
			}
		})
	}
}

// runLogged is run with a log.
func runLogged(t *testing.T, cfg config.Config, log *slog.Logger) *Server {
	t.Helper()
	s, err := Open(cfg, log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s
}
