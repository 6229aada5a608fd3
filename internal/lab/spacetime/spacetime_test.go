package spacetime

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the golden files anew; look at the pictures in the diff")

// TestGolden keeps the pictures as they were looked at and found good.
func TestGolden(t *testing.T) {
	for name, d := range map[string]*Diagram{"stale": stale(), "vector": vector(), "busy": busy(), "empty": {}} {
		var b bytes.Buffer
		if err := d.SVG(&b); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", name+".svg")
		if *update {
			if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b.Bytes(), want) {
			t.Errorf("%s differs from %s: go test ./internal/lab/spacetime -update, and look at it", name, path)
		}
	}
}

// TestAnyDiagram: whatever a diagram holds, its picture is well-formed XML, the
// same each time, without a label over another, and a page of it has no tag
// that came from a text.
func TestAnyDiagram(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := anyDiagram(t)
		var svg, again, page bytes.Buffer
		if err := errors.Join(d.SVG(&svg), d.SVG(&again), d.HTML(&page)); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(svg.Bytes(), again.Bytes()) {
			t.Fatal("two pictures of one diagram")
		}
		wellFormed(t, svg.Bytes())
		if strings.Count(page.String(), "<script") != 1 || strings.Contains(page.String(), "<img") {
			t.Fatal("a text became a tag")
		}
		shown, _ := d.limited()
		l := newLayout(shown)
		for i, b := range l.boxes {
			for _, o := range l.boxes[:i] {
				if b.meets(o) {
					t.Fatalf("labels at %v and %v", b, o)
				}
			}
		}
		for i := 1; i < len(l.scale.xs); i++ {
			if !(l.scale.xs[i-1] <= l.scale.xs[i]) { // false for NaN
				t.Fatalf("time runs backwards: %v", l.scale)
			}
		}
	})
}

func wellFormed(t interface{ Fatal(...any) }, b []byte) {
	dec := xml.NewDecoder(bytes.NewReader(b))
	for {
		tok, err := dec.Token()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := tok.(xml.StartElement); ok && (e.Name.Local == "img" || e.Name.Local == "script") {
			t.Fatal("a text became an element: ", e)
		}
	}
}

func anyDiagram(t *rapid.T) *Diagram {
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		"", "x=1", "<script>alert(1)</script>", "<img src=x>", "\x00\xff\x1b", "]]>", "a\nb", "\u202e\ufffe", strings.Repeat("w", 2000), strings.Repeat("字", 90)}))
	lanes := rapid.IntRange(1, 6).Draw(t, "lanes")
	lane := rapid.IntRange(0, lanes-1)
	at := rapid.OneOf(rapid.Int64Range(0, 20), rapid.Int64(), rapid.Int64Range(1e9, 1e9+1e6), rapid.Just(Forever))
	mood := rapid.Map(rapid.Uint8Range(0, 5), func(n uint8) Mood { return Mood(n) })
	d := &Diagram{Title: text.Draw(t, "title"), Subtitle: text.Draw(t, "subtitle"), Logical: rapid.Bool().Draw(t, "logical")}
	for range lanes {
		d.Lanes = append(d.Lanes, Lane{text.Draw(t, "name"), text.Draw(t, "kind")})
	}
	for range rapid.IntRange(0, 40).Draw(t, "spans") {
		d.Spans = append(d.Spans, Span{lane.Draw(t, "lane"), at.Draw(t, "from"), at.Draw(t, "to"), text.Draw(t, "label"), text.Draw(t, "detail"), mood.Draw(t, "mood")})
	}
	for range rapid.IntRange(0, 20).Draw(t, "events") {
		d.Events = append(d.Events, Event{lane.Draw(t, "lane"), at.Draw(t, "at"), text.Draw(t, "label"), text.Draw(t, "detail"), mood.Draw(t, "mood")})
	}
	for range rapid.IntRange(0, 20).Draw(t, "arrows") {
		d.Arrows = append(d.Arrows, Arrow{lane.Draw(t, "from lane"), lane.Draw(t, "to lane"), at.Draw(t, "from"), at.Draw(t, "to"), text.Draw(t, "label"), text.Draw(t, "detail"), mood.Draw(t, "mood"), rapid.Bool().Draw(t, "lost"), rapid.Bool().Draw(t, "dashed")})
	}
	for range rapid.IntRange(0, 4).Draw(t, "bands") {
		d.Bands = append(d.Bands, Band{at.Draw(t, "from"), at.Draw(t, "to"), rapid.SliceOfN(lane, 0, 3).Draw(t, "of"), text.Draw(t, "label"), mood.Draw(t, "mood")})
	}
	d.Notes = rapid.SliceOfN(text, 0, 3).Draw(t, "notes")
	return d
}

