package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// etcdPackage is etcd's own main; the tool line in go.mod pins its version.
const etcdPackage = "go.etcd.io/etcd/server/v3"

// startEtcd starts a cluster of three with default settings.
func startEtcd(ctx context.Context, b *bench) (*server, error) {
	dir, err := b.procs.freshDir("etcd")
	if err != nil {
		return nil, err
	}
	ports, err := freePorts(6)
	if err != nil {
		return nil, err
	}
	url := func(port int) string { return fmt.Sprintf("http://127.0.0.1:%d", port) }
	clients, peers := ports[:3], ports[3:]
	var initial, endpoints []string
	for i := range 3 {
		initial = append(initial, fmt.Sprintf("e%d=%s", i+1, url(peers[i])))
		endpoints = append(endpoints, url(clients[i]))
	}
	s := &server{name: "etcd", dir: dir}
	for i := range 3 {
		name := fmt.Sprintf("e%d", i+1)
		p, err := b.procs.start("etcd "+name, filepath.Join(dir, name+".log"), b.bin.etcd,
			"--name", name, "--data-dir", filepath.Join(dir, name), "--log-level", "warn",
			"--listen-client-urls", url(clients[i]), "--advertise-client-urls", url(clients[i]),
			"--listen-peer-urls", url(peers[i]), "--initial-advertise-peer-urls", url(peers[i]),
			"--initial-cluster", strings.Join(initial, ","), "--initial-cluster-token", filepath.Base(dir))
		if err != nil {
			return nil, err
		}
		s.nodes = append(s.nodes, p)
	}
	s.leader = func(ctx context.Context, _ int) (int, error) { return etcdLeader(ctx, endpoints) }
	s.preload = func(ctx context.Context, node, keys, _ int) error {
		return etcdPreload(ctx, endpoints[node], keys)
	}
	s.load = func(ctx context.Context, node int, w workload) (sample, error) {
		return etcdLoad(ctx, endpoints[node], b.clients, w)
	}
	s.writer = func(node int) (writer, error) { return newEtcdWriter(endpoints[node]) }
	return s, eventually(ctx, "etcd starts", 30*time.Second, s.nodes, func(ctx context.Context) error {
		_, err := s.leader(ctx, 0)
		return err
	})
}

func etcdClient(endpoint string) (*clientv3.Client, error) {
	return clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, DialTimeout: 5 * time.Second, Logger: zap.NewNop()})
}

// etcdLeader asks each node for the leader it sees, and wants all to agree.
func etcdLeader(ctx context.Context, endpoints []string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	ids := make([]uint64, len(endpoints))
	var leader uint64
	for i, e := range endpoints {
		c, err := etcdClient(e)
		if err != nil {
			return 0, err
		}
		st, err := c.Status(ctx, e)
		_ = c.Close()
		if err != nil {
			return 0, err
		}
		if i > 0 && st.Leader != leader {
			return 0, errors.New("the nodes do not agree on a leader")
		}
		ids[i], leader = st.Header.MemberId, st.Leader
	}
	for i, id := range ids {
		if id == leader {
			return i, nil
		}
	}
	return 0, errors.New("etcd has no leader")
}

// etcdPreload writes keys 0 to keys-1, 64 at a time.
func etcdPreload(ctx context.Context, endpoint string, keys int) error {
	c, err := etcdClient(endpoint)
	if err != nil {
		return err
	}
	defer c.Close()
	next := make(chan int)
	errs := make(chan error, 64)
	var wg sync.WaitGroup
	for range cap(errs) {
		wg.Go(func() {
			for i := range next {
				if _, err := c.Put(ctx, keyName(i), etcdValue); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	for i := 0; i < keys && err == nil; i++ {
		select {
		case next <- i:
		case err = <-errs:
		}
	}
	close(next)
	wg.Wait()
	select {
	case err = <-errs:
	default:
	}
	return err
}

var etcdValue = strings.Repeat("v", valueSize)

type etcdWriter struct{ c *clientv3.Client }

func newEtcdWriter(endpoint string) (writer, error) {
	c, err := etcdClient(endpoint)
	if err != nil {
		return nil, err
	}
	return &etcdWriter{c}, nil
}

func (w *etcdWriter) write(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, opDeadline)
	defer cancel()
	_, err := w.c.Put(ctx, "key", "x")
	return err
}

func (w *etcdWriter) close() { _ = w.c.Close() }
