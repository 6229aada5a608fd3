package report

import (
	"bytes"
	_ "embed"
	"html/template"
	"io"

	"github.com/parleydb/parley/check"
	"github.com/parleydb/parley/history"
	"github.com/parleydb/parley/internal/lab/spacetime"
)

// Input is all that a report shows.
type Input struct {
	Title   string
	Command string // repeats the run
	History *history.History
	Results []check.Result
	Faults  []Fault
	Facts   [][2]string // name and value: target, workload, seed, version
	Notes   []string    // sentences for the reader, beside the history's own notes
}

// Fault is when a fault was in force, on the history's clock (nanoseconds).
type Fault struct {
	Name     string
	From, To int64    // To may be history.Never: it lasted to the end
	Nodes    []string // whom it hit; nil: the whole system
}

// MaxSize is what a page stays below, in bytes.
const MaxSize = 5_000_000

// How much is shown. What is left out is told on the page.
const (
	maxTitle      = 200 // runes
	maxText       = 1500
	maxValue      = 80
	maxName       = 60
	maxCommand    = 20_000
	maxResults    = 60
	maxFacts      = 40
	maxNotes      = 100
	maxFaults     = 100
	maxTableOps   = 60
	maxDrawnOps   = 60        // of a violation
	maxWholeOps   = 80        // of a run that is drawn as a whole
	violationRoom = 2_000_000 // bytes for all violations in full
)

var (
	//go:embed report.html
	pageText string
	//go:embed report.css
	style string
	//go:embed report.js
	script string

	page = template.Must(template.New("page").Parse(pageText))

	pageStyle  = template.CSS(spacetime.Style + style)
	pageScript = template.JS(spacetime.Script + script)
)

// view is what the template shows.
type view struct {
	Title, Command string
	Headline       headline
	Facts          [][2]string
	Levels         []levelRow
	Violations     []section
	Briefly        []brief // violations for which there was no room
	Faults         []faultRow
	Charts         []chart
	Overview       *overview
	Whole          template.HTML // a small run as a diagram
	Notes          []noteRow
	Omitted        []string
	Style          template.CSS
	Script         template.JS

	room int // bytes for violations in full, that are left
}

// Write writes the report. It fails only if the writer fails.
func Write(w io.Writer, in Input) error {
	if in.History == nil {
		in.History = new(history.History)
	}
	s := newSurvey(in.History)
	faults := faultsOf(&in, s)
	v := view{
		Title:    cut(in.Title, maxTitle),
		Command:  in.Command,
		Headline: headlineOf(in.Results),
		Style:    pageStyle,
		Script:   pageScript,
		room:     violationRoom,
	}
	if v.Title == "" {
		v.Title = "What the history shows"
	}
	if len(v.Command) > maxCommand {
		v.Command = ""
		v.omit("The command that repeats the run: it has %s bytes.", count(len(in.Command)))
	}
	v.Facts = v.facts(&in, s)
	v.Levels = v.levels(in.Results)
	v.violations(&in, faults)
	v.Faults = v.faultRows(faults, s)
	v.Notes = v.notes(&in)
	if !in.History.Header.Timeless && len(in.History.Ops) > 0 {
		v.Charts = charts(s, faults)
	} else if len(in.History.Ops) > 0 {
		v.omit("Rate and latency: the history has no clock.")
	}
	if err := v.whole(&in, s, faults); err != nil {
		return err
	}
	var b bytes.Buffer
	if err := page.Execute(&b, v); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

// whole shows the whole run: as a diagram if it is small, else as counts.
func (v *view) whole(in *Input, s *survey, faults []fault) error {
	switch n := len(in.History.Ops); {
	case n == 0:
		return nil
	case n > maxWholeOps:
		v.Overview = newOverview(s, faults, in)
		if s.grouped() {
			v.omit("A row of the overview for each session: there are %s sessions in %d rows.", count(len(s.sessions)), len(s.rows))
		}
		return nil
	}
	ops := make([]int, len(in.History.Ops))
	for i := range ops {
		ops[i] = i
	}
	d := picture(in.History, ops, faults)
	d.Title = "The whole run"
	figure, err := figureOf(d)
	v.Whole = figure
	return err
}

func figureOf(d *spacetime.Diagram) (template.HTML, error) {
	var b bytes.Buffer
	err := d.Figure(&b)
	return template.HTML(b.String()), err
}
