package main

import (
	"context"
	"time"
)

// singlePart is one node beside one redis-server, with redis-benchmark for
// both.
func singlePart(ctx context.Context, b *bench) error {
	var sets, gets []workload
	for _, p := range []int{1, 16} {
		sets = append(sets, workload{op: "SET", conns: 50, pipeline: p, keys: smallKeys})
		gets = append(gets, workload{op: "GET", conns: 50, pipeline: p, keys: smallKeys})
	}
	all := append(append([]workload{}, sets...), gets...)
	rounds := []round{
		{starter{"parley", "parley", startParleyOne}, all},
		{starter{"peer", "redis", func(ctx context.Context, b *bench) (*server, error) { return startRedis(ctx, b, true) }}, sets},
		{starter{"peer", "redis", func(ctx context.Context, b *bench) (*server, error) { return startRedis(ctx, b, false) }}, gets},
	}
	got := newResults()
	err := b.interleave(ctx, "redis1", rounds, got)
	b.report.compare("One node, fsync on, beside redis-server",
		"redis-benchmark with 50 connections for both, 10 thousand keys. SET: redis with appendfsync always. GET: redis without AOF.",
		"redis", all, got)
	for _, w := range all {
		times := 1.0
		if w.op == "GET" {
			times = map[int]float64{1: 0.85, 16: 0.7}[w.pipeline]
		}
		b.report.ratioTarget("one node, "+w.String()+", of redis", got, w, "parley", "redis", times)
	}
	return err
}

// preloadPatience is how long loading so many keys may take.
func preloadPatience(keys int) time.Duration {
	return 2*time.Minute + time.Duration(keys)*200*time.Microsecond
}
