package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// scaleWork is what part scale measures on each cluster.
func scaleWork(keys, db int) []workload {
	return []workload{
		{op: "SET", conns: 64, pipeline: 1, keys: keys, db: db},
		{op: "GET", conns: 64, pipeline: 1, keys: keys, db: db},
		{op: "SET", conns: 64, pipeline: 16, keys: keys, db: db},
		{op: "GET", conns: 64, pipeline: 16, keys: keys, db: db},
	}
}

// settle is how long a cluster may tidy up after a change before it is
// measured.
const settle = 3 * time.Second

// scalePart compares Parley with itself: many keys with few, many groups with
// one. Three nodes each.
func scalePart(ctx context.Context, b *bench) error {
	if !b.measures("parley") {
		return nil
	}
	got := newResults()
	err := errors.Join(b.scaleKeysRuns(ctx, got), b.scaleShardsRuns(ctx, got)) // the second tells something without the first
	b.report.scale(b, got)
	return err
}

// scaleKeysRuns fills one cluster with many keys and keeps it, standing still,
// while small ones take their turns with it.
func (b *bench) scaleKeysRuns(ctx context.Context, got *results) error {
	large, err := startParley(ctx, b)
	if large != nil {
		defer large.stop()
	}
	if err != nil {
		return err
	}
	progress("scale: loading %d keys", b.scaleKeys)
	if err := b.preload(ctx, large, b.scaleKeys, 0); err != nil {
		return err
	}
	time.Sleep(settle)
	for run := range b.runs {
		large.pause()
		progress("scale: run %d of %d, %d keys", run+1, b.runs, smallKeys)
		if err := b.runOnce(ctx, starter{"parley", "few keys", startParley}, scaleWork(smallKeys, 0), got); err != nil {
			return err
		}
		large.resume()
		progress("scale: run %d of %d, %d keys", run+1, b.runs, b.scaleKeys)
		err := eventually(ctx, "parley goes on", 30*time.Second, large.nodes, func(ctx context.Context) error {
			_, err := large.leader(ctx, 0)
			return err
		})
		if err != nil {
			return err
		}
		time.Sleep(settle)
		for _, w := range scaleWork(b.scaleKeys, 0) {
			r, err := b.measure(ctx, large, w)
			if err != nil {
				return err
			}
			w.keys = smallKeys // the same row as its counterpart
			got.add("many keys", w, r)
		}
	}
	return nil
}

// scaleShardsRuns compares a keyspace of one shard with one of many, each on a
// fresh cluster that has nothing else.
func (b *bench) scaleShardsRuns(ctx context.Context, got *results) error {
	for run := range b.runs {
		for _, shards := range []int{1, b.shards} {
			progress("scale: run %d of %d, %d shards", run+1, b.runs, shards)
			if err := b.scaleShardsRun(ctx, shards, got); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bench) scaleShardsRun(ctx context.Context, shards int, got *results) error {
	s, err := startParley(ctx, b)
	if s != nil {
		defer s.stop()
	}
	if err != nil {
		return err
	}
	db, err := parleyKeyspace(ctx, s, fmt.Sprintf("bench%d", shards), shards)
	if err != nil {
		return err
	}
	time.Sleep(settle) // its groups elect their leaders
	if err := b.preload(ctx, s, smallKeys, db); err != nil {
		return err
	}
	name := "many shards"
	if shards == 1 {
		name = "one shard"
	}
	for _, w := range scaleWork(smallKeys, db) {
		r, err := b.measure(ctx, s, w)
		if err != nil {
			return err
		}
		w.db = 0 // the same row as its counterpart
		got.add(name, w, r)
	}
	return nil
}
