package parley

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parleydb/parley/internal/dev"
	"github.com/parleydb/parley/internal/lab"
)

// target is a Parley cluster.
type target struct {
	version   string
	nodes     []string
	addresses []string
	dir       string // of its `parley dev`; "" if it is none
	out       io.Writer
	stop      func() error

	mu   sync.Mutex
	gone map[string]bool // guarded by mu: nodes that must not come back
}

// Connect opens a cluster that runs already: spec is "host:port,host:port", one
// for each node, and "?dir=DIR" if it is one of `parley dev` on that directory,
// in which faults can be made.
func Connect(ctx context.Context, spec string, out io.Writer) (lab.Target, error) {
	hosts, query, err := split(spec)
	if err != nil {
		return nil, err
	}
	t := &target{out: out, dir: query.Get("dir"), stop: func() error { return nil }, gone: map[string]bool{}}
	if err := only(query, "dir"); err != nil {
		return nil, err
	}
	if t.dir != "" {
		cluster, err := dev.Read(t.dir)
		if err != nil {
			return nil, err
		}
		t.use(cluster)
		if hosts != "" && hosts != strings.Join(t.addresses, ",") {
			return nil, fmt.Errorf("the cluster on %s has %s: give these addresses, or none", t.dir, strings.Join(t.addresses, ","))
		}
		return t, t.ask(ctx)
	}
	for _, a := range strings.Split(hosts, ",") {
		if _, _, err := net.SplitHostPort(a); err != nil {
			return nil, fmt.Errorf("address %q: want host:port of each node's Redis port, with commas between", a)
		}
		t.addresses = append(t.addresses, a)
		t.nodes = append(t.nodes, fmt.Sprintf("n%d", len(t.nodes)+1))
	}
	return t, t.ask(ctx)
}

// split takes a spec apart at its query.
func split(spec string) (hosts string, query url.Values, err error) {
	hosts, raw, _ := strings.Cut(spec, "?")
	query, err = url.ParseQuery(raw)
	return hosts, query, err
}

// only refuses what a query must not have.
func only(query url.Values, names ...string) error {
	for k := range query {
		if !slices.Contains(names, k) {
			return fmt.Errorf("unknown parameter %q; there are %s", k, strings.Join(names, ", "))
		}
	}
	return nil
}

func (t *target) use(c dev.Cluster) {
	for _, n := range c.Nodes {
		t.nodes, t.addresses = append(t.nodes, n.Name), append(t.addresses, n.RESP)
	}
}

// ask finds out what runs there, from the first node that answers.
func (t *target) ask(ctx context.Context) error {
	var failed error
	for n := range t.nodes {
		text, err := t.info(ctx, n, "server")
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		_, rest, ok := strings.Cut(text, "parley_version:")
		if !ok {
			return fmt.Errorf("what answers at %s is not Parley", t.addresses[n])
		}
		t.version, _, _ = strings.Cut(rest, "\r")
		return nil
	}
	return fmt.Errorf("no node answers: %w", failed)
}

// Name implements lab.Target.
func (t *target) Name() string {
	if t.version == "" {
		return "Parley"
	}
	return "Parley " + t.version
}

// Nodes implements lab.Target.
func (t *target) Nodes() []string { return t.nodes }

// Levels implements lab.Target.
func (t *target) Levels() []string {
	return []string{"linearizable", "session", "causal", "bounded:<duration>", "eventual"}
}

// Open implements lab.Target.
func (t *target) Open(ctx context.Context, s lab.Session) (lab.Client, error) {
	c, err := open(ctx, t.addresses[s.Node], t.nodes[s.Node], s)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Close implements lab.Target.
func (t *target) Close() error { return t.stop() }

// stopTimeout bounds how long a cluster may take to stop.
const stopTimeout = 2 * time.Minute
