package spacetime

import (
	_ "embed"
	"html/template"
	"io"
)

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Parse(pageText))

// HTML writes the diagram as a page that needs nothing else: with zoom, pan and
// details of what is pointed at. Errors are those of SVG.
func (d *Diagram) HTML(w io.Writer) error {
	shown, err := d.limited()
	if err != nil {
		return err
	}
	p := new(pen)
	p.figure(d.Title, newLayout(shown))
	for i, s := range shown.Notes {
		shown.Notes[i] = Cut(s, maxNote)
	}
	return page.Execute(w, struct {
		Title, Subtitle string
		Notes           []string
		Figure          template.HTML
		Style           template.CSS
		Script          template.JS
	}{Cut(d.Title, 120), Cut(d.Subtitle, maxNote), shown.Notes, template.HTML(p.String()), template.CSS(Style), template.JS(Script)})
}
