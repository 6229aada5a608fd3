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
	Nodes    int  // the primary and its replicas; 2 if zero, 3 with Sentinel
	Sentinel bool // one beside each server, at least three; a majority of them decides on failovers
}

// cluster is servers that the lab started.
type cluster struct {
	*servers.Cluster
	program   string
	proxies   []string   // where each server is found by its replicas
	sentinels []sentinel // none: the lab does what an operator would
}

// Start starts a primary and replicas from the redis-server on the path, with
// their data below a temporary directory, and waits until the replicas follow.
func Start(ctx context.Context, o Options) (*Target, error) {
	least := 1
	if o.Sentinel {
		least = 3
	}
	if o.Nodes == 0 {
		o.Nodes = max(2, least)
	}
	if o.Nodes < least || o.Nodes > 9 {
		return nil, fmt.Errorf("redis with %d servers: %d to 9 are possible", o.Nodes, least)
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
	if err := t.start(ctx, o); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

func (t *Target) start(ctx context.Context, o Options) error {
	c := t.cluster
	ports, err := servers.FreePorts(2 * o.Nodes)
	if err != nil {
		return err
	}
	for i, port := range ports[:o.Nodes] {
		t.names = append(t.names, fmt.Sprintf("n%d", i+1))
		t.servers = append(t.servers, fmt.Sprintf("127.0.0.1:%d", port))
		c.Add(t.names[i])
		address, err := c.Proxy(i, t.servers[i])
		if err != nil {
			return err
		}
		c.proxies = append(c.proxies, address)
	}
	if err := t.runServers(ctx); err != nil {
		return err
	}
	if o.Sentinel {
		if err := t.watch(ctx, ports[o.Nodes:]); err != nil {
			return err
		}
	}
	return t.ask(ctx)
}

// runServers starts all servers, and waits until the replicas follow.
func (t *Target) runServers(ctx context.Context) error {
	c := t.cluster
	for i := range t.servers {
		if err := t.run(i); err != nil {
			return err
		}
	}
	for i := range t.servers {
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
	return nil
}

// run starts a server's process. The first time it is the primary or a replica
// of it. Later it is what its configuration says, which Sentinel writes; without
// Sentinel it is a replica of who is primary by then.
func (t *Target) run(i int) error {
	c := t.cluster
	file := filepath.Join(c.Dir(), t.names[i]+".conf")
	if _, err := os.Stat(file); err == nil && len(c.sentinels) > 0 {
		return c.Run(i, c.program, file)
	}
	config, err := t.config(i)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		return err
	}
	return c.Run(i, c.program, file)
}

// config is a server's configuration. It is found through its proxy, also when
// Sentinel makes it the primary.
func (t *Target) config(i int) (string, error) {
	c := t.cluster
	dir := filepath.Join(c.Dir(), t.names[i])
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(t.servers[i])
	if err != nil {
		return "", err
	}
	host, found, err := net.SplitHostPort(c.proxies[i])
	if err != nil {
		return "", err
	}
	t.mu.Lock()
	primary := t.primary
	t.mu.Unlock()
	text := fmt.Sprintf("bind 127.0.0.1\nport %s\ndir %q\nsave \"\"\nappendonly yes\nrepl-diskless-sync yes\nrepl-diskless-sync-delay 0\n"+
		"replica-announce-ip %s\nreplica-announce-port %s\n", port, dir, host, found)
	if i != primary {
		host, port, err := net.SplitHostPort(c.proxies[primary])
		if err != nil {
			return "", err
		}
		text += fmt.Sprintf("replicaof %s %s\n", host, port)
	}
	return text, nil
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
