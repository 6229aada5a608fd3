package etcd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/parleydb/parley/internal/lab/servers"
)

// Options say what Start starts.
type Options struct {
	Nodes int // 3 if zero
}

// cluster is members that the lab started.
type cluster struct {
	*servers.Cluster
	program string
	members []member
}

type member struct {
	client string // its address for clients
	peer   string // where it listens for the others
	proxy  string // where the others find it
}

// Start starts members from the etcd on the path, each with its data below a
// temporary directory, and waits until all of them serve.
func Start(ctx context.Context, o Options) (*Target, error) {
	if o.Nodes == 0 {
		o.Nodes = 3
	}
	if o.Nodes < 1 || o.Nodes > 9 {
		return nil, fmt.Errorf("etcd with %d members: 1 to 9 are possible", o.Nodes)
	}
	program, err := exec.LookPath("etcd")
	if err != nil {
		return nil, fmt.Errorf("etcd is not installed: %w (on Debian: apt-get install etcd-server)", err)
	}
	own, err := servers.New("parley-etcd-")
	if err != nil {
		return nil, err
	}
	t := &Target{cluster: &cluster{Cluster: own, program: program}}
	if err := t.start(ctx, o.Nodes); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

func (t *Target) start(ctx context.Context, nodes int) error {
	c := t.cluster
	ports, err := servers.FreePorts(2 * nodes)
	if err != nil {
		return err
	}
	for i := range nodes {
		m := member{client: fmt.Sprintf("127.0.0.1:%d", ports[2*i]), peer: fmt.Sprintf("127.0.0.1:%d", ports[2*i+1])}
		t.names, t.clients = append(t.names, fmt.Sprintf("n%d", i+1)), append(t.clients, m.client)
		c.Add(t.names[i])
		if m.proxy, err = c.Proxy(i, m.peer); err != nil {
			return err
		}
		c.members = append(c.members, m)
	}
	for i := range nodes {
		if err := c.run(i); err != nil {
			return err
		}
	}
	for i := range nodes {
		if err := c.serves(ctx, i); err != nil {
			return err
		}
	}
	return t.ask(ctx)
}

// run starts a member's process.
func (c *cluster) run(i int) error {
	var all []string
	for k, m := range c.members {
		all = append(all, fmt.Sprintf("n%d=http://%s", k+1, m.proxy))
	}
	m := c.members[i]
	return c.Run(i, c.program, "--name", fmt.Sprintf("n%d", i+1),
		"--data-dir", filepath.Join(c.Dir(), fmt.Sprintf("n%d", i+1)),
		"--listen-client-urls", "http://"+m.client, "--advertise-client-urls", "http://"+m.client,
		"--listen-peer-urls", "http://"+m.peer, "--initial-advertise-peer-urls", "http://"+m.proxy,
		"--initial-cluster", strings.Join(all, ","), "--initial-cluster-state", "new",
		"--initial-cluster-token", filepath.Base(c.Dir()))
}

// serves waits until a member answers a linearizable read: it is up, and has
// found the others.
func (c *cluster) serves(ctx context.Context, i int) error {
	g := newGateway(c.members[i].client)
	defer g.close()
	return c.Until(ctx, i, func(ctx context.Context) error {
		var res rangeResponse
		return g.post(ctx, "/v3/kv/range", rangeRequest{Key: []byte("?")}, &res)
	})
}

// again runs a member that was killed, and waits until it takes connections. It
// does not serve them before it has found a majority, which a fault may prevent.
func (c *cluster) again(ctx context.Context, i int) error {
	if err := c.run(i); err != nil {
		return err
	}
	return c.Until(ctx, i, func(ctx context.Context) error {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", c.members[i].client)
		if err == nil {
			_ = conn.Close()
		}
		return err
	})
}
