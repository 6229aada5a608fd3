package spacetime

import "math"

// arrowPlace is an arrow with its place.
type arrowPlace struct {
	x0, y0, x1, y1 float64
	bend           float64 // how far the middle is bent upwards: within one lane
	label          label
}

// placeArrow finds an arrow's ends, and a place for its label that is free.
func (l *layout) placeArrow(a *Arrow) arrowPlace {
	y0, off0 := l.touch(a.FromLane, a.From)
	y1, off1 := l.touch(a.ToLane, a.To)
	p := arrowPlace{x0: l.scale.x(a.From), y0: y0, x1: l.scale.x(a.To), y1: y1}
	switch {
	case y0 == y1:
		p.bend = min(16+math.Abs(p.x1-p.x0)/8, 34)
	case y0 < y1: // bars and dots themselves stay visible
		p.y0, p.y1 = y0+off0, y1-off1
	default:
		p.y0, p.y1 = y0-off0, y1+off1
	}
	if a.Lost {
		p.x1, p.y1 = (p.x0+p.x1)/2, (p.y0+p.y1)/2
		l.boxes = append(l.boxes, box{p.x1 - 8, p.y1 - 8, p.x1 + 8, p.y1 + 8})
	}
	if text := line(a.Label, maxLabel); text != "" {
		p.label = l.beside(&p, label{text: text, mood: a.Mood})
	}
	return p
}

// beside finds a place along the arrow where its label covers nothing; none if
// there is none.
func (l *layout) beside(p *arrowPlace, t label) label {
	half := textWidth(t.text)/2 + 5
	sides := [][2]float64{{0, -6}, {0, 15}, {half, 4}, {-half, 4}}
	if math.Abs(p.y1-p.y0) > math.Abs(p.x1-p.x0) { // steep
		sides = [][2]float64{{half, 4}, {-half, 4}, {0, 4}}
	}
	for _, at := range []float64{0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8} {
		x, y := p.at(at)
		for _, side := range sides {
			t.x, t.y = x+side[0], y+side[1]
			b := box{t.left(), t.y - fontSize, t.right(), t.y + 3}
			if b.x0 < l.left || b.x1 > l.width || l.covered(b) {
				continue
			}
			l.boxes = append(l.boxes, b)
			return t
		}
	}
	return label{}
}

// at is a point of the arrow, from 0 to 1.
func (p *arrowPlace) at(t float64) (x, y float64) {
	return p.x0 + (p.x1-p.x0)*t, p.y0 + (p.y1-p.y0)*t - 2*p.bend*t*(1-t)
}

func (l *layout) covered(b box) bool {
	for _, o := range l.boxes {
		if b.meets(o) {
			return true
		}
	}
	for i, s := range l.d.Spans {
		x0, x1 := l.bar(&s)
		y := l.lanes[s.Lane].tracks[l.track[i]]
		if b.meets(box{x0, y - barHeight/2, x1, y + barHeight/2}) {
			return true
		}
	}
	return false
}

// touch is the height at which an arrow meets a lane, and how far from it the
// arrow stays: at the span that begins or ends then, else at one that is under
// way, else at the line or a dot on it.
func (l *layout) touch(lane int, t int64) (y, off float64) {
	y = l.lanes[lane].y
	for i := range l.d.Events {
		if e := &l.d.Events[i]; e.Lane == lane && e.At == t {
			off = dotRadius + 1
		}
	}
	found := 0
	for i := range l.d.Spans {
		s := &l.d.Spans[i]
		if s.Lane != lane || t < s.From || t > s.To {
			continue
		}
		quality := 1
		if t == s.From || t == s.To {
			quality = 2
		}
		if quality > found {
			y, off, found = l.lanes[lane].tracks[l.track[i]], barHeight/2, quality
		}
	}
	return y, off
}
