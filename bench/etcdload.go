package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// etcdLoadCommand makes this program a load generator for etcd, in a process
// of its own as redis-benchmark is, so that its CPU time can be told apart.
const etcdLoadCommand = "load-etcd"

// etcdLoadResult is what the load generator prints. Latencies are in
// nanoseconds.
type etcdLoadResult struct {
	Rate     float64
	P50, P99 time.Duration
}

func etcdLoad(ctx context.Context, endpoint string, conns int, w workload) (sample, error) {
	self, err := os.Executable()
	if err != nil {
		return sample{}, err
	}
	cmd := exec.CommandContext(ctx, self, etcdLoadCommand, "-endpoint", endpoint, "-op", w.op,
		"-workers", strconv.Itoa(w.conns), "-conns", strconv.Itoa(min(conns, w.conns)),
		"-keys", strconv.Itoa(w.keys), "-ops", strconv.Itoa(w.ops))
	cmd.SysProcAttr = diesWithUs()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return sample{}, fmt.Errorf("etcd load: %w: %s", err, strings.TrimSpace(errs.String()))
	}
	var r etcdLoadResult
	err = json.Unmarshal(out.Bytes(), &r)
	return sample{opsPerSec: r.Rate, p50: r.P50, p99: r.P99,
		clientCPU: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}, err
}

// etcdLoadMain is the load generator: workers that each have one operation in
// flight, spread over a few connections as etcd's own benchmark does.
func etcdLoadMain(args []string) error {
	fs := flag.NewFlagSet(etcdLoadCommand, flag.ContinueOnError)
	endpoint := fs.String("endpoint", "", "")
	op := fs.String("op", "SET", "")
	workers := fs.Int("workers", 64, "")
	conns := fs.Int("conns", 16, "")
	keys := fs.Int("keys", 10_000, "")
	ops := fs.Int64("ops", 10_000, "")
	if err := fs.Parse(args); err != nil {
		return err
	}
	clients, err := etcdConnect(*endpoint, *conns)
	if err != nil {
		return err
	}
	var left atomic.Int64
	left.Store(*ops)
	hists := make([]histogram, *workers)
	errs := make([]error, *workers)
	var wg sync.WaitGroup
	start := time.Now()
	for i := range *workers {
		wg.Go(func() {
			errs[i] = etcdWorker(clients[i%len(clients)], *op, *keys, &left, &hists[i])
		})
	}
	wg.Wait()
	took := time.Since(start)
	if err := errors.Join(errs...); err != nil {
		return err
	}
	total := &hists[0]
	for i := range hists[1:] {
		total.merge(&hists[i+1])
	}
	return json.NewEncoder(os.Stdout).Encode(etcdLoadResult{
		Rate: float64(*ops) / took.Seconds(), P50: total.quantile(0.5), P99: total.quantile(0.99),
	})
}

// etcdConnect opens connections and uses each once, so that the measurement
// begins with all of them established.
func etcdConnect(endpoint string, n int) ([]*clientv3.Client, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	clients := make([]*clientv3.Client, n)
	for i := range clients {
		c, err := etcdClient(endpoint)
		if err != nil {
			return nil, err
		}
		if _, err := c.Get(ctx, keyName(0)); err != nil {
			return nil, err
		}
		clients[i] = c
	}
	return clients, nil
}

func etcdWorker(c *clientv3.Client, op string, keys int, left *atomic.Int64, h *histogram) error {
	ctx := context.Background()
	for left.Add(-1) >= 0 {
		key := keyName(rand.IntN(keys))
		start := time.Now()
		if op == "SET" {
			if _, err := c.Put(ctx, key, etcdValue); err != nil {
				return err
			}
		} else {
			r, err := c.Get(ctx, key)
			if err != nil {
				return err
			}
			if len(r.Kvs) != 1 || len(r.Kvs[0].Value) != valueSize {
				return fmt.Errorf("range of %s gave %d keys", key, len(r.Kvs))
			}
		}
		h.add(time.Since(start))
	}
	return nil
}
