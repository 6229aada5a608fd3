package report

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"

	"github.com/parleydb/parley/history"
	"github.com/parleydb/parley/internal/lab/axis"
)

// chart is one chart over time with what it says at each bucket.
type chart struct {
	Title  string
	Legend []series
	SVG    template.HTML
	Data   chartData // for the script
}

// series is a line of a chart.
type series struct{ Name, Class string }

// chartData says where the buckets are and what to show when one is pointed at.
type chartData struct {
	Left, Right float64   // of the plot
	Edges       []float64 // of the buckets: one more than there are
	Tips        []string
}

// The place of things in a chart, in pixels.
const (
	chartWidth  = 1000.0
	chartLeft   = 66.0
	chartRight  = 988.0
	chartTop    = 24.0
	chartBottom = 190.0
	chartHeight = 226.0
)

// frame is what the charts of a run share: the axis of time and the faults.
type frame struct {
	s      *survey
	faults []fault
}

func charts(s *survey, faults []fault) []chart {
	f := frame{s, faults}
	return []chart{f.rate(), f.latency()}
}

// x is the place of a time.
func (f frame) x(t int64) float64 {
	length := float64(f.s.to) - float64(f.s.from)
	if length == 0 {
		return chartLeft
	}
	x := chartLeft + (float64(t)-float64(f.s.from))/length*(chartRight-chartLeft)
	return math.Max(chartLeft, math.Min(x, chartRight))
}

func (f frame) data() chartData {
	d := chartData{Left: chartLeft, Right: chartRight}
	for i := range f.s.buckets {
		d.Edges = append(d.Edges, round(f.x(f.s.begin(i))))
	}
	d.Edges = append(d.Edges, chartRight)
	return d
}

func round(x float64) float64 { return math.Round(x*10) / 10 }

func num(x float64) string { return strconv.FormatFloat(round(x)+0, 'f', -1, 64) }

// rate draws operations a second, by outcome.
func (f frame) rate() chart {
	lines := []struct {
		series
		outcome history.Outcome
	}{{series{"ok", "c-ok"}, history.OK}, {series{"failed", "c-fail"}, history.Fail}, {series{"unknown", "c-info"}, history.Info}}
	c := chart{Title: "Operations a second, over " + f.s.each() + " each", Data: f.data()}
	perSecond := 1e9 / float64(f.s.width)
	most := 0.0
	for i := range f.s.buckets {
		for _, n := range f.s.buckets[i].done {
			most = math.Max(most, float64(n)*perSecond)
		}
	}
	ticks := axis.Amounts(most, 4)
	top := ticks[len(ticks)-1].At
	y := func(v float64) float64 { return chartBottom - v/top*(chartBottom-chartTop) }
	var b strings.Builder
	f.open(&b, c.Title)
	f.grid(&b, ticks, y)
	for _, l := range lines {
		if f.s.outcomes[l.outcome] == 0 && l.outcome != history.OK {
			continue
		}
		c.Legend = append(c.Legend, l.series)
		f.line(&b, l.Class, func(i int) (float64, bool) {
			return y(float64(f.s.buckets[i].done[l.outcome]) * perSecond), true
		})
	}
	for i := range f.s.buckets {
		d := f.s.buckets[i].done
		tip := f.when(i)
		for _, l := range c.Legend {
			n := d[map[string]history.Outcome{"ok": history.OK, "failed": history.Fail, "unknown": history.Info}[l.Name]]
			tip += fmt.Sprintf("\n%s: %s/s (%s)", l.Name, axis.Amount(float64(n)*perSecond), count(int(n)))
		}
		c.Data.Tips = append(c.Data.Tips, tip)
	}
	c.SVG = f.close(&b)
	return c
}