// TestBounded: a diagram of any size gives a page below 5 MB, and says what it left out.
func TestBounded(t *testing.T) {
	worst := strings.Repeat(`"`, 5000)
	d := &Diagram{Title: worst, Subtitle: worst}
	for i := range 3000 {
		d.Lanes = append(d.Lanes, Lane{worst, worst})
		d.Spans = append(d.Spans, Span{i % MaxLanes, int64(i), int64(i + 50), worst, worst, Bad})
		d.Events = append(d.Events, Event{i % MaxLanes, int64(i), worst, worst, Good})
		d.Arrows = append(d.Arrows, Arrow{i % MaxLanes, (i + 1) % MaxLanes, int64(i), int64(i + 9), worst, worst, Plain, false, true})
		d.Bands = append(d.Bands, Band{int64(i), int64(i + 1), nil, worst, Plain})
		d.Notes = append(d.Notes, worst)
	}
	var b bytes.Buffer
	if err := d.HTML(&b); err != nil {
		t.Fatal(err)
	}
	if b.Len() > 5_000_000 {
		t.Errorf("%d bytes", b.Len())
	}
	want := "Not drawn, because it would be too much: 2900 of 3000 lanes, 2500 of 3000 spans, 2500 of 3000 events, 2500 of 3000 arrows, 2900 of 3000 bands, 2950 of 3000 notes."
	if !strings.Contains(b.String(), want) {
		t.Error("does not say what it left out")
	}
}

func TestUnknownLane(t *testing.T) {
	for want, d := range map[string]*Diagram{
		`span 0 ("w") is on lane 1 of 1`:   {Spans: []Span{{Lane: 1, Label: "w"}}},
		`event 0 ("e") is on lane -1 of 1`: {Events: []Event{{Lane: -1, Label: "e"}}},
		`arrow 0 ("a") is on lane 9 of 1`:  {Arrows: []Arrow{{ToLane: 9, Label: "a"}}},
		`band 0 ("b") is on lane 2 of 1`:   {Bands: []Band{{Lanes: []int{2}, Label: "b"}}},
	} {
		d.Lanes = []Lane{{Name: "p"}}
		for _, err := range []error{d.SVG(io.Discard), d.HTML(io.Discard), d.Figure(io.Discard)} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %s", err, want)
			}
		}
	}
}

// TestStretched: calls of a millisecond that lie an hour apart can still be seen,
// and the picture says that it is not to scale. Logical time is never stretched.
func TestStretched(t *testing.T) {
	d := &Diagram{Lanes: []Lane{{}}, Spans: []Span{{From: 0, To: ms}, {From: 3_600_000 * ms, To: 3_600_001 * ms}}}
	s := newScale(d, 0, 700)
	if w := s.x(ms) - s.x(0); !s.stretched || w < minSpan {
		t.Errorf("stretched %v, %v pixels", s.stretched, w)
	}
	if a := newAxis(&s); !strings.Contains(a.caption, "not to scale") {
		t.Error(a.caption)
	}
	d.Logical = true
	if s := newScale(d, 0, 700); s.stretched {
		t.Error("logical time stretched")
	}
	var b bytes.Buffer
	if err := d.SVG(&b); err != nil || strings.Contains(b.String(), `class="st-axis"`) {
		t.Error("a logical diagram has an axis", err)
	}
}

// TestWrap keeps every word, in lines that fit.
func TestWrap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringN(0, 300, -1).Draw(t, "s")
		lines := wrap(s, 120)
		if strings.Join(strings.Fields(strings.Join(lines, "")), "") != strings.Join(strings.Fields(s), "") {
			t.Fatalf("%q became %q", s, lines)
		}
		for _, l := range lines {
			if textWidth(l) > 120 {
				t.Fatalf("%q is %v wide", l, textWidth(l))
			}
		}
	})
}
