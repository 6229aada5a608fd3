package spacetime

import (
	_ "embed"
	"io"
)

// Style is the style sheet of figures, for pages that contain some.
//
//go:embed spacetime.css
var Style string

// Script makes the figures of a page interactive: zoom, pan, details.
//
//go:embed spacetime.js
var Script string

// SVG writes the diagram as a picture that stands alone, with its title and
// notes. An error is the writer's, or tells of a thing on a lane that does not
// exist.
func (d *Diagram) SVG(w io.Writer) error {
	shown, err := d.limited()
	if err != nil {
		return err
	}
	l := newLayout(shown)
	head := 0.0
	if d.Title != "" {
		head += 30
	}
	subtitle := wrap(d.Subtitle, l.width-2*margin)
	head += float64(len(subtitle)) * lineHeight
	var notes []string
	for _, t := range shown.Notes {
		notes = append(notes, wrap(t, l.width-2*margin)...)
	}
	height := head + l.height + float64(len(notes))*lineHeight + 12
	p := new(pen)
	p.root(d.Title, l.width, height)
	p.f("<style>\n%s</style>\n", Style) // has no < and no &
	p.f(`<rect class="st-back" x="0" y="0" width="%s" height="%s"/>`+"\n", n(l.width), n(height))
	y := 24.0
	if d.Title != "" {
		p.f(`<text class="st-title" x="%s" y="%s">%s</text>`+"\n", n(margin), n(y), escape(line(d.Title, 120)))
		y += 20
	}
	for _, t := range subtitle {
		p.f(`<text class="st-note" x="%s" y="%s">%s</text>`+"\n", n(margin), n(y), escape(t))
		y += lineHeight
	}
	p.f(`<g transform="translate(0 %s)">`+"\n", n(head))
	l.figure(p)
	p.f("</g>\n")
	for i, t := range notes {
		p.f(`<text class="st-note" x="%s" y="%s">%s</text>`+"\n", n(margin), n(head+l.height+float64(i+1)*lineHeight), escape(t))
	}
	p.f("</svg>\n")
	_, err = w.Write(p.Bytes())
	return err
}

// Figure writes the diagram as part of an HTML page that has Style and Script:
// the picture with its controls, without title and notes.
func (d *Diagram) Figure(w io.Writer) error {
	shown, err := d.limited()
	if err != nil {
		return err
	}
	p := new(pen)
	p.figure(d.Title, newLayout(shown))
	_, err = w.Write(p.Bytes())
	return err
}

func (p *pen) figure(title string, l *layout) {
	p.f(`<figure class="spacetime"><div class="st-bar">` +
		`<button type="button" data-st="in" title="Zoom in (+)" aria-label="Zoom in">+</button>` +
		`<button type="button" data-st="out" title="Zoom out (-)" aria-label="Zoom out">−</button>` +
		`<button type="button" data-st="fit" title="Show all (0)">Fit</button>` +
		`<span class="st-help">Wheel zooms, dragging moves, pointing tells more. Keys: + − 0 and arrows; Tab goes from one to the next.</span></div>` + "\n")
	p.root(title, l.width, l.height)
	l.figure(p)
	p.f(`</svg><div class="st-tip" role="status" hidden></div></figure>` + "\n")
}

func (p *pen) root(title string, width, height float64) {
	if title == "" {
		title = "Space-time diagram"
	}
	p.f(`<svg xmlns="http://www.w3.org/2000/svg" class="st-svg" role="img" aria-label="%s" width="%s" height="%s" viewBox="0 0 %s %s">`+"\n",
		escape(line(title, 120)), n(width), n(height), n(width), n(height))
}
