package spacetime

import (
	"math"

	"github.com/parleydb/parley/internal/lab/axis"
)

// tick is a mark of the axis.
type tick struct {
	x    float64
	text string
}

// timeAxis is what is written along time.
type timeAxis struct {
	ticks   []tick
	caption string
}

// newAxis chooses marks at round times, about 110 pixels apart. A stretched
// scale has no use for round times: its marks stand where something happens.
func newAxis(s *scale) timeAxis {
	from, width := s.xs[0], s.xs[len(s.xs)-1]-s.xs[0]
	if !s.stretched {
		at, caption := axis.Time(s.first(), s.last(), width/110)
		a := timeAxis{caption: caption}
		for _, t := range at {
			a.ticks = append(a.ticks, tick{from + (t.At-float64(s.first()))/gap(s.first(), s.last())*width, t.Text})
		}
		return a
	}
	at, caption := axis.TimeAt(s.knots)
	a := timeAxis{caption: caption + ", not to scale: long gaps are shortened"}
	free := math.Inf(-1)
	for i, t := range at {
		half := textWidth(t.Text)/2 + 6
		if s.xs[i]-half >= free {
			free = s.xs[i] + half
			a.ticks = append(a.ticks, tick{s.xs[i], t.Text})
		}
	}
	return a
}
