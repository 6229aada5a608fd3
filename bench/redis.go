package main

import (
	"context"
	"path/filepath"
	"strconv"
	"time"
)

// startRedis starts a redis-server; always is "appendfsync always", otherwise
// there is no AOF.
func startRedis(ctx context.Context, b *bench, always bool) (*server, error) {
	dir, err := b.procs.freshDir("redis")
	if err != nil {
		return nil, err
	}
	ports, err := freePorts(1)
	if err != nil {
		return nil, err
	}
	args := []string{"--bind", "127.0.0.1", "--port", strconv.Itoa(ports[0]), "--dir", dir, "--save", ""}
	if always {
		args = append(args, "--appendonly", "yes", "--appendfsync", "always")
	}
	p, err := b.procs.start("redis", filepath.Join(dir, "log"), b.bin.redis, args...)
	if err != nil {
		return nil, err
	}
	s := respServer(b, "redis", dir, []*process{p}, ports)
	return s, eventually(ctx, "redis starts", 10*time.Second, s.nodes, s.respReady(ports[0]))
}

// respServer is what Redis and a Parley of one node have in common.
func respServer(b *bench, name, dir string, nodes []*process, ports []int) *server {
	return &server{
		name: name, dir: dir, nodes: nodes, respPorts: ports,
		leader: func(context.Context, int) (int, error) { return 0, nil },
		preload: func(ctx context.Context, node, keys, db int) error {
			return respPreload(ctx, ports[node], keys, db)
		},
		load: func(ctx context.Context, node int, w workload) (sample, error) {
			return respLoad(ctx, b, ports[node], w)
		},
		writer: func(node int) (writer, error) { return newRespWriter(ports[node]), nil },
	}
}

// respReady tries one write.
func (s *server) respReady(port int) func(context.Context) error {
	return func(ctx context.Context) error {
		c := respClient(port, 0, time.Second)
		defer c.Close()
		return c.Set(ctx, "ready", "x", 0).Err()
	}
}
