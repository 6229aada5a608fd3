package idea

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/parleydb/parley/internal/dev"
	"github.com/parleydb/parley/internal/lab/story"
)

const (
	firstPort = 7600 // where a search for free ports begins
	lastPort  = 9500
	patience  = 30 * time.Second // until what must come has come
	poll      = 10 * time.Millisecond
)

func portFlag(f *pflag.FlagSet, port *int) {
	f.IntVar(port, "port", 0, fmt.Sprintf("port of n1 for Redis clients, as for 'parley dev' (default: free ones from %d)", firstPort))
}

// cluster is a cluster of real processes that a story breaks.
type cluster struct {
	dir   string
	nodes []dev.Node
	stop  context.CancelFunc
	done  chan error // of the supervisor
	conns []*conn
}

// start runs a cluster of three and waits until it serves. The caller closes
// it. More flags for its nodes may be given.
func start(ctx context.Context, s *story.Stage, port int, serve ...string) (*cluster, error) {
	if port == 0 {
		var err error
		if port, err = freePort(3); err != nil {
			return nil, err
		}
	}
	dir, err := os.MkdirTemp("", "parley-lab-")
	if err != nil {
		return nil, err
	}
	s.Say("Starting three nodes, each a process of its own ...")
	supervised, stop := context.WithCancel(ctx)
	c := &cluster{dir: dir, stop: stop, done: make(chan error, 1)}
	go func() {
		c.done <- dev.Run(supervised, dev.Options{Nodes: 3, Dir: dir, Port: port, Serve: serve})
	}()
	for {
		state, err := dev.Read(dir)
		if err == nil && ready(state) {
			c.nodes = state.Nodes
			return c, nil
		}
		select {
		case err := <-c.done:
			return nil, errors.Join(ctx.Err(), err, os.RemoveAll(dir))
		case <-time.After(poll):
		}
	}
}

func ready(c dev.Cluster) bool {
	for _, n := range c.Nodes {
		if n.State != dev.StateReady {
			return false
		}
	}
	return len(c.Nodes) > 0
}

// close ends the cluster and removes its data.
func (c *cluster) close() {
	for _, n := range c.conns {
		n.close()
	}
	c.stop()
	<-c.done
	_ = os.RemoveAll(c.dir) // a temporary directory at worst stays
}

// freePort is one at which a cluster of so many nodes finds all its ports free.
func freePort(nodes int) (int, error) {
	for port := firstPort; port <= lastPort-1000; port += 10 {
		if free(port, nodes) {
			return port, nil
		}
	}
	return 0, fmt.Errorf("no free ports from %d on: choose with --port", firstPort)
}

func free(port, nodes int) bool {
	for i := range nodes {
		for _, offset := range []int{0, 1000, 2000} {
			l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port+offset+i)))
			if err != nil {
				return false
			}
			_ = l.Close()
		}
	}
	return true
}

// fault breaks the cluster as `parley fault` does.
func (c *cluster) fault(ctx context.Context, f dev.Fault) error {
	if _, err := dev.Inject(ctx, c.dir, f); err != nil {
		return fmt.Errorf("%s: %w", faultText(f), err)
	}
	return nil
}

