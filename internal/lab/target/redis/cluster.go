package redis

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/parleydb/parley/internal/lab/servers"
	"github.com/parleydb/parley/internal/resp"
)

// Options say what Start starts.
type Options struct {
	Nodes int // the primary and its replicas; 2 if zero
}

// cluster is servers that the lab started.
type cluster struct {
	*servers.Cluster
	program string
	proxies []string // where each server is found by its replicas
}

// Start starts a primary and replicas from the redis-server on the path, with
// their data below a temporary directory, and waits until the replicas follow.
func Start(ctx context.Context, o Options) (*Target, error) {
	if o.Nodes == 0 {
		o.Nodes = 2
	}
	if o.Nodes < 1 || o.Nodes > 9 {
		return nil, fmt.Errorf("redis with %d servers: 1 to 9 are possible", o.Nodes)
	}
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, fmt.Errorf("redis is not installed: %w (on Debian: apt-get install redis-server)", err)
	}
	own, err := servers.New("parley-redis-")
	if err != nil {
		return nil, err
	}
	t := &Target{patience: patience, cluster: &cluster{Cluster: own, program: program}}
	if err := t.start(ctx, o.Nodes); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

func (t *Target) start(ctx context.Context, nodes int) error {
	c := t.cluster
	ports, err := servers.FreePorts(nodes)
	if err != nil {
		return err
	}
	for i, port := range ports {
		t.names = append(t.names, fmt.Sprintf("n%d", i+1))
		t.servers = append(t.servers, fmt.Sprintf("127.0.0.1:%d", port))
		address, err := c.Proxy(i, t.servers[i])
		if err != nil {
			return err
		}
		c.proxies = append(c.proxies, address)
		c.Add(t.names[i])
	}
	for i := range nodes {
		if err := t.run(i); err != nil {
			return err
		}
	}
	for i := range nodes {
		err := c.Until(ctx, i, func(ctx context.Context) error {
			r, err := t.role(ctx, i)
			if err == nil && i > 0 && !r.connected {
				return errors.New("it does not follow the primary")
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return t.ask(ctx)
}

// run starts a server's process, as the primary or a replica of it.
func (t *Target) run(i int) error {
	c := t.cluster
	dir := filepath.Join(c.Dir(), t.names[i])
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	_, port, err := net.SplitHostPort(t.servers[i])
	if err != nil {
		return err
	}
	args := []string{"--bind", "127.0.0.1", "--port", port, "--dir", dir, "--save", "", "--appendonly", "yes",
		"--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0"}
	t.mu.Lock()
	primary := t.primary
	t.mu.Unlock()
	if i != primary {
		host, port, err := net.SplitHostPort(c.proxies[primary])
		if err != nil {
			return err
		}
		args = append(args, "--replicaof", host+" "+port)
	}
	return c.Run(i, c.program, args...)
}

// command sends one command on a connection of its own.
func (t *Target) command(ctx context.Context, i int, args ...string) (resp.Reply, error) {
	c, err := t.dial(ctx, i)
	if err != nil {
		return resp.Reply{}, err
	}
	defer func() { _ = c.Close() }()
	return c.One(ctx, args...)
}
