package main

import (
	"slices"
	"time"
)

// results are the samples of a part, by system and workload, in the order of
// the runs.
type results struct {
	samples map[resultKey][]sample
}

type resultKey struct {
	system string
	w      workload
}

func newResults() *results { return &results{samples: map[resultKey][]sample{}} }

func (r *results) empty() bool { return len(r.samples) == 0 }

func (r *results) add(system string, w workload, s sample) {
	k := resultKey{system, w}
	r.samples[k] = append(r.samples[k], s)
}

func (r *results) of(system string, w workload) []sample { return r.samples[resultKey{system, w}] }

// median is the sample of medians, each figure by itself; ok is false when
// there are no samples.
func (r *results) median(system string, w workload) (m sample, ok bool) {
	s := r.of(system, w)
	if len(s) == 0 {
		return m, false
	}
	return sample{
		opsPerSec: medianOf(s, func(s sample) float64 { return s.opsPerSec }),
		p50:       medianOf(s, func(s sample) time.Duration { return s.p50 }),
		p99:       medianOf(s, func(s sample) time.Duration { return s.p99 }),
		serverCPU: medianOf(s, func(s sample) time.Duration { return s.serverCPU }),
		clientCPU: medianOf(s, func(s sample) time.Duration { return s.clientCPU }),
	}, true
}

// medianOf is the middle value; of an even number, the mean of the two in the
// middle.
func medianOf[S any, T ~int64 | ~float64](s []S, value func(S) T) T {
	v := make([]T, len(s))
	for i := range s {
		v[i] = value(s[i])
	}
	slices.Sort(v)
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}