// latency draws how long the operations took that ended well.
func (f frame) latency() chart {
	c := chart{Title: "Latency of successful operations", Data: f.data(), Legend: []series{{"median", "c-p50"}, {"99th percentile", "c-p99"}, {"longest", "c-max"}}}
	lines := [3][]float64{}
	least, most := math.Inf(1), 1.0
	for i := range f.s.buckets {
		h := f.s.buckets[i].latency
		tip := f.when(i)
		values := [3]float64{-1, -1, -1}
		if h != nil {
			values = [3]float64{float64(h.quantile(0.5)), float64(h.quantile(0.99)), float64(h.most)}
			least, most = math.Min(least, values[0]), math.Max(most, values[2])
			for n, l := range c.Legend {
				tip += "\n" + l.Name + ": " + axis.Duration(values[n])
			}
		} else {
			tip += "\nnone"
		}
		for n := range lines {
			lines[n] = append(lines[n], values[n])
		}
		c.Data.Tips = append(c.Data.Tips, tip)
	}
	ticks := axis.Decades(math.Min(least, most), most)
	low, high := math.Log(ticks[0].At), math.Log(ticks[len(ticks)-1].At)
	y := func(v float64) float64 {
		return chartBottom - (math.Log(math.Max(v, ticks[0].At))-low)/(high-low)*(chartBottom-chartTop)
	}
	var b strings.Builder
	f.open(&b, c.Title)
	f.grid(&b, ticks, y)
	for n := len(lines) - 1; n >= 0; n-- {
		f.line(&b, c.Legend[n].Class, func(i int) (float64, bool) { return y(lines[n][i]), lines[n][i] >= 0 })
	}
	c.SVG = f.close(&b)
	return c
}

func (f frame) when(i int) string {
	return moment(f.s.begin(i)) + " to " + moment(f.s.end(i))
}

func (f frame) open(b *strings.Builder, title string) {
	fmt.Fprintf(b, `<svg class="chart" role="img" tabindex="0" aria-label="%s" viewBox="0 0 %s %s">`, template.HTMLEscapeString(title), num(chartWidth), num(chartHeight))
	f.bands(b, chartTop-20, chartBottom)
}

// bands shades the times of faults; their names stand where there is room.
func (f frame) bands(b *strings.Builder, top, bottom float64) {
	free := 0.0
	for _, ft := range f.faults[:min(len(f.faults), maxFaults)] {
		if ft.to < f.s.from || ft.from > f.s.to {
			continue
		}
		x0 := f.x(ft.from)
		x1 := math.Max(f.x(ft.to), x0+2)
		text := template.HTMLEscapeString(ft.name)
		fmt.Fprintf(b, `<g class="band"><title>%s</title><rect x="%s" y="%s" width="%s" height="%s"/>`, text, num(x0), num(top), num(x1-x0), num(bottom-top))
		width := 7.2 * float64(len([]rune(ft.name)))
		if at := math.Max(chartLeft, math.Min(x0+3, chartRight-width)); at >= free {
			fmt.Fprintf(b, `<text x="%s" y="%s">%s</text>`, num(at), num(top+12), text)
			free = at + width + 4
		}
		b.WriteString("</g>")
	}
}

func (f frame) grid(b *strings.Builder, ticks []axis.Tick, y func(float64) float64) {
	for _, t := range ticks {
		fmt.Fprintf(b, `<path class="grid" d="M%s %sH%s"/><text class="y" x="%s" y="%s">%s</text>`, num(chartLeft), num(y(t.At)), num(chartRight), num(chartLeft-8), num(y(t.At)+4), t.Text)
	}
	f.times(b, chartBottom)
}

// times writes the axis of time below y.
func (f frame) times(b *strings.Builder, y float64) {
	ticks, caption := axis.Time(f.s.from, f.s.to, 8)
	for _, t := range ticks {
		x := f.x(int64(t.At))
		fmt.Fprintf(b, `<path class="grid" d="M%s %sv5"/><text class="t" x="%s" y="%s">%s</text>`, num(x), num(y), num(math.Min(x, chartRight-12)), num(y+18), t.Text)
	}
	fmt.Fprintf(b, `<text class="y" x="%s" y="%s">%s</text>`, num(chartRight), num(y+33), caption)
}

// line draws a value for each bucket as steps, with gaps where there is none.
func (f frame) line(b *strings.Builder, class string, at func(i int) (float64, bool)) {
	fmt.Fprintf(b, `<path class="line %s" d="`, class)
	pen := false
	for i := range f.s.buckets {
		y, ok := at(i)
		switch x0, x1 := f.x(f.s.begin(i)), f.x(f.s.end(i)); {
		case !ok:
			pen = false
		case pen:
			fmt.Fprintf(b, "V%sH%s", num(y), num(x1))
		default:
			fmt.Fprintf(b, "M%s %sH%s", num(x0), num(y), num(x1))
			pen = true
		}
	}
	b.WriteString(`"/>`)
}

func (f frame) close(b *strings.Builder) template.HTML {
	b.WriteString(`<path class="cursor" d=""/></svg>`)
	return template.HTML(b.String())
}
