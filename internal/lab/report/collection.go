package report

import (
	"bytes"
	_ "embed"
	"html/template"
	"io"

	"github.com/parleydb/parley/check"
)

// Collection is a page about several histories: a headline, tables, and parts of
// which each has stories with pictures.
type Collection struct {
	Title    string
	Verdict  check.Verdict // the headline's colour
	Headline string
	More     string
	Command  string // repeats it
	Tables   []Table
	Parts    []Part
	Facts    [][2]string
	Notes    []string
}

// Table is a table with its heading and a remark below, if it has one.
type Table struct {
	Title string
	Head  []string
	Rows  [][]string
	Note  string
}

// Part is a section of a collection.
type Part struct {
	Title   string
	Text    string
	Tables  []Table
	Stories []Input // each with the results whose violations are to be shown
	Over    *Input  // a run whose rate and latency are to be shown over time; may be nil
}

// maxParts is how many parts are shown. What is left out is told on the page.
const maxParts = 20

// collectionView is what the template shows.
type collectionView struct {
	view
	Tables []Table
	Parts  []partView
}

type partView struct {
	Title, Text string
	Tables      []Table
	Violations  []section
	Briefly     []brief
	Charts      []chart
}

var (
	//go:embed collection.html
	collectionText string

	collectionPage = template.Must(template.Must(page.Clone()).New("collection").Parse(collectionText))
)

// WriteCollection writes a page. It fails only if the writer fails.
func WriteCollection(w io.Writer, c Collection) error {
	v := collectionView{Tables: c.Tables}
	v.view = view{
		Title: cut(c.Title, maxTitle), Command: c.Command, Style: pageStyle, Script: pageScript, room: violationRoom,
		Headline: headline{c.Verdict.String(), cut(c.Headline, maxTitle), cut(c.More, maxText)},
	}
	for _, f := range c.Facts[:min(len(c.Facts), maxFacts)] {
		v.Facts = append(v.Facts, [2]string{cut(f[0], maxName), cut(f[1], maxText)})
	}
	for _, n := range c.Notes[:min(len(c.Notes), maxNotes)] {
		v.Notes = append(v.Notes, noteRow{"", cut(n, maxText)})
	}
	if n := len(c.Parts) - maxParts; n > 0 {
		v.omit("%s of %s parts.", count(n), count(len(c.Parts)))
	}
	for _, p := range c.Parts[:min(len(c.Parts), maxParts)] {
		v.Parts = append(v.Parts, v.part(p))
	}
	var b bytes.Buffer
	if err := collectionPage.Execute(&b, v); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

// part lays a part out. The violations of all parts are numbered through, and
// share the room that there is.
func (v *collectionView) part(p Part) partView {
	out := partView{Title: cut(p.Title, maxTitle), Text: cut(p.Text, maxText), Tables: p.Tables}
	for i := range p.Stories {
		in := &p.Stories[i]
		v.Levels = v.levels(in.Results)
		from := len(v.view.Violations)
		told := len(v.view.Briefly)
		v.violations(in, faultsOf(in, newSurvey(in.History)))
		out.Violations = append(out.Violations, v.view.Violations[from:]...)
		out.Briefly = append(out.Briefly, v.view.Briefly[told:]...)
	}
	if p.Over != nil && len(p.Over.History.Ops) > 0 {
		s := newSurvey(p.Over.History)
		out.Charts = charts(s, faultsOf(p.Over, s))
	}
	return out
}
