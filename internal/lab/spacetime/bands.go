package spacetime

import (
	"cmp"
	"slices"
)

// bandPlace is a band with its place: a tab with its name above the lanes, and
// a shade over those that it is about.
type bandPlace struct {
	x0, x1 float64
	y      float64 // of the tab's middle
	text   string
	band   Band
}

const tabHeight = 16.0

// placeBands puts the tabs of bands below y, in rows where they overlap, and
// returns where they end.
func (l *layout) placeBands(y float64) float64 {
	order := make([]int, len(l.d.Bands))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(l.d.Bands[i].From, l.d.Bands[j].From) })
	var ends []float64
	for _, i := range order {
		b := l.d.Bands[i]
		p := bandPlace{x0: l.edge(b.From), x1: max(l.edge(b.To), l.edge(b.From)+3), text: line(b.Label, maxLabel), band: b}
		if b.To < l.scale.first() || b.From > l.scale.last() {
			continue // not in the picture
		}
		end := max(p.x1, p.x0+textWidth(p.text)+8)
		row := slices.IndexFunc(ends, func(e float64) bool { return e+4 <= p.x0 })
		if row < 0 {
			row = len(ends)
			ends = append(ends, 0)
		}
		ends[row] = end
		p.y = y + float64(row)*(tabHeight+3) + tabHeight/2
		l.bands = append(l.bands, p)
	}
	if len(ends) == 0 {
		return y
	}
	return y + float64(len(ends))*(tabHeight+3) + 4
}

// edge is where a band begins or ends: at the plot's edge if outside of what is shown.
func (l *layout) edge(t int64) float64 {
	switch {
	case t < l.scale.first():
		return l.left
	case t > l.scale.last():
		return l.right
	}
	return l.scale.x(t)
}
