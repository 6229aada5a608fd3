package spacetime

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
)

// kindColours is how many colours of lanes the style has: st-k0 and so on.
const kindColours = 6

var moodClasses = [...]string{Plain: "", Good: " st-good", Bad: " st-bad", Faint: " st-faint"}

func (m Mood) class() string {
	if int(m) < len(moodClasses) {
		return moodClasses[m]
	}
	return ""
}

// pen writes SVG. What can be pointed at is a group of class st-item whose
// title is its detail.
type pen struct{ bytes.Buffer }

func (p *pen) f(format string, args ...any) { fmt.Fprintf(p, format, args...) }

// n is a number as short as one decimal allows.
func n(x float64) string {
	return strconv.FormatFloat(math.Round(x*10)/10+0, 'f', -1, 64)
}

func (p *pen) open(class string, m Mood, lane int, detail, label string) {
	if detail == "" {
		detail = label
	}
	p.f(`<g class="st-item st-%s st-k%d%s">`, class, lane, m.class())
	if detail != "" {
		p.f(`<title>%s</title>`, escape(Cut(detail, maxDetail)))
	}
}

func (p *pen) text(l *label) {
	if l.leaderY != 0 {
		p.f(`<path class="st-leader" d="M%s %sL%s %s"/>`, n(l.x), n(l.y+2-when(l.leaderY < l.y, fontSize+1, 0)), n(l.leaderX), n(l.leaderY))
	}
	p.f(`<text class="st-label%s" x="%s" y="%s">%s</text>`+"\n", l.mood.class(), n(l.x), n(l.y), escape(l.text))
}

func when(is bool, a, b float64) float64 {
	if is {
		return a
	}
	return b
}

// figure draws the layout: shades, axis, lines, arrows, bars, dots, texts; the
// later over the earlier. Lane names are a group of their own, which a page can
// keep in sight.
func (l *layout) figure(p *pen) {
	l.drawBands(p)
	l.drawAxis(p)
	for i := range l.lanes {
		ln := &l.lanes[i]
		p.f(`<path class="st-line st-k%d" d="M%s %sH%sm-7 -4l7 4l-7 4"/>`+"\n", ln.class, n(l.left), n(ln.y), n(l.right))
	}
	var labels []label
	for i := range l.d.Arrows {
		if t := l.drawArrow(p, &l.d.Arrows[i]); t.text != "" {
			labels = append(labels, t)
		}
	}
	for i := range l.d.Spans {
		l.drawSpan(p, i)
	}
	for i := range l.d.Events {
		e := &l.d.Events[i]
		ln := &l.lanes[e.Lane]
		p.open("event", e.Mood, ln.class, e.Detail, e.Label)
		p.f(`<circle cx="%s" cy="%s" r="%s"/></g>`+"\n", n(l.scale.x(e.At)), n(ln.y), n(dotRadius))
	}
	for i := range l.labels {
		p.text(&l.labels[i])
	}
	for i := range labels {
		p.text(&labels[i])
	}
	p.f(`<g class="st-names"><rect class="st-back" x="0" y="%s" width="%s" height="%s"/>`, n(l.top), n(l.left-8), n(l.bottom-l.top))
	for i, ln := range l.lanes {
		name := l.d.Lanes[i].Name
		p.f(`<text class="st-name st-k%d" x="%s" y="%s">%s`, ln.class, n(l.left-14), n(ln.y+4), escape(line(name, maxName)))
		p.f(`<title>%s</title></text>`+"\n", escape(Cut(name+kindNote(l.d.Lanes[i].Kind), maxDetail)))
	}
	p.f("</g>\n")
}

func kindNote(kind string) string {
	if kind == "" {
		return ""
	}
	return " (" + kind + ")"
}

