package etcd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/parleydb/parley/internal/lab"
)

// The levels of a session.
const (
	Linearizable = "linearizable"
	Serializable = "serializable"
)

// Target is an etcd cluster under test.
type Target struct {
	version string
	names   []string
	clients []string // addresses of the members
	cluster *cluster // nil if others started it
}

var (
	_ lab.Target = (*Target)(nil)
	_ lab.Client = (*client)(nil)
)

// Connect takes members that run already, by their client addresses. No faults
// can be made there.
func Connect(ctx context.Context, addresses ...string) (*Target, error) {
	t := &Target{}
	for i, a := range addresses {
		if _, _, err := net.SplitHostPort(a); err != nil {
			return nil, fmt.Errorf("etcd address %q: %w; it is host:port, as in etcd://127.0.0.1:2379", a, err)
		}
		t.names = append(t.names, fmt.Sprintf("n%d", i+1))
		t.clients = append(t.clients, a)
	}
	return t, t.ask(ctx)
}

// ask finds the version, and that the members answer.
func (t *Target) ask(ctx context.Context) error {
	if len(t.clients) == 0 {
		return errors.New("no address of an etcd member was given")
	}
	for _, a := range t.clients {
		g := newGateway(a)
		s, err := g.status(ctx)
		g.close()
		if err != nil {
			return fmt.Errorf("no etcd answers at %s: %w", a, err)
		}
		t.version = s.Version
	}
	return nil
}

// Name is the database with its version.
func (t *Target) Name() string { return "etcd " + t.version }

// Nodes are the names of the members.
func (t *Target) Nodes() []string { return t.names }

// Levels are linearizable and serializable.
func (t *Target) Levels() []string { return []string{Linearizable, Serializable} }

// Open starts a session with a member.
func (t *Target) Open(ctx context.Context, s lab.Session) (lab.Client, error) {
	if s.Node < 0 || s.Node >= len(t.names) {
		return nil, fmt.Errorf("there is no member %d; there are %d, counted from 0", s.Node, len(t.names))
	}
	if s.Level == "" {
		s.Level = Linearizable
	}
	if s.Level != Linearizable && s.Level != Serializable {
		return nil, fmt.Errorf("etcd has no level %q; it has %s", s.Level, strings.Join(t.Levels(), ", "))
	}
	g := newGateway(t.clients[s.Node])
	if _, err := g.status(ctx); err != nil {
		g.close()
		return nil, fmt.Errorf("%s (%s) does not answer: %w", t.names[s.Node], t.clients[s.Node], err)
	}
	return &client{gate: g, node: t.names[s.Node], level: s.Level}, nil
}

// Leader is the member that a member takes for the leader, the first that takes
// any. It implements lab.Led.
func (t *Target) Leader(ctx context.Context) (int, error) {
	var all []statusResponse
	for _, a := range t.clients {
		g := newGateway(a)
		once, cancel := context.WithTimeout(ctx, time.Second) // it may stand still
		s, err := g.status(once)
		cancel()
		g.close()
		if err != nil {
			s = statusResponse{}
		}
		all = append(all, s)
	}
	for _, s := range all {
		for i, other := range all {
			if s.Leader != "" && other.Header.Member == s.Leader {
				return i, nil
			}
		}
	}
	return -1, errors.New("no member of etcd knows a leader that answers")
}

// Close stops what was started, and removes its data.
func (t *Target) Close() error {
	if t.cluster == nil {
		return nil
	}
	return t.cluster.Close()
}
