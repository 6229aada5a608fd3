package main

import (
	"context"
	"fmt"
)

const smallKeys = 10_000

// quorumPart is three nodes with fsync: linearizable writes and reads, without
// pipelining, at the leader.
func quorumPart(ctx context.Context, b *bench) error {
	var work []workload
	for _, conns := range []int{64, 256} {
		for _, op := range []string{"SET", "GET"} {
			work = append(work, workload{op: op, conns: conns, pipeline: 1, keys: smallKeys})
		}
	}
	got := newResults()
	sides := []starter{{"parley", "parley", startParley}, {"peer", "etcd", startEtcd}}
	var rounds []round
	for _, side := range sides {
		rounds = append(rounds, round{side, work})
	}
	err := b.interleave(ctx, "etcd3", rounds, got)
	b.report.compare("Three nodes, fsync on, linearizable, beside etcd",
		"One cluster of three processes at a time, all clients at the leader, 10 thousand keys. "+
			"SET is etcd's put, GET its linearizable range. "+
			fmt.Sprintf("etcd's clients share %d TCP connections, each client with one operation in flight.", b.clients),
		"etcd", work, got)
	for _, w := range work {
		times := map[string]float64{"SET": 6, "GET": 4}[w.op]
		b.report.ratioTarget(w.String()+", of etcd's rate", got, w, "parley", "etcd", times)
		b.report.p99Target(w.String()+", p99 no higher than etcd's", got, w, "parley", "etcd")
		if w.op == "SET" {
			b.report.cpuTarget(w.String()+", CPU of the three servers per operation", got, w, "parley", 30)
		}
	}
	return err
}

// round is a system and what is measured on it in each run.
type round struct {
	starter
	work []workload
}

// interleave lets the systems take turns, run by run. What was measured before
// an error stays in got.
func (b *bench) interleave(ctx context.Context, part string, rounds []round, got *results) error {
	for run := range b.runs {
		for _, r := range rounds {
			if !b.measures(r.side) {
				continue
			}
			progress("%s: run %d of %d, %s", part, run+1, b.runs, r.name)
			if err := b.runOnce(ctx, r.starter, r.work, got); err != nil {
				return err
			}
		}
	}
	return nil
}

// runOnce starts a system, measures each workload on it once, and stops it.
func (b *bench) runOnce(ctx context.Context, side starter, work []workload, got *results) error {
	s, err := side.start(ctx, b)
	if s != nil {
		defer s.stop()
	}
	if err != nil {
		return err
	}
	if err := b.preload(ctx, s, smallKeys, 0); err != nil {
		return err
	}
	for _, w := range work {
		r, err := b.measure(ctx, s, w)
		if err != nil {
			return err
		}
		got.add(side.name, w, r)
	}
	return nil
}

// preload fills a keyspace through the leader.
func (b *bench) preload(ctx context.Context, s *server, keys, db int) error {
	ctx, cancel := context.WithTimeout(ctx, preloadPatience(keys))
	defer cancel()
	node, err := s.leader(ctx, db)
	if err != nil {
		return err
	}
	return s.preload(ctx, node, keys, db)
}