// faults makes several faults, one after the other.
func (c *cluster) faults(ctx context.Context, faults ...dev.Fault) error {
	for _, f := range faults {
		if err := c.fault(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

// faultText is a fault as its command line.
func faultText(f dev.Fault) string {
	text := "parley fault " + f.Op
	for _, n := range f.Nodes {
		text += " " + n
	}
	if f.Duration != "" {
		text += " " + f.Duration
	}
	if n := max(f.Percent, f.Bytes); n > 0 {
		text += " " + strconv.Itoa(n)
	}
	if f.OneWay {
		text += " --one-way"
	}
	return text
}

// name is what node i is called.
func (c *cluster) name(i int) string { return c.nodes[i].Name }

// others are all nodes but some.
func (c *cluster) others(not ...int) (nodes []int) {
	for i := range c.nodes {
		wanted := true
		for _, n := range not {
			wanted = wanted && i != n
		}
		if wanted {
			nodes = append(nodes, i)
		}
	}
	return nodes
}

// nodeStatus is what the lab reads of GET /status.
type nodeStatus struct {
	Nodes []struct {
		ID   uint64 `json:"id"`
		Name string `json:"name"`
	} `json:"nodes"`
	Groups []struct {
		ID      uint64 `json:"id"`
		Leader  uint64 `json:"leader"`
		Applied uint64 `json:"applied"`
		Commit  uint64 `json:"commit"`
	} `json:"groups"`
}

// mainGroup is the group of keyspace main.
const mainGroup = 1

func (c *cluster) status(ctx context.Context, node int) (st nodeStatus, err error) {
	text, err := c.get(ctx, node, "/status")
	if err == nil {
		err = json.Unmarshal(text, &st)
	}
	return st, err
}

// get asks a node by HTTP.
func (c *cluster) get(ctx context.Context, node int, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.nodes[node].HTTP+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s", c.name(node), resp.Status)
	}
	return io.ReadAll(io.LimitReader(resp.Body, 16<<20))
}

// leader waits until the given nodes agree on a leader of keyspace main that is
// one of them.
func (c *cluster) leader(ctx context.Context, among ...int) (leader int, err error) {
	return leader, await(ctx, "a leader that all reachable nodes know", func() bool {
		leader = -1
		for _, n := range among {
			l := c.leaderSeenBy(ctx, n)
			if l < 0 || leader >= 0 && l != leader {
				return false
			}
			leader = l
		}
		for _, n := range among {
			if n == leader {
				return true
			}
		}
		return false
	})
}

// leaderSeenBy is the leader of keyspace main that a node knows, -1 if none.
func (c *cluster) leaderSeenBy(ctx context.Context, node int) int {
	st, err := c.status(ctx, node)
	if err != nil {
		return -1
	}
	for _, g := range st.Groups {
		if g.ID != mainGroup {
			continue
		}
		for _, m := range st.Nodes {
			for i := range c.nodes {
				if m.ID == g.Leader && m.Name == c.name(i) {
					return i
				}
			}
		}
	}
	return -1
}

// caughtUp waits until all nodes have applied what any of them has committed
// by now.
func (c *cluster) caughtUp(ctx context.Context) error {
	var target uint64
	for i := range c.nodes {
		_, committed, err := c.progress(ctx, i)
		if err != nil {
			return err
		}
		target = max(target, committed)
	}
	return await(ctx, "all nodes to have applied the log", func() bool {
		for i := range c.nodes {
			if applied, _, err := c.progress(ctx, i); err != nil || applied < target {
				return false
			}
		}
		return true
	})
}

// progress is how far a node has come in the log of keyspace main.
func (c *cluster) progress(ctx context.Context, node int) (applied, committed uint64, err error) {
	st, err := c.status(ctx, node)
	if err != nil {
		return 0, 0, err
	}
	for _, g := range st.Groups {
		if g.ID == mainGroup {
			return g.Applied, g.Commit, nil
		}
	}
	return 0, 0, fmt.Errorf("%s has no replica of keyspace main", c.name(node))
}

// logged waits until a node's log has the given words.
func (c *cluster) logged(ctx context.Context, node int, words string) error {
	path := filepath.Join(c.dir, c.name(node)+".log")
	return await(ctx, fmt.Sprintf("%q in the log of %s", words, c.name(node)), func() bool {
		text, err := os.ReadFile(path)
		return err == nil && strings.Contains(string(text), words)
	})
}

// await waits for a condition, not for a time.
func await(ctx context.Context, what string, ok func() bool) error {
	for deadline := time.Now().Add(patience); ; {
		if ok() {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("waited %v in vain for %s", patience, what)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(poll):
		}
	}
}
