package redis

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/parleydb/parley/internal/lab/respclient"
	"github.com/parleydb/parley/internal/resp"
)

// sentinel is one of the processes that watch the servers.
type sentinel struct {
	member  int // in servers.Cluster
	address string
}

// The configuration of Sentinel: group is what the servers are called there,
// downAfter is how long a server does not answer before it is taken for dead, and
// failoverTimeout bounds a failover.
const (
	group           = "lab"
	downAfter       = 1500 * time.Millisecond
	failoverTimeout = 5 * time.Second
)

// watch starts a sentinel beside each server, and waits until all know of each
// other and of all servers.
func (t *Target) watch(ctx context.Context, ports []int) error {
	c := t.cluster
	for i, port := range ports {
		s := sentinel{address: fmt.Sprintf("127.0.0.1:%d", port)}
		s.member = c.AddBeside(fmt.Sprintf("sentinel%d", i+1), i)
		config, err := t.sentinelConfig(s, port)
		if err != nil {
			return err
		}
		file := filepath.Join(c.Dir(), fmt.Sprintf("sentinel%d.conf", i+1))
		if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
			return err
		}
		if err := c.Run(s.member, c.program, file, "--sentinel"); err != nil {
			return err
		}
		c.sentinels = append(c.sentinels, s)
	}
	for i, s := range c.sentinels {
		err := c.Until(ctx, s.member, func(ctx context.Context) error {
			fields, err := t.askSentinel(ctx, i)
			others := strconv.Itoa(len(t.servers) - 1)
			if err == nil && (fields["num-slaves"] != others || fields["num-other-sentinels"] != others) {
				err = fmt.Errorf("it knows %s of %s replicas and %s other sentinels", fields["num-slaves"], others, fields["num-other-sentinels"])
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *Target) sentinelConfig(s sentinel, port int) (string, error) {
	proxy, err := t.cluster.Proxy(s.member, s.address)
	if err != nil {
		return "", err
	}
	host, found, err := net.SplitHostPort(proxy)
	if err != nil {
		return "", err
	}
	primaryHost, primaryPort, err := net.SplitHostPort(t.cluster.proxies[0])
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("bind 127.0.0.1\nport %d\ndir %q\nsentinel announce-ip %s\nsentinel announce-port %s\n"+
		"sentinel monitor %s %s %s %d\nsentinel down-after-milliseconds %s %d\nsentinel failover-timeout %s %d\n",
		port, t.cluster.Dir(), host, found, group, primaryHost, primaryPort, len(t.servers)/2+1,
		group, downAfter.Milliseconds(), group, failoverTimeout.Milliseconds()), nil
}

// askSentinel is what a sentinel knows of the primary.
func (t *Target) askSentinel(ctx context.Context, i int) (map[string]string, error) {
	c, err := respclient.Dial(ctx, t.cluster.sentinels[i].address)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	r, err := c.One(ctx, "SENTINEL", "MASTER", group)
	if err != nil {
		return nil, err
	}
	return pairsOf(r), nil
}

// pairsOf reads a reply of names and values.
func pairsOf(r resp.Reply) map[string]string {
	fields := make(map[string]string)
	for i := 0; i+1 < len(r.Elems); i += 2 {
		fields[r.Elems[i].Str] = r.Elems[i+1].Str
	}
	return fields
}

// elected is the primary by the newest decision that a sentinel knows of. A
// client that asks a single sentinel may be told an older one.
func (t *Target) elected(ctx context.Context) (int, error) {
	best, newest := -1, int64(-1)
	var all error
	for i := range t.cluster.sentinels {
		fields, err := t.askSentinel(ctx, i)
		if err != nil {
			all = errors.Join(all, err)
			continue
		}
		epoch, err := strconv.ParseInt(fields["config-epoch"], 10, 64)
		at := slices.Index(t.cluster.proxies, net.JoinHostPort(fields["ip"], fields["port"]))
		if err == nil && at >= 0 && epoch > newest {
			best, newest = at, epoch
		}
	}
	if best < 0 {
		return 0, errors.Join(errors.New("no sentinel knows a primary"), all)
	}
	return best, nil
}
