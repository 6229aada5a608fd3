package spacetime

import (
	"cmp"
	"math"
	"slices"
)

// Distances of the picture, in pixels.
const (
	margin    = 16.0
	barHeight = 16.0
	trackGap  = 6.0
	laneGap   = 34.0
	dotRadius = 4.5
	plotLeast = 880.0
	plotMost  = 2600.0
	maxTracks = 12
	maxRows   = 4
)

// label is a text with its place: x is its middle, y its baseline.
type label struct {
	text    string
	x, y    float64
	mood    Mood
	leaderY float64 // where a thin line to what it names ends; 0 for none
	leaderX float64
}

func (l *label) left() float64  { return l.x - textWidth(l.text)/2 }
func (l *label) right() float64 { return l.x + textWidth(l.text)/2 }

// lanePlace is a lane with its place.
type lanePlace struct {
	y           float64 // of the line
	top, bottom float64
	tracks      []float64 // y of each track's middle; track 0 is on the line
	class       int
}

// layout is a diagram with everything in its place.
type layout struct {
	d             Diagram
	scale         scale
	axis          timeAxis
	lanes         []lanePlace
	track         []int   // of each span
	labels        []label // texts at spans and events
	bands         []bandPlace
	left, right   float64 // of the plot
	top, bottom   float64 // of the lanes
	width, height float64
	boxes         []box // what texts have taken
}

type box struct{ x0, y0, x1, y1 float64 }

func (b box) meets(o box) bool {
	return b.x0 < o.x1 && o.x0 < b.x1 && b.y0 < o.y1 && o.y0 < b.y1
}

// newLayout places everything, from the top down: band names, lanes, axis.
func newLayout(d Diagram) *layout {
	l := &layout{d: d}
	name := 0.0
	for _, ln := range d.Lanes {
		name = max(name, textWidth(line(ln.Name, maxName))*1.08)
	}
	l.left = margin + name + 20
	l.right = l.left + plotWidth(&d)
	l.width = l.right + margin
	l.scale = newScale(&d, l.left+24, l.right-36)
	y := l.placeBands(8)
	l.top = y
	l.lanes = make([]lanePlace, len(d.Lanes))
	l.track = make([]int, len(d.Spans))
	classes := kindClasses(d.Lanes)
	for i := range d.Lanes {
		l.lanes[i].class = classes[i]
		y = l.placeLane(i, y)
	}
	l.bottom = y
	if !d.Logical {
		l.axis = newAxis(&l.scale)
		y += 36
	}
	l.height = y + 8
	return l
}

// plotWidth grows with what has to be labelled.
func plotWidth(d *Diagram) float64 {
	need := make([]float64, len(d.Lanes)+1)
	for _, s := range d.Spans {
		need[s.Lane] += textWidth(line(s.Label, maxLabel)) + 12
	}
	for _, e := range d.Events {
		need[e.Lane] += textWidth(line(e.Label, maxLabel)) + 12
	}
	return math.Round(min(max(plotLeast, slices.Max(need)*0.6), plotMost))
}

// kindClasses numbers the kinds of lanes, with fixed numbers for the two that
// every reader knows.
func kindClasses(lanes []Lane) []int {
	known := map[string]int{"client": 0, "node": 1}
	next := 2
	out := make([]int, len(lanes))
	for i, ln := range lanes {
		class, ok := known[ln.Kind]
		if !ok {
			class = next
			known[ln.Kind] = class
			next = 2 + (next-1)%(kindColours-2)
		}
		out[i] = class
	}
	return out
}

// placeLane puts a lane below y and returns where it ends. From top to bottom:
// the tracks of spans that overlap, each with rows of labels above it; the line;
// rows of labels of events.
func (l *layout) placeLane(lane int, y float64) float64 {
	p := &l.lanes[lane]
	p.top = y
	y += laneGap / 2
	spans := l.tracksOf(lane)
	p.tracks = make([]float64, len(spans))
	for t := len(spans) - 1; t >= 0; t-- {
		rows := newRows(l.left, l.width-4)
		var placed []int
		for _, i := range spans[t] {
			s := &l.d.Spans[i]
			x0, x1 := l.bar(s)
			if text := line(s.Label, maxLabel); text != "" && textWidth(text) > x1-x0-6 {
				rows.add(label{text: text, x: (x0 + x1) / 2, mood: s.Mood})
			} else if text != "" {
				placed = append(placed, i)
			}
		}
		y += rows.height()
		p.tracks[t] = y + barHeight/2
		l.take(rows.above(y-4, y))
		for _, i := range placed {
			s := &l.d.Spans[i]
			x0, x1 := l.bar(s)
			l.take([]label{{text: line(s.Label, maxLabel), x: (x0 + x1) / 2, y: p.tracks[t] + 4, mood: s.Mood}})
		}
		y += barHeight + trackGap
	}
	if len(spans) == 0 {
		p.tracks = []float64{y + barHeight/2}
		y += barHeight + trackGap
	}
	p.y = p.tracks[0]
	rows := newRows(l.left, l.width-4)
	for _, e := range l.eventsOf(lane) {
		if text := line(e.Label, maxLabel); text != "" {
			rows.add(label{text: text, x: l.scale.x(e.At), mood: e.Mood})
		}
	}
	l.take(rows.below(p.y+barHeight/2+13, p.y))
	y += rows.height() + laneGap/2
	p.bottom = y
	return y
}

// bar is from where to where a span is drawn.
func (l *layout) bar(s *Span) (x0, x1 float64) {
	x0, x1 = l.scale.x(s.From), l.right-8
	if s.To != Forever {
		x1 = l.scale.x(s.To)
	}
	return x0, max(x1, x0+4)
}

// tracksOf sorts a lane's spans into tracks in which none overlap.
func (l *layout) tracksOf(lane int) (tracks [][]int) {
	var mine []int
	for i, s := range l.d.Spans {
		if s.Lane == lane {
			mine = append(mine, i)
		}
	}
	slices.SortStableFunc(mine, func(i, j int) int {
		return cmp.Or(cmp.Compare(l.d.Spans[i].From, l.d.Spans[j].From), cmp.Compare(l.d.Spans[j].To, l.d.Spans[i].To))
	})
	var ends []float64
	for _, i := range mine {
		x0, x1 := l.bar(&l.d.Spans[i])
		t := slices.IndexFunc(ends, func(end float64) bool { return end <= x0+0.5 })
		switch {
		case t < 0 && len(ends) < maxTracks:
			t = len(ends)
			ends = append(ends, 0)
			tracks = append(tracks, nil)
		case t < 0:
			t = maxTracks - 1
		}
		ends[t] = max(ends[t], x1)
		tracks[t] = append(tracks[t], i)
		l.track[i] = t
	}
	return tracks
}

func (l *layout) eventsOf(lane int) (out []Event) {
	for _, e := range l.d.Events {
		if e.Lane == lane {
			out = append(out, e)
		}
	}
	slices.SortStableFunc(out, func(a, b Event) int { return cmp.Compare(a.At, b.At) })
	return out
}

// take puts labels into the picture, but never one over another.
func (l *layout) take(labels []label) {
	for _, t := range labels {
		b := box{t.left(), t.y - fontSize, t.right(), t.y + 3}
		if !slices.ContainsFunc(l.boxes, b.meets) {
			l.boxes = append(l.boxes, b)
			l.labels = append(l.labels, t)
		}
	}
}
