package main

import (
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/parleydb/parley/internal/lab"
	"github.com/parleydb/parley/internal/lab/target/parley"
	"github.com/parleydb/parley/internal/lab/verify"
	"github.com/parleydb/parley/internal/lab/workload"
)

// BenchmarkRecording offers the same load to one cluster with and without
// recording, in turns: first 10 000 operations a second, then as many as it takes.
//
//	go test -run '^$' -bench Recording -benchtime 1x ./cmd/parley
//
// It reports medians: operations a second with and without, and the time of
// processors that the lab spends on an operation with and without.
func BenchmarkRecording(b *testing.B) {
	const rounds, turn = 3, 4 * time.Second
	target, err := parley.Dev("PARLEY_TEST_SERVE=1")(b.Context(), "", io.Discard)
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := target.Close(); err != nil {
			b.Error(err)
		}
	}()
	for b.Loop() {
		for _, rate := range []float64{10_000, 0} {
			var speed, cost [2][]float64
			for range rounds {
				for discard := range 2 {
					s, c := load(b, target, rate, turn, discard == 1)
					speed[discard], cost[discard] = append(speed[discard], s), append(cost[discard], c)
				}
			}
			at := "saturated"
			if rate > 0 {
				at = fmt.Sprintf("at%.0f", rate)
			}
			b.ReportMetric(median(speed[0]), at+"-recorded-ops/s")
			b.ReportMetric(median(speed[1]), at+"-unrecorded-ops/s")
			b.ReportMetric(100*(1-median(speed[0])/median(speed[1])), at+"-loss-%")
			b.ReportMetric(median(cost[0]), at+"-recorded-µs/op")
			b.ReportMetric(median(cost[1]), at+"-unrecorded-µs/op")
		}
	}
}

// load is one turn: operations a second, and this process's microseconds of
// processor for each.
func load(b *testing.B, target lab.Target, rate float64, turn time.Duration, discard bool) (speed, cost float64) {
	w, err := workload.Named("register")
	if err != nil {
		b.Fatal(err)
	}
	var spent [2]atomic.Int64 // after a quarter and three quarters of the turn
	for i := range spent {
		timer := time.AfterFunc(time.Duration(1+2*i)*turn/4, func() { spent[i].Store(int64(processor(b))) })
		defer timer.Stop()
	}
	o := verify.Options{Workload: w, Time: turn, OpTimeout: 3 * time.Second, Clients: 100, Rate: rate, Seed: 1, Discard: discard}
	all, err := verify.Record(b.Context(), b.Context(), target, []verify.Options{o}, io.Discard)
	if err != nil {
		b.Fatal(err)
	}
	found := all[0]
	ops := float64(found.OK)
	if found.Failed+found.Unknown > found.OK/100 {
		b.Fatalf("%d operations succeeded, %d failed, %d are unknown", found.OK, found.Failed, found.Unknown)
	}
	return ops / turn.Seconds(), float64(spent[1].Load()-spent[0].Load()) / 1e3 / (ops / 2)
}

// processor is the time of processors that this process has used.
func processor(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}
