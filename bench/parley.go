package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// parleyArgs is the command line of node i (from 0). All that this program
// knows of Parley's flags is here.
func parleyArgs(dir string, i int, resp, http, peer []int) []string {
	addr := func(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
	name := func(i int) string { return fmt.Sprintf("n%d", i+1) }
	args := []string{"serve", "--name", name(i), "--data", filepath.Join(dir, name(i)),
		"--resp", addr(resp[i]), "--http", addr(http[i]), "--peer-addr", addr(peer[i])}
	if len(peer) > 1 {
		var peers []string
		for j, p := range peer {
			peers = append(peers, name(j)+"="+addr(p))
		}
		args = append(args, "--peers", strings.Join(peers, ","))
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
		s.leader = func(ctx context.Context) (int, error) { return parleyLeader(ctx, http) }
	}
	return s, eventually(ctx, "parley starts", 30*time.Second, s.nodes, func(ctx context.Context) error {
		node, err := s.leader(ctx)
		if err != nil {
			return err
		}
		return s.respReady(resp[node])(ctx)
	})
}

// parleyLeader is the node that leads the group of keyspace main, of which all
// nodes must have the same opinion.
func parleyLeader(ctx context.Context, httpPorts []int) (int, error) {
	leader := -1
	for _, port := range httpPorts {
		l, err := parleyLeaderAt(ctx, port)
		if err != nil {
			return 0, err
		}
		if leader >= 0 && l != leader {
			return 0, errors.New("the nodes do not agree on a leader")
		}
		leader = l
	}
	return leader, nil
}

// parleyStatus is the part of GET /status that is needed here.
type parleyStatus struct {
	Groups []struct {
		Keyspace string `json:"keyspace"`
		Leader   string `json:"leader"` // name of the node; empty while there is none
	} `json:"groups"`
}

// parleyLeaderAt asks one node which node leads keyspace main.
func parleyLeaderAt(ctx context.Context, httpPort int) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/status", httpPort), nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	var st parleyStatus
	if err := json.NewDecoder(resp.Body).Decode(&st); err != nil {
		return 0, fmt.Errorf("/status does not read: %w", err)
	}
	for _, g := range st.Groups {
		if g.Keyspace == "main" && g.Leader != "" {
			n, err := strconv.Atoi(strings.TrimPrefix(g.Leader, "n"))
			return n - 1, err
		}
	}
	return 0, errors.New("keyspace main has no leader")
}

// parleyKeyspace makes a keyspace on a fresh cluster and is its number: the
// first one after main.
func parleyKeyspace(ctx context.Context, s *server, name string, shards int) (db int, err error) {
	const first = 1
	node, err := s.leader(ctx)
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
