package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/parleydb/parley/internal/dev"
)

// TestMain lets the test binary be the program that dev starts. Nothing may be
// left in the directory of temporary files.
func TestMain(m *testing.M) {
	if os.Getenv("PARLEY_TEST_SERVE") == "1" {
		main()
		return
	}
	os.Exit(run(m))
}

func run(m *testing.M) (code int) {
	dir, err := os.MkdirTemp("", "pt") // short: sockets lie in it
	if err == nil {
		err = os.Setenv("TMPDIR", dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code = m.Run()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		fmt.Fprintf(os.Stderr, "left behind in %s: %v, %v\n", dir, left, err)
		code = 1
	}
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	return code
}

type cluster struct {
	t    *testing.T
	dir  string
	port int
}

// startCluster runs a development cluster of three real processes.
func startCluster(t *testing.T) *cluster {
	t.Helper()
	port, err := dev.FreePort(3)
	must(t, err)
	c := &cluster{t: t, dir: t.TempDir(), port: port}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	ready := make(chan struct{})
	go func() {
		done <- dev.Run(ctx, dev.Options{
			Nodes: 3, Dir: c.dir, Port: c.port, Out: &readySignal{ready: ready},
			Env: []string{"PARLEY_TEST_SERVE=1"},
		})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("the cluster stopped with: %v", err)
		}
	})
	select {
	case <-ready:
	case err := <-done:
		done <- nil
		t.Fatalf("the cluster did not start: %v", err)
	}
	return c
}

// readySignal closes ready at dev's line that begins with it.
type readySignal struct {
	once  sync.Once
	ready chan struct{}
	text  strings.Builder
}

func (w *readySignal) Write(p []byte) (int, error) {
	w.text.Write(p)
	if strings.Contains(w.text.String(), "\nready") {
		w.once.Do(func() { close(w.ready) })
	}
	return len(p), nil
}

func (c *cluster) client(node int) *redis.Client {
	r := redis.NewClient(&redis.Options{
		Addr: fmt.Sprintf("127.0.0.1:%d", c.port+node-1), MaxRetries: -1, ReadTimeout: 10 * time.Second,
	})
	c.t.Cleanup(func() { _ = r.Close() })
	return r
}

func (c *cluster) fault(op string, nodes ...string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if _, err := dev.Inject(ctx, c.dir, dev.Fault{Op: op, Nodes: nodes}); err != nil {
		c.t.Fatalf("fault %s %v: %v", op, nodes, err)
	}
}

func TestClusterWithGoRedis(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c := startCluster(t)
	n1, n2, n3 := c.client(1), c.client(2), c.client(3)

	t.Run("a write at one node is read at another", func(t *testing.T) {
		must(t, n1.Set(ctx, "k", "v", 0).Err())
		for _, n := range []*redis.Client{n1, n2, n3} {
			if got, err := n.Get(ctx, "k").Result(); err != nil || got != "v" {
				t.Fatalf("GET: %q, %v", got, err)
			}
		}
	})
	t.Run("transactions", func(t *testing.T) {
		err := n2.Watch(ctx, func(tx *redis.Tx) error {
			must(t, n3.Set(ctx, "k", "other", 0).Err())
			_, err := tx.TxPipelined(ctx, func(p redis.Pipeliner) error { return p.Set(ctx, "k", "mine", 0).Err() })
			return err
		}, "k")
		if !errors.Is(err, redis.TxFailedErr) {
			t.Fatalf("EXEC after a change of a watched key: %v", err)
		}
	})
	t.Run("once", func(t *testing.T) {
		for _, n := range []*redis.Client{n1, n2, n3} {
			if got, err := n.Do(ctx, "ONCE", "id-1", "INCR", "counter").Int(); err != nil || got != 1 {
				t.Fatalf("ONCE: %d, %v", got, err)
			}
		}
	})
	t.Run("a pipeline keeps its order", func(t *testing.T) {
		p := n2.Pipeline()
		var gets []*redis.StringCmd
		for i := range 200 {
			p.Set(ctx, "p", i, 0)
			gets = append(gets, p.Get(ctx, "p"))
		}
		_, err := p.Exec(ctx)
		must(t, err)
		for i, g := range gets {
			if g.Val() != fmt.Sprint(i) {
				t.Fatalf("GET %d in the pipeline answered %q", i, g.Val())
			}
		}
	})
	t.Run("keyspaces", func(t *testing.T) {
		must(t, n1.Do(ctx, "KEYSPACE", "CREATE", "carts", "SHARDS", "4").Err())
		conn := c.client(1).Conn() // of its own: the pool keeps what SELECT chose
		defer conn.Close()
		must(t, conn.Do(ctx, "SELECT", "carts").Err())
		for i := range 20 {
			must(t, conn.Set(ctx, fmt.Sprint("c", i), i, 0).Err())
		}
		if n, err := conn.DBSize(ctx).Result(); err != nil || n != 20 {
			t.Fatalf("DBSIZE over four shards: %d, %v", n, err)
		}
		if got, err := conn.Keys(ctx, "c1*").Result(); err != nil || len(got) != 11 {
			t.Fatalf("KEYS over four shards: %v, %v", got, err)
		}
		if err := n1.Get(ctx, "c1").Err(); !errors.Is(err, redis.Nil) {
			t.Fatalf("a key of carts is seen in main: %v", err)
		}
	})
	t.Run("a minority says so", func(t *testing.T) {
		c.fault("isolate", "n1")
		conn := n1.Conn()
		defer conn.Close()
		must(t, conn.Do(ctx, "CLIENT", "DEADLINE", "1500").Err())
		if err := conn.Get(ctx, "k").Err(); err == nil || !strings.HasPrefix(err.Error(), "UNAVAILABLE") {
			t.Fatalf("a linearizable read on a minority: %v", err)
		}
		if got, err := conn.Do(ctx, "AT", "eventual", "GET", "k").Text(); err != nil || got != "other" {
			t.Fatalf("an eventual read on a minority: %q, %v", got, err)
		}
		writeOnce(t, n2, "majority", "SET", "k", "majority")
		c.fault("heal")
		if got, err := n1.Get(ctx, "k").Result(); err != nil || got != "majority" {
			t.Fatalf("after healing: %q, %v", got, err)
		}
	})
}

