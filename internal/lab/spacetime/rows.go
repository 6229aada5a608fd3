package spacetime

import "math"

// rows staggers labels along a line so that none covers another: each goes into
// the first row that has room at its place. One for which there is none is left
// out; what it says is still shown when its thing is pointed at.
type rows struct {
	from, to float64
	ends     []float64
	labels   []label
	row      []int
}

func newRows(from, to float64) *rows { return &rows{from: from, to: to} }

// add takes labels in the order of their x.
func (r *rows) add(l label) {
	l.leaderX = l.x
	half := textWidth(l.text) / 2
	l.x = math.Max(math.Min(l.x, r.to-half), r.from+half)
	for i, end := range r.ends {
		if end+5 <= l.x-half {
			r.put(l, i)
			return
		}
	}
	if len(r.ends) < maxRows {
		r.ends = append(r.ends, 0)
		r.put(l, len(r.ends)-1)
	}
}

func (r *rows) put(l label, row int) {
	r.ends[row] = l.right()
	r.labels = append(r.labels, l)
	r.row = append(r.row, row)
}

func (r *rows) height() float64 { return float64(len(r.ends)) * lineHeight }

// above places the labels in rows that rise from baseline y; below, in rows that
// descend. Leaders of those that are not next to their thing end at thing.
func (r *rows) above(y, thing float64) []label { return r.at(y, thing, -lineHeight) }

func (r *rows) below(y, thing float64) []label { return r.at(y, thing, lineHeight) }

func (r *rows) at(y, thing, step float64) []label {
	for i := range r.labels {
		l := &r.labels[i]
		l.y = y + float64(r.row[i])*step
		if r.row[i] > 0 {
			l.leaderY = thing
		}
	}
	return r.labels
}
