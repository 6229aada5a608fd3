package report

import (
	"math"
	"math/bits"
)

// histogram counts durations to within 3 percent: those below 64 ns one by one,
// each octave above in 32 steps.
type histogram struct {
	bins [64 + 58*32]uint32
	n    uint64
	most uint64
}

func (h *histogram) add(ns uint64) {
	h.n++
	h.most = max(h.most, ns)
	h.bins[bin(ns)]++
}

func bin(ns uint64) int {
	if ns < 64 {
		return int(ns)
	}
	e := bits.Len64(ns) - 6
	return 64 + (e-1)*32 + int(ns>>e) - 32
}

// upper is the largest duration of a bin.
func upper(bin int) uint64 {
	if bin < 64 {
		return uint64(bin)
	}
	e := (bin-64)/32 + 1
	m := uint64((bin-64)%32 + 32)
	return (m+1)<<e - 1
}

// quantile is a duration that a share q of all do not exceed, from 0 to 1.
func (h *histogram) quantile(q float64) uint64 {
	rank := uint64(math.Ceil(q * float64(h.n)))
	seen := uint64(0)
	for i, n := range h.bins {
		if seen += uint64(n); seen >= rank && n > 0 {
			return min(upper(i), h.most)
		}
	}
	return h.most
}