// TestSlowClockDoesNotHideStaleness: a node whose clock is behind must not take
// an old state for a fresh one.
func TestSlowClockDoesNotHideStaleness(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c := startCluster(t)
	n1, n3 := c.client(1), c.client(3)
	must(t, n1.Set(ctx, "k", "old", 0).Err())
	must(t, n3.Do(ctx, "CLIENT", "DEADLINE", "1000").Err())
	if _, err := dev.Inject(ctx, c.dir, dev.Fault{Op: "clock", Nodes: []string{"n3"}, Duration: "-10s"}); err != nil {
		t.Fatal(err)
	}
	c.fault("isolate", "n3")
	writeOnce(t, n1, "new", "SET", "k", "new")
	written := time.Now()
	for {
		late := time.Since(written) > 2*time.Second
		got, err := n3.Do(ctx, "AT", "bounded:500ms", "GET", "k").Text()
		if late && err == nil {
			t.Fatalf("2 s after a write a read bounded by 500 ms answered %q", got)
		}
		if late && !strings.HasPrefix(err.Error(), "TOOSTALE") {
			t.Fatalf("a bounded read on a node that is cut off: %v", err)
		}
		if late {
			return
		}
	}
}

// writeOnce writes at the majority when a node was cut off. If that one led, what
// was passed to it is unknown; with an id it may be repeated.
func writeOnce(t *testing.T, node *redis.Client, id string, command ...any) {
	t.Helper()
	for try := 0; node.Do(context.Background(), append([]any{"ONCE", id}, command...)...).Err() != nil; try++ {
		if try == 20 {
			t.Fatal("the majority took no write in 20 deadlines")
		}
	}
}

// TestNoAcknowledgedWriteIsLost kills each node in turn while a client adds to
// a counter by ids: each acknowledged addition must be in the end, none twice.
func TestNoAcknowledgedWriteIsLost(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c := startCluster(t)
	clients := []*redis.Client{c.client(1), c.client(2), c.client(3)}
	done := make(chan struct{})
	type tally struct{ added, unresolved int }
	counted := make(chan tally)
	go func() {
		var n tally
		for i := 0; ; i++ {
			select {
			case <-done:
				counted <- n
				return
			default:
			}
			switch addOnce(ctx, clients, fmt.Sprint("add-", i)) {
			case true:
				n.added++
			case false:
				n.unresolved++
			}
		}
	}()
	for _, name := range []string{"n1", "n2", "n3"} {
		c.fault("kill", name)
		c.fault("restart", name)
	}
	close(done)
	n := <-counted
	got, err := clients[0].Get(ctx, "total").Int()
	must(t, err)
	if got != n.added || n.added == 0 || n.unresolved > 0 {
		t.Fatalf("the counter is %d after %d acknowledged additions, %d unresolved", got, n.added, n.unresolved)
	}
	t.Logf("%d additions over three kills", n.added)
}

// addOnce tries one id at one node after the other until it is acknowledged.
func addOnce(ctx context.Context, clients []*redis.Client, id string) bool {
	for try := range 1000 {
		if clients[try%len(clients)].Do(ctx, "ONCE", id, "INCR", "total").Err() == nil {
			return true
		}
	}
	return false
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
