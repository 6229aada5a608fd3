package report

import (
	"fmt"
	"html/template"
	"math"
	"strings"

	"github.com/parleydb/parley/history"
)

// overview is the whole run as a field of counts: a row for each session, or
// for several; a column for each bucket of time.
type overview struct {
	Title  string
	Figure template.HTML
	Data   overviewData // for the script
}

type overviewData struct {
	Edges []float64 // of the buckets
	Times []string  // of the edges
	Top   float64
	Row   float64    // height
	Rows  []string   // names
	Cells [][]uint32 // by row: column, ok, failed, unknown; again and again
}

const (
	overviewTop = 24.0
	rowHeight   = 12.0
	shades      = 4
)

// The classes of cells. What is worse hides what is better.
var cellClasses = [...]string{history.Info: "c-info", history.OK: "c-ok", history.Fail: "c-fail"}

func newOverview(s *survey, faults []fault, in *Input) *overview {
	f := frame{s, faults}
	o := &overview{Title: "The whole run, by session"}
	if s.grouped() {
		o.Title = fmt.Sprintf("The whole run, by groups of %s sessions", count(s.perRow))
	}
	o.Data = overviewData{Edges: f.data().Edges, Top: overviewTop, Row: rowHeight}
	for i := range s.buckets {
		o.Data.Times = append(o.Data.Times, moment(s.begin(i)))
	}
	o.Data.Times = append(o.Data.Times, moment(s.to))
	bottom := overviewTop + rowHeight*float64(len(s.rows))
	var b strings.Builder
	b.WriteString(`<figure class="spacetime overview"><div class="st-bar">` +
		`<button type="button" data-st="in" title="Zoom in (+)" aria-label="Zoom in">+</button>` +
		`<button type="button" data-st="out" title="Zoom out (-)" aria-label="Zoom out">−</button>` +
		`<button type="button" data-st="fit" title="Show all (0)">Fit</button></div>`)
	fmt.Fprintf(&b, `<svg class="st-svg chart" role="img" aria-label="%s" viewBox="0 0 %s %s">`, template.HTMLEscapeString(o.Title), num(chartWidth), num(bottom+36))
	f.bands(&b, overviewTop-20, bottom)
	o.cells(&b, s)
	o.rings(&b, s, in)
	o.names(&b, s)
	if !in.History.Header.Timeless {
		f.times(&b, bottom)
	}
	b.WriteString(`</svg><div class="st-tip" role="status" hidden></div></figure>`)
	o.Figure = template.HTML(b.String())
	return o
}

// cells draws the counts: one path for each colour and shade, which is far less
// text than an element for each cell.
func (o *overview) cells(b *strings.Builder, s *survey) {
	most := uint32(1)
	for _, row := range s.rows {
		for _, c := range row {
			most = max(most, c[0]+c[1]+c[2])
		}
	}
	var paths [len(cellClasses)][shades]strings.Builder
	for r, row := range s.rows {
		var data []uint32
		for i, c := range row {
			all := c[0] + c[1] + c[2]
			if all == 0 {
				continue
			}
			data = append(data, uint32(i), c[history.OK], c[history.Fail], c[history.Info])
			class := history.OK
			switch {
			case c[history.Info] > 0:
				class = history.Info
			case c[history.Fail] > 0:
				class = history.Fail
			}
			shade := min(int(math.Sqrt(float64(all)/float64(most))*shades), shades-1)
			x0, x1 := o.Data.Edges[i], o.Data.Edges[i+1]
			fmt.Fprintf(&paths[class][shade], "M%s %sh%sv%sH%sz", num(x0), num(overviewTop+rowHeight*float64(r)), num(math.Max(x1-x0, 1)), num(rowHeight-1), num(x0))
		}
		o.Data.Cells = append(o.Data.Cells, data)
	}
	for class := range paths {
		for shade := range paths[class] {
			if paths[class][shade].Len() > 0 {
				fmt.Fprintf(b, `<path class="cell %s s%d" d="%s"/>`, cellClasses[class], shade, paths[class][shade].String())
			}
		}
	}
}

// maxRings is how many operations of violations are marked.
const maxRings = 200

func (o *overview) rings(b *strings.Builder, s *survey, in *Input) {
	n := 0
	for _, r := range in.Results {
		for _, v := range r.Violations {
			for _, i := range v.Ops {
				if i < 0 || i >= len(in.History.Ops) || n == maxRings {
					continue
				}
				n++
				op := &in.History.Ops[i]
				at := s.bucketOf(ended(op))
				x := (o.Data.Edges[at] + o.Data.Edges[at+1]) / 2
				fmt.Fprintf(b, `<circle class="ring" cx="%s" cy="%s" r="5"/>`, num(x), num(overviewTop+rowHeight*(float64(s.row(op))+0.5)-0.5))
			}
		}
	}
}

func (o *overview) names(b *strings.Builder, s *survey) {
	for r := range s.rows {
		first := s.sessions[r*s.perRow]
		name := cut(first, 9)
		if s.grouped() {
			last := s.sessions[min((r+1)*s.perRow, len(s.sessions))-1]
			name = cut(first, 5) + "–" + cut(last, 5)
			o.Data.Rows = append(o.Data.Rows, cut(first, maxName)+" to "+cut(last, maxName))
		} else {
			o.Data.Rows = append(o.Data.Rows, cut(first, maxName))
		}
		fmt.Fprintf(b, `<text class="y row" x="%s" y="%s">%s</text>`, num(chartLeft-6), num(overviewTop+rowHeight*float64(r)+9.5), template.HTMLEscapeString(name))
	}
}
