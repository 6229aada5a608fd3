package main

import (
	"math/bits"
	"time"
)

// subBuckets is the number of buckets per power of two: values are kept to
// less than one percent.
const (
	subBits    = 7
	subBuckets = 1 << subBits
)

// histogram counts durations in buckets whose width grows with the value, as
// HdrHistogram does, from nanoseconds to days.
type histogram struct {
	counts [subBuckets * 48]uint64
	total  uint64
}

// bucket is the index for v: v itself while it is small, and then the
// position of its highest bit followed by the next subBits bits.
func bucket(v uint64) int {
	shift := max(0, bits.Len64(v)-subBits-1)
	return min(shift*subBuckets+int(v>>shift), subBuckets*48-1)
}

// bucketTop is the largest value of a bucket.
func bucketTop(i int) uint64 {
	shift := max(0, i/subBuckets-1)
	return uint64(i-shift*subBuckets+1)<<shift - 1
}

func (h *histogram) add(d time.Duration) {
	h.counts[bucket(uint64(max(d, 0)))]++
	h.total++
}

func (h *histogram) merge(o *histogram) {
	for i, n := range o.counts {
		h.counts[i] += n
	}
	h.total += o.total
}

// quantile is the smallest duration that at least the fraction q of all did
// not exceed; 0 when there are none.
func (h *histogram) quantile(q float64) time.Duration {
	want, seen := uint64(q*float64(h.total)), uint64(0)
	for i, n := range h.counts {
		seen += n
		if n > 0 && seen >= max(want, 1) {
			return time.Duration(bucketTop(i))
		}
	}
	return 0
}
