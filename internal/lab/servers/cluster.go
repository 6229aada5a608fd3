package servers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/parleydb/parley/internal/lab/proxy"
)

// Cluster is the servers of one database, numbered from 0, their directory and
// the network between them.
// Its methods may be called from several goroutines.
type Cluster struct {
	dir string
	net *proxy.Network

	mu struct {
		sync.Mutex
		members []*member
		closed  bool
	}
}

type member struct {
	name    string
	node    int      // its end of the network: its own number, unless it was added beside another
	process *Process // nil before the first Run
}

// New makes a cluster without members, with a temporary directory.
func New(prefix string) (*Cluster, error) {
	dir, err := os.MkdirTemp("", prefix)
	if err != nil {
		return nil, err
	}
	return &Cluster{dir: dir, net: proxy.New()}, nil
}

// Dir is the cluster's directory, which Close removes.
func (c *Cluster) Dir() string { return c.dir }

// Add names another member, and gives its number.
func (c *Cluster) Add(name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.members = append(c.mu.members, &member{name: name, node: len(c.mu.members)})
	return len(c.mu.members) - 1
}

// AddBeside names a member on the machine of another: it shares that one's place
// in the network, so that what cuts the one cuts the other. It is no node of its
// own: no fault stops it. Such members come after all others.
func (c *Cluster) AddBeside(name string, node int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.members = append(c.mu.members, &member{name: name, node: node})
	return len(c.mu.members) - 1
}

// nodesLocked is how many members are nodes of their own.
func (c *Cluster) nodesLocked() (n int) {
	for i, m := range c.mu.members {
		if m.node == i {
			n++
		}
	}
	return n
}

// Run starts member i, which must not run. Its log is in the directory.
func (c *Cluster) Run(i int, program string, args ...string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.mu.members[i]
	switch {
	case c.mu.closed:
		return errors.New("the servers are being stopped")
	case m.runs():
		return fmt.Errorf("%s runs already", m.name)
	}
	p, err := Start(filepath.Join(c.dir, m.name+".log"), program, args...)
	if err != nil {
		return err
	}
	m.process = p
	return nil
}

func (m *member) runs() bool {
	if m.process == nil {
		return false
	}
	select {
	case <-m.process.Exited():
		return false
	default:
		return true
	}
}

// Runs says whether member i has a process.
func (c *Cluster) Runs(i int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.members[i].runs()
}

// Proxy is an address at which the other members find member i, which was added
// and serves at target: what passes there is subject to faults of the network.
func (c *Cluster) Proxy(i int, target string) (address string, err error) {
	c.mu.Lock()
	node := c.mu.members[i].node
	c.mu.Unlock()
	return c.net.Listen(node, target, proxy.FromProcess(c.ends))
}

// ends are the places of the members in the network, by process id.
func (c *Cluster) ends() map[int]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	ends := make(map[int]int)
	for _, m := range c.mu.members {
		if m.runs() {
			ends[m.process.PID()] = m.node
		}
	}
	return ends
}

// Until tries something with member i until it goes well, its process ends, or
// the context does.
func (c *Cluster) Until(ctx context.Context, i int, try func(context.Context) error) error {
	c.mu.Lock()
	m := c.mu.members[i]
	p := m.process
	c.mu.Unlock()
	for {
		once, cancel := context.WithTimeout(ctx, time.Second)
		err := try(once)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-p.Exited():
			return fmt.Errorf("%s ended: %s", m.name, p.LastWords())
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", m.name, err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Close kills all members, ends the network and removes the directory.
func (c *Cluster) Close() error {
	c.mu.Lock()
	c.mu.closed = true
	members := c.mu.members
	c.mu.Unlock()
	for _, m := range members {
		if m.process != nil {
			m.process.Kill()
		}
	}
	c.net.Close()
	return os.RemoveAll(c.dir)
}
