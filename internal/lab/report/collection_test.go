package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/parleydb/parley/check"
	"github.com/parleydb/parley/internal/lab/browser"
)

// collection has parts of two stories each, of one run.
func collection(t *testing.T, parts int) Collection {
	in := staleRun(t)
	c := Collection{
		Title: "Several <runs>", Verdict: check.Violated, Headline: "One is broken", More: "No proof", Command: "parley lab analyze",
		Tables: []Table{{Title: "All", Head: []string{"asked", "held"}, Rows: [][]string{{"weak", "mw"}}, Note: "a remark"}},
		Facts:  [][2]string{{"target", "a test"}}, Notes: []string{"a note"},
	}
	for i := range parts {
		c.Parts = append(c.Parts, Part{Title: fmt.Sprintf("Part %d", i+1), Text: "of it", Stories: []Input{in, in}, Over: &in})
	}
	return c
}

func TestCollection(t *testing.T) {
	var b bytes.Buffer
	if err := WriteCollection(&b, collection(t, 2)); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, want := range []string{"Several &lt;runs&gt;", "One is broken", "No proof", "a remark", "Part 2", "parley lab analyze", "a note", "a test"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q", want)
		}
	}
	all := strings.Count(page, `<article id="violation-`)
	if all < 4 || all%4 != 0 {
		t.Errorf("%d violations of four stories that are alike", all)
	}
	for i := 1; i <= all; i++ { // numbered through, so that a link leads to one place
		if n := strings.Count(page, fmt.Sprintf(`<article id="violation-%d">`, i)); n != 1 {
			t.Errorf("violation %d is there %d times", i, n)
		}
	}
	if n := strings.Count(page, `<figure class="plot">`); n != 4 {
		t.Errorf("%d charts", n)
	}
}

// The page loads without errors, its charts can be pointed at, and it is not too
// wide.
func TestCollectionInBrowser(t *testing.T) {
	var b bytes.Buffer
	if err := WriteCollection(&b, collection(t, 2)); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Headline string
		Rows     int
		Tip      string
		Wide     int
	}
	browser.Open(t, b.String(), `
const plot = [...document.querySelectorAll("figure.plot")].at(-1), svg = plot.querySelector("svg");
svg.scrollIntoView();
const p = svg.getBoundingClientRect();
svg.dispatchEvent(new PointerEvent("pointermove", { clientX: p.x + p.width * 0.2, clientY: p.y + p.height / 2, bubbles: true }));
return { Headline: document.querySelector("h1").innerText, Rows: document.querySelectorAll(".told-table tbody tr").length,
  Tip: plot.querySelector(".st-tip").innerText, Wide: document.documentElement.scrollWidth - innerWidth };`).Check(t, &got)
	if got.Headline != "One is broken" || got.Rows != 1 || got.Tip == "" || got.Wide > 0 {
		t.Errorf("%+v", got)
	}
}

// What there is no room for is told in words, and what is left out is named.
func TestCollectionStaysSmall(t *testing.T) {
	var b bytes.Buffer
	c := collection(t, maxParts+30)
	c.Parts[0].Stories = nil
	for range 300 {
		c.Parts[0].Stories = append(c.Parts[0].Stories, c.Parts[1].Stories[0])
	}
	if err := WriteCollection(&b, c); err != nil || b.Len() > MaxSize || !strings.Contains(b.String(), "Not on this page") {
		t.Errorf("%d bytes, %v", b.Len(), err)
	}
}
