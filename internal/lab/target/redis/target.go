package redis

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/parleydb/parley/internal/lab"
	"github.com/parleydb/parley/internal/lab/respclient"
)

// The levels of a session.
const (
	Primary = "primary"
	Replica = "replica"
	Wait    = "wait"
)

// patience is how long WAIT waits for the replicas.
const patience = time.Second

// Target is a Redis primary with its replicas under test.
type Target struct {
	version  string
	names    []string
	servers  []string // their addresses
	password string
	patience time.Duration
	cluster  *cluster // nil if others started it

	mu      sync.Mutex
	primary int // of those that the lab started; guarded by mu
}

var (
	_ lab.Target = (*Target)(nil)
	_ lab.Client = (*client)(nil)
)

// Connect takes servers that run already, by their addresses. One of them must
// be the primary. No faults can be made there.
func Connect(ctx context.Context, password string, addresses ...string) (*Target, error) {
	t := &Target{password: password, patience: patience}
	for i, a := range addresses {
		if _, _, err := net.SplitHostPort(a); err != nil {
			return nil, fmt.Errorf("redis address %q: %w; it is host:port, as in redis://127.0.0.1:6379", a, err)
		}
		t.names, t.servers = append(t.names, fmt.Sprintf("n%d", i+1)), append(t.servers, a)
	}
	if len(addresses) == 0 {
		return nil, errors.New("no address of a redis server was given")
	}
	if _, err := t.Primary(ctx); err != nil {
		return nil, err
	}
	return t, t.ask(ctx)
}

// ask finds the version, and that all servers answer.
func (t *Target) ask(ctx context.Context) error {
	for i := range t.servers {
		info, err := t.info(ctx, i, "server")
		if err != nil {
			return err
		}
		t.version = info["redis_version"]
	}
	return nil
}

// Name is the database with its version.
func (t *Target) Name() string {
	if t.cluster != nil && len(t.cluster.sentinels) > 0 {
		return "Redis " + t.version + " with Sentinel"
	}
	return "Redis " + t.version
}

// Nodes are the names of the servers.
func (t *Target) Nodes() []string { return t.names }

// Levels are primary, and where there are replicas replica and wait.
func (t *Target) Levels() []string {
	if len(t.names) == 1 {
		return []string{Primary}
	}
	return []string{Primary, Replica, Wait}
}

// majority is how many replicas WAIT waits for: with the primary, more than
// half of all, or half of two.
func (t *Target) majority() int { return len(t.names) / 2 }

// Open starts a session. At level replica it reads from s.Node; otherwise
// everything goes to the primary.
func (t *Target) Open(ctx context.Context, s lab.Session) (lab.Client, error) {
	if s.Node < 0 || s.Node >= len(t.names) {
		return nil, fmt.Errorf("there is no server %d; there are %d, counted from 0", s.Node, len(t.names))
	}
	if s.Level == "" {
		s.Level = Primary
	}
	if !slices.Contains(t.Levels(), s.Level) {
		return nil, fmt.Errorf("this redis has no level %q; it has %s", s.Level, strings.Join(t.Levels(), ", "))
	}
	c := &client{t: t, node: s.Node, level: s.Level, model: s.Model}
	if _, _, err := c.conn(ctx, true); err != nil {
		return nil, err
	}
	return c, nil
}

// Primary is the server that takes writes.
func (t *Target) Primary(ctx context.Context) (int, error) {
	if t.cluster != nil && len(t.cluster.sentinels) > 0 {
		return t.elected(ctx)
	}
	if t.cluster != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		return t.primary, nil
	}
	var all error
	for i := range t.servers {
		r, err := t.role(ctx, i)
		if err == nil && r.primary {
			return i, nil
		}
		all = errors.Join(all, err)
	}
	return 0, errors.Join(fmt.Errorf("none of %s is a redis primary", strings.Join(t.servers, ", ")), all)
}

// Leader implements lab.Led.
func (t *Target) Leader(ctx context.Context) (int, error) { return t.Primary(ctx) }

// role is what a server says of its part in replication.
type role struct {
	primary   bool
	connected bool  // a replica: to its primary
	offset    int64 // a replica: how far it has come
}

func (t *Target) role(ctx context.Context, i int) (r role, err error) {
	info, err := t.info(ctx, i, "replication")
	if err != nil {
		return role{}, err
	}
	r.primary, r.connected = info["role"] == "master", info["master_link_status"] == "up"
	if !r.primary {
		r.offset, err = strconv.ParseInt(info["slave_repl_offset"], 10, 64)
	}
	return r, err
}

// info is a section of INFO.
func (t *Target) info(ctx context.Context, i int, section string) (map[string]string, error) {
	reply, err := t.command(ctx, i, "INFO", section)
	if err != nil {
		return nil, err
	}
	fields := make(map[string]string)
	for line := range strings.Lines(reply.Str) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[name] = value
		}
	}
	return fields, nil
}

// dial connects to a server and makes sure that it serves.
func (t *Target) dial(ctx context.Context, i int) (*respclient.Conn, error) {
	c, err := respclient.Dial(ctx, t.servers[i])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.names[i], err)
	}
	first := []string{"PING"}
	if t.password != "" {
		first = []string{"AUTH", t.password}
	}
	if _, err := c.One(ctx, first...); err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("%s (%s): %w", t.names[i], t.servers[i], err)
	}
	return c, nil
}

// Close stops what was started, and removes its data.
func (t *Target) Close() error {
	if t.cluster == nil {
		return nil
	}
	return t.cluster.Close()
}

// Addresses are those of the servers.
func (t *Target) Addresses() []string { return t.servers }
