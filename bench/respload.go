package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// respLoad drives one RESP server with redis-benchmark. An error reply ends
// redis-benchmark, so its figures count successes only.
func respLoad(ctx context.Context, b *bench, port int, w workload) (sample, error) {
	cmd := exec.CommandContext(ctx, b.bin.redisBenchmark, "-h", "127.0.0.1", "-p", strconv.Itoa(port),
		"-t", strings.ToLower(w.op), "-c", strconv.Itoa(w.conns), "-P", strconv.Itoa(w.pipeline),
		"-n", strconv.Itoa(w.ops), "-r", strconv.Itoa(w.keys), "-d", strconv.Itoa(valueSize),
		"--dbnum", strconv.Itoa(w.db), "--csv")
	cmd.SysProcAttr = diesWithUs()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return sample{}, fmt.Errorf("redis-benchmark: %w: %s", err, strings.TrimSpace(errs.String()))
	}
	s, err := parseBenchmarkCSV(out.String())
	s.clientCPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return s, err
}

// parseBenchmarkCSV reads the table of redis-benchmark 7 --csv.
func parseBenchmarkCSV(text string) (s sample, err error) {
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(rows) != 2 {
		return s, fmt.Errorf("redis-benchmark printed no table of one row, but %q (%v); version 6.2 or later is needed", text, err)
	}
	column := map[string]float64{}
	for i, name := range rows[0][1:] {
		if column[name], err = strconv.ParseFloat(rows[1][i+1], 64); err != nil {
			return s, fmt.Errorf("redis-benchmark, column %s: %w", name, err)
		}
	}
	ms := func(name string) time.Duration { return time.Duration(column[name] * float64(time.Millisecond)) }
	s = sample{opsPerSec: column["rps"], p50: ms("p50_latency_ms"), p99: ms("p99_latency_ms")}
	if s.opsPerSec == 0 || s.p99 == 0 {
		return s, fmt.Errorf("redis-benchmark printed no rate or no percentiles: %q", text)
	}
	return s, nil
}

// respClient is a client on one connection that repeats nothing by itself.
func respClient(port, db int, deadline time.Duration) *redis.Client {
	return redis.NewClient(&redis.Options{
		Addr: fmt.Sprintf("127.0.0.1:%d", port), DB: db, Protocol: 2, PoolSize: 1, MaxRetries: -1,
		DialTimeout: deadline, ReadTimeout: deadline, WriteTimeout: deadline,
		PoolTimeout: deadline, DisableIdentity: true,
	})
}

const (
	preloadConns = 4 // of one, the server would often wait for the next pipeline
	preloadBatch = 1000
)

// respPreload writes keys 0 to keys-1 with pipelines over a few connections,
// and then looks whether the first and the last one are there.
func respPreload(ctx context.Context, port, keys, db int) error {
	var next atomic.Int64
	errs := make(chan error, preloadConns)
	for range preloadConns {
		go func() { errs <- respFill(ctx, port, keys, db, &next) }()
	}
	var err error
	for range preloadConns {
		err = errors.Join(err, <-errs)
	}
	if err != nil {
		return fmt.Errorf("preload: %w", err)
	}
	c := respClient(port, db, 30*time.Second)
	defer c.Close()
	for _, key := range []int{0, keys - 1} {
		got, err := c.Get(ctx, keyName(key)).Result()
		if err != nil || len(got) != valueSize {
			return fmt.Errorf("preload: key %d reads as %d bytes (%w)", key, len(got), err)
		}
	}
	return nil
}

// respFill writes batches of keys, taking turns with others by next, until all
// keys are taken.
func respFill(ctx context.Context, port, keys, db int, next *atomic.Int64) error {
	c := respClient(port, db, 30*time.Second)
	defer c.Close()
	value := strings.Repeat("v", valueSize)
	shown := time.Now()
	for {
		from := int(next.Add(preloadBatch)) - preloadBatch
		if from >= keys {
			return nil
		}
		_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
			for k := from; k < min(keys, from+preloadBatch); k++ {
				p.Set(ctx, keyName(k), value, 0)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if time.Since(shown) > 10*time.Second {
			progress("loading: at key %d of %d", from, keys)
			shown = time.Now()
		}
	}
}

// respWriter writes over one connection, opened again after an error.
type respWriter struct {
	c   *redis.Client
	key string
}

func newRespWriter(port int) *respWriter {
	return &respWriter{respClient(port, 0, opDeadline), keyName(port)}
}

func (w *respWriter) write(ctx context.Context) error {
	return w.c.Set(ctx, w.key, "x", 0).Err()
}

func (w *respWriter) close() { _ = w.c.Close() }
