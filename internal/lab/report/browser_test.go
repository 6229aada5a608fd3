package report

import (
	"slices"
	"testing"

	"github.com/parleydb/parley/internal/lab/browser"
)

// TestInBrowser: the page loads without a network and without errors; the
// verdicts can be read; pictures can be zoomed, charts and the overview pointed at.
func TestInBrowser(t *testing.T) {
	var got struct {
		Headline, Whole, Zoomed, Tip, ChartTip, CellTip string
		Verdicts                                        []string
		Told                                            string
		Command                                         string
		Wide                                            int
		Light                                           string
	}
	in := loadRun(t, 2000, 60)
	browser.Open(t, write(t, in), `
const seen = (e) => e && e.offsetHeight > 0 ? e.innerText : "";
const point = (e, x, y) => e.dispatchEvent(new PointerEvent("pointermove", { clientX: x, clientY: y, bubbles: true }));
const out = { Headline: seen(document.querySelector("h1")), Told: seen(document.querySelector(".told")), Command: seen(document.querySelector("#command")) };
out.Verdicts = [...document.querySelectorAll(".levels tbody tr")].map((r) => (seen(r.cells[0]) + " " + seen(r.cells[1])).replace(/\s+/g, " "));
const svg = document.querySelector("article figure.spacetime svg");
out.Whole = svg.getAttribute("viewBox");
document.querySelector("article [data-st=in]").click();
out.Zoomed = svg.getAttribute("viewBox");
document.querySelector("article [data-st=fit]").click();
svg.scrollIntoView();
const bar = svg.querySelector(".st-span.st-bad rect").getBoundingClientRect();
const x = bar.x + bar.width / 2, y = bar.y + bar.height / 2;
point(document.elementFromPoint(x, y), x, y);
out.Tip = seen(svg.parentElement.querySelector(".st-tip"));
const plot = document.querySelector("figure.plot"), p = plot.querySelector("svg").getBoundingClientRect();
point(plot.querySelector("svg"), p.x + p.width * 0.2, p.y + p.height / 2);
out.ChartTip = seen(plot.querySelector(".st-tip"));
const cells = document.querySelector("figure.overview svg"), c = cells.getBoundingClientRect();
const data = JSON.parse(document.getElementById("overview-data").textContent), at = data.Cells[0][0];
point(cells, c.x + (data.Edges[at] + data.Edges[at + 1]) / 2 / 1000 * c.width, c.y + 30 / 1000 * c.width);
out.CellTip = seen(document.querySelector("figure.overview .st-tip"));
out.Wide = document.documentElement.scrollWidth - innerWidth;
out.Light = getComputedStyle(document.body).backgroundColor;
return out;`).Check(t, &got)
	if got.Headline != "linearizable is violated" || got.Command != in.Command || got.Told != in.Results[0].Violations[0].Text {
		t.Errorf("%+v", got)
	}
	if want := []string{"linearizable violated", "causal holds strongest", "ryw holds", "mr holds"}; !slices.Equal(got.Verdicts, want) {
		t.Errorf("%q", got.Verdicts)
	}
	if got.Zoomed == got.Whole || got.Zoomed == "" {
		t.Errorf("zoomed from %s to %s", got.Whole, got.Zoomed)
	}
	contains(t, got.Tip, "read key-7", "answer: null", "session 60, node n3")
	contains(t, got.ChartTip, " s to ", "ok: ", "/s")
	contains(t, got.CellTip, "session 0 to 1", "ok, 0 failed, 0 unknown")
	if got.Wide > 0 {
		t.Errorf("the page is %d pixels too wide", got.Wide)
	}
	var dark string
	browser.Open(t, write(t, staleRun(t)), `return getComputedStyle(document.body).backgroundColor;`, "--blink-settings=preferredColorScheme=0").Check(t, &dark)
	if dark == got.Light || dark == "" {
		t.Errorf("the same background in dark and light: %s", dark)
	}
}
