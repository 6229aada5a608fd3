package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// parleyArgs is the command line of node i (from 0). All that this program
// knows of Parley's flags is here.
func parleyArgs(dir string, i int, resp, http, peer []int) []string {
	addr := func(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
	name := func(i int) string { return fmt.Sprintf("n%d", i+1) }
	args := []string{"serve", "--name", name(i), "--dir", filepath.Join(dir, name(i)), "--log-level", "warn",
		"--resp", addr(resp[i]), "--http", addr(http[i]), "--peer", addr(peer[i])}
	if len(peer) > 1 {
		var members []string
		for j, p := range peer {
			members = append(members, name(j)+"="+addr(p))
		}
		args = append(args, "--initial", strings.Join(members, ","))
	}
	return args
}

func startParley(ctx context.Context, b *bench) (*server, error)    { return startParleyN(ctx, b, 3) }
func startParleyOne(ctx context.Context, b *bench) (*server, error) { return startParleyN(ctx, b, 1) }

// startParleyN starts a cluster of n nodes with default settings.
func startParleyN(ctx context.Context, b *bench, n int) (*server, error) {
	dir, err := b.procs.freshDir("parley")
	if err != nil {
		return nil, err
	}
	ports, err := freePorts(3 * n)
	if err != nil {
		return nil, err
	}
	resp, http, peer := ports[:n], ports[n:2*n], ports[2*n:]
	s := respServer(b, "parley", dir, nil, resp)
	for i := range n {
		p, err := b.procs.start(fmt.Sprintf("parley n%d", i+1), filepath.Join(dir, fmt.Sprintf("n%d.log", i+1)),
			b.bin.parley, parleyArgs(dir, i, resp, http, peer)...)
		if err != nil {
			return nil, err
		}
		s.nodes = append(s.nodes, p)
	}
	if n > 1 {
		s.leader = func(ctx context.Context, db int) (int, error) { return parleyLeader(ctx, http, db) }
	}
	return s, eventually(ctx, "parley starts", 30*time.Second, s.nodes, func(ctx context.Context) error {
		node, err := s.leader(ctx, 0)
		if err != nil {
			return err
		}
		return s.respReady(resp[node])(ctx)
	})
}

// parleyStatus is the part of GET /status that is needed here. The node's ids
// are 1, 2, 3 in the order of --initial.
type parleyStatus struct {
	Keyspaces []struct {
		ID     int   `json:"id"`
		Groups []int `json:"groups"`
	} `json:"keyspaces"`
	Groups []struct {
		ID     int `json:"id"`
		Leader int `json:"leader"` // 0: none known
	} `json:"groups"`
}

// parleyLeader is the node that leads most groups of a keyspace: of main the
// only one. All nodes must be of one opinion about each group.
func parleyLeader(ctx context.Context, httpPorts []int, db int) (int, error) {
	var agreed map[int]int
	for i, port := range httpPorts {
		st, err := parleyStatusAt(ctx, port)
		if err != nil {
			return 0, err
		}
		leaders, err := st.leaders(db)
		if err != nil {
			return 0, err
		}
		if i > 0 && !maps.Equal(leaders, agreed) {
			return 0, errors.New("the nodes do not agree on the leaders")
		}
		agreed = leaders
	}
	led := make([]int, len(httpPorts))
	for _, leader := range agreed {
		led[leader-1]++
	}
	return slices.Index(led, slices.Max(led)), nil
}

func parleyStatusAt(ctx context.Context, port int) (st parleyStatus, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/status", port), nil)
	if err != nil {
		return st, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return st, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return st, fmt.Errorf("/status: %s", resp.Status)
	}
	if err := json.NewDecoder(resp.Body).Decode(&st); err != nil {
		return st, fmt.Errorf("/status does not read: %w", err)
	}
	return st, nil
}

// leaders is the leader of each group of a keyspace.
func (st parleyStatus) leaders(db int) (map[int]int, error) {
	for _, k := range st.Keyspaces {
		if k.ID != db {
			continue
		}
		leaders := map[int]int{}
		for _, g := range st.Groups {
			if slices.Contains(k.Groups, g.ID) && g.Leader != 0 {
				leaders[g.ID] = g.Leader
			}
		}
		if len(leaders) == len(k.Groups) {
			return leaders, nil
		}
		return nil, fmt.Errorf("%d of %d groups have a leader", len(leaders), len(k.Groups))
	}
	return nil, fmt.Errorf("there is no keyspace %d", db)
}

// parleyKeyspace makes a keyspace on a fresh cluster and is its number: the
// first one after main.
func parleyKeyspace(ctx context.Context, s *server, name string, shards int) (db int, err error) {
	const first = 1
	node, err := s.leader(ctx, 0)
	if err != nil {
		return 0, err
	}
	c := respClient(s.respPorts[node], 0, 10*time.Second)
	defer c.Close()
	if err := c.Do(ctx, "KEYSPACE", "CREATE", name, "SHARDS", shards).Err(); err != nil {
		return 0, fmt.Errorf("KEYSPACE CREATE: %w", err)
	}
	return first, eventually(ctx, "keyspace "+name+" serves", 30*time.Second, s.nodes, func(ctx context.Context) error {
		if err := c.Do(ctx, "SELECT", name).Err(); err != nil {
			return err
		}
		if err := c.Set(ctx, "probe", name, 0).Err(); err != nil {
			return err
		}
		byNumber := respClient(s.respPorts[node], first, time.Second)
		defer byNumber.Close()
		if got, err := byNumber.Get(ctx, "probe").Result(); err != nil || got != name {
			return fmt.Errorf("keyspace %s is not number %d: its probe reads %q (%w)", name, first, got, err)
		}
		return nil
	})
}
