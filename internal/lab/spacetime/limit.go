package spacetime

import "fmt"

// limited is the diagram without what is too much, and checked: whatever stands
// on a lane that does not exist is an error. Things on lanes that are left out
// are left out too.
func (d *Diagram) limited() (Diagram, error) {
	out := *d
	out.Lanes = d.Lanes[:min(len(d.Lanes), MaxLanes)]
	var err error
	bad := func(what string, i int, label string, lane int) bool {
		if lane < 0 || lane >= len(d.Lanes) {
			err = fmt.Errorf("spacetime: %s %d (%q) is on lane %d of %d", what, i, Cut(label, 40), lane, len(d.Lanes))
		}
		return lane < 0 || lane >= len(out.Lanes)
	}
	out.Spans, out.Events, out.Arrows, out.Bands = nil, nil, nil, nil
	for i, s := range d.Spans {
		if !bad("span", i, s.Label, s.Lane) && len(out.Spans) < MaxSpans {
			out.Spans = append(out.Spans, s)
		}
	}
	for i, e := range d.Events {
		if !bad("event", i, e.Label, e.Lane) && len(out.Events) < MaxEvents {
			out.Events = append(out.Events, e)
		}
	}
	for i, a := range d.Arrows {
		from, to := bad("arrow", i, a.Label, a.FromLane), bad("arrow", i, a.Label, a.ToLane)
		if !from && !to && len(out.Arrows) < MaxArrows {
			out.Arrows = append(out.Arrows, a)
		}
	}
	for i, b := range d.Bands {
		var lanes []int
		for _, l := range b.Lanes {
			if !bad("band", i, b.Label, l) && len(lanes) < MaxLanes {
				lanes = append(lanes, l)
			}
		}
		if (b.Lanes == nil || lanes != nil) && len(out.Bands) < MaxBands {
			out.Bands = append(out.Bands, Band{b.From, b.To, lanes, b.Label, b.Mood})
		}
	}
	out.Notes = append([]string(nil), d.Notes[:min(len(d.Notes), MaxNotes)]...)
	if note := out.omitted(d); note != "" {
		out.Notes = append(out.Notes, note)
	}
	return out, err
}

// omitted tells what of the whole is not in d.
func (d *Diagram) omitted(whole *Diagram) string {
	note := ""
	for _, c := range []struct {
		what        string
		shown, have int
	}{
		{"lanes", len(d.Lanes), len(whole.Lanes)},
		{"spans", len(d.Spans), len(whole.Spans)},
		{"events", len(d.Events), len(whole.Events)},
		{"arrows", len(d.Arrows), len(whole.Arrows)},
		{"bands", len(d.Bands), len(whole.Bands)},
		{"notes", len(d.Notes), len(whole.Notes)},
	} {
		if c.shown < c.have {
			if note != "" {
				note += ", "
			}
			note += fmt.Sprintf("%d of %d %s", c.have-c.shown, c.have, c.what)
		}
	}
	if note == "" {
		return ""
	}
	return "Not drawn, because it would be too much: " + note + "."
}