func (l *layout) drawBands(p *pen) {
	for _, b := range l.bands {
		p.open("band", b.band.Mood, 0, "", b.band.Label)
		if b.band.Lanes == nil {
			p.f(`<rect class="st-shade" x="%s" y="%s" width="%s" height="%s"/>`, n(b.x0), n(l.top), n(b.x1-b.x0), n(l.bottom-l.top))
		}
		for _, i := range b.band.Lanes {
			ln := &l.lanes[i]
			p.f(`<rect class="st-shade" x="%s" y="%s" width="%s" height="%s"/>`, n(b.x0), n(ln.top), n(b.x1-b.x0), n(ln.bottom-ln.top))
		}
		p.f(`<rect class="st-tab" x="%s" y="%s" width="%s" height="%s" rx="3"/>`, n(b.x0), n(b.y-tabHeight/2), n(b.x1-b.x0), n(tabHeight))
		p.f(`<text class="st-label st-start" x="%s" y="%s">%s</text></g>`+"\n", n(min(b.x0+4, l.width-textWidth(b.text)-4)), n(b.y+4), escape(b.text))
	}
}

func (l *layout) drawAxis(p *pen) {
	if l.d.Logical {
		return
	}
	p.f(`<g class="st-axis">`)
	free := math.Inf(-1)
	for _, t := range l.axis.ticks {
		p.f(`<path class="st-grid" d="M%s %sV%s"/>`, n(t.x), n(l.top), n(l.bottom+4))
		if half := textWidth(t.text) / 2; t.x-half > free && t.x+half < l.width {
			p.f(`<text x="%s" y="%s">%s</text>`, n(t.x), n(l.bottom+16), escape(t.text))
			free = t.x + half + 6
		}
	}
	p.f(`<text class="st-caption" x="%s" y="%s">%s</text></g>`+"\n", n(l.right), n(l.bottom+32), escape(l.axis.caption))
}

func (l *layout) drawSpan(p *pen, i int) {
	s := &l.d.Spans[i]
	ln := &l.lanes[s.Lane]
	x0, x1 := l.bar(s)
	y := ln.tracks[l.track[i]]
	p.open("span", s.Mood, ln.class, s.Detail, s.Label)
	if s.To == Forever { // open to the right
		p.f(`<path class="st-open" d="M%s %sH%sV%sH%s"/>`, n(x1), n(y-barHeight/2), n(x0), n(y+barHeight/2), n(x1))
		p.f(`<path class="st-fringe" d="M%s %sl5 4l-5 4l5 4l-5 4"/></g>`+"\n", n(x1), n(y-barHeight/2))
		return
	}
	p.f(`<rect x="%s" y="%s" width="%s" height="%s" rx="3"/></g>`+"\n", n(x0), n(y-barHeight/2), n(x1-x0), n(barHeight))
}

// drawArrow returns the arrow's label, which is drawn later.
func (l *layout) drawArrow(p *pen, a *Arrow) label {
	at := l.placeArrow(a)
	class := "arrow"
	if a.Dashed {
		class = "arrow st-dashed"
	}
	p.open(class, a.Mood, l.lanes[a.FromLane].class, a.Detail, a.Label)
	cx, cy := (at.x0+at.x1)/2, (at.y0+at.y1)/2-at.bend*2
	path := fmt.Sprintf("M%s %sL%s %s", n(at.x0), n(at.y0), n(at.x1), n(at.y1))
	if at.bend > 0 {
		path = fmt.Sprintf("M%s %sQ%s %s %s %s", n(at.x0), n(at.y0), n(cx), n(cy), n(at.x1), n(at.y1))
	}
	p.f(`<path class="st-hit" d="%s"/><path class="st-shaft" d="%s"/>`, path, path)
	if a.Lost {
		p.f(`<path class="st-cross" d="M%s %sl10 10m0 -10l-10 10"/></g>`+"\n", n(at.x1-5), n(at.y1-5))
		return at.label
	}
	dx, dy := at.x1-at.x0, at.y1-at.y0
	if at.bend > 0 {
		dx, dy = at.x1-cx, at.y1-cy
	}
	if length := math.Hypot(dx, dy); length > 0 {
		dx, dy = dx/length, dy/length
	} else {
		dx = 1
	}
	p.f(`<path class="st-head" d="M%s %sL%s %sL%s %sz"/></g>`+"\n", n(at.x1), n(at.y1),
		n(at.x1-9*dx+4*dy), n(at.y1-9*dy-4*dx), n(at.x1-9*dx-4*dy), n(at.y1-9*dy+4*dx))
	return at.label
}
