package spacetime

import (
	"math"
	"slices"
)

// scale maps times to places. It is linear between knots, which are the times
// at which something is drawn. A linear scale over all shows durations best,
// but in real runs calls of a millisecond lie seconds apart. Where they would
// become invisible the scale is stretched: longer gaps get less than their
// share, and the axis says so.
type scale struct {
	knots     []int64
	xs        []float64
	stretched bool
}

// powers are how much of a gap's length counts; 1 is to scale.
var powers = []float64{1, 0.7, 0.5, 0.35, 0.25, 0.15, 0.08, 0.03}

// What can be told apart, in pixels.
const (
	minGap  = 3.0
	minSpan = 14.0
)

func newScale(d *Diagram, from, to float64) scale {
	s := scale{knots: instants(d)}
	for _, p := range powers {
		s.place(p, from, to)
		want := 1.0
		if s.stretched = p < 1; s.stretched {
			want = 2.5 // once it is not to scale, it can as well be easy to read
		}
		if d.Logical || s.readable(d, to-from, want) {
			break
		}
	}
	return s
}

// instants are the times of everything that stands on lanes, sorted. Edges of
// bands count where they fall between others: a fault is context.
func instants(d *Diagram) []int64 {
	var ts []int64
	add := func(t int64) {
		if t != Forever {
			ts = append(ts, t)
		}
	}
	for _, s := range d.Spans {
		add(s.From)
		add(s.To)
	}
	for _, e := range d.Events {
		add(e.At)
	}
	for _, a := range d.Arrows {
		add(a.From)
		add(a.To)
	}
	if len(ts) == 0 {
		for _, b := range d.Bands {
			add(b.From)
			add(b.To)
		}
	}
	if len(ts) == 0 {
		ts = []int64{0}
	}
	first, last := slices.Min(ts), slices.Max(ts)
	for _, b := range d.Bands {
		for _, t := range []int64{b.From, b.To} {
			if first < t && t < last {
				ts = append(ts, t)
			}
		}
	}
	slices.Sort(ts)
	return slices.Compact(ts)
}

// place gives every knot its x, with gaps in proportion to their p-th power.
func (s *scale) place(p, from, to float64) {
	s.xs = make([]float64, len(s.knots))
	total := 0.0
	for i := 1; i < len(s.knots); i++ {
		total += math.Pow(gap(s.knots[i-1], s.knots[i]), p)
		s.xs[i] = total
	}
	if total == 0 {
		s.xs[0] = (from + to) / 2
		return
	}
	for i := range s.xs {
		s.xs[i] = from + s.xs[i]/total*(to-from)
	}
}

// gap is a difference that may be larger than an int64.
func gap(a, b int64) float64 { return float64(b) - float64(a) }

// readable says whether most spans and all gaps can be seen, and be told apart
// want times as well as they must.
func (s *scale) readable(d *Diagram, width, want float64) bool {
	least := min(want*minGap, width/2/float64(len(s.xs)))
	for i := 1; i < len(s.xs); i++ {
		if s.xs[i]-s.xs[i-1] < least {
			return false
		}
	}
	var spans []float64
	for _, sp := range d.Spans {
		if sp.To != Forever && sp.From < sp.To {
			spans = append(spans, s.x(sp.To)-s.x(sp.From))
		}
	}
	if len(spans) == 0 {
		return true
	}
	slices.Sort(spans)
	return spans[len(spans)/4] >= min(want*minSpan, width/2/float64(len(spans)))
}

// x is the place of a time; times outside stand at the edges.
func (s *scale) x(t int64) float64 {
	i, found := slices.BinarySearch(s.knots, t)
	switch {
	case found:
		return s.xs[i]
	case i == 0:
		return s.xs[0]
	case i == len(s.knots):
		return s.xs[i-1]
	}
	a, b := s.knots[i-1], s.knots[i]
	return s.xs[i-1] + (s.xs[i]-s.xs[i-1])*gap(a, t)/gap(a, b)
}

func (s *scale) first() int64 { return s.knots[0] }
func (s *scale) last() int64  { return s.knots[len(s.knots)-1] }
