package spacetime

// The diagrams that the golden files show.

const ms = int64(1_000_000)

// stale is a session that reads 2 and then 1, from a replica that is cut off.
func stale() *Diagram {
	return &Diagram{
		Title:    "A session goes back in time",
		Subtitle: "n2 answered x=1 to session 4 at 3.2 s, although the same session had read x=2 at 2.9 s; 2 was written after 1.",
		Lanes:    []Lane{{"session 1", "client"}, {"session 4", "client"}, {"n1", "node"}, {"n2", "node"}},
		Spans: []Span{
			{0, 1000 * ms, 1100 * ms, "write x=1", "session 1 wrote x=1 at n1", Plain},
			{0, 2000 * ms, 2100 * ms, "write x=2", "session 1 wrote x=2 at n1", Plain},
			{1, 2800 * ms, 2900 * ms, "read x → 2", "session 4 read x=2 from n1", Plain},
			{1, 3100 * ms, 3200 * ms, "read x → 1", "session 4 read x=1 from n2: too old", Bad},
			{0, 3000 * ms, Forever, "write x=3", "the outcome is unknown", Faint},
		},
		Events: []Event{
			{2, 1050 * ms, "x=1", "", Plain}, {2, 2050 * ms, "x=2", "", Plain}, {3, 1070 * ms, "x=1", "", Plain},
		},
		Arrows: []Arrow{
			{FromLane: 0, ToLane: 2, From: 1000 * ms, To: 1050 * ms},
			{FromLane: 2, ToLane: 3, From: 1050 * ms, To: 1070 * ms, Label: "replicate"},
			{FromLane: 2, ToLane: 3, From: 2050 * ms, To: 2500 * ms, Label: "replicate x=2", Detail: "lost: n2 is cut off", Lost: true},
			{FromLane: 2, ToLane: 1, From: 2850 * ms, To: 2900 * ms},
			{FromLane: 3, ToLane: 1, From: 3150 * ms, To: 3200 * ms, Mood: Bad},
			{FromLane: 0, ToLane: 0, From: 1100 * ms, To: 2000 * ms, Label: "before", Dashed: true},
		},
		Bands: []Band{{1900 * ms, 9000 * ms, []int{3}, "partition n2", Plain}, {2500 * ms, 2700 * ms, nil, "pause n1", Faint}},
		Notes: []string{"Session 4 was moved to n2 when n1 stood still."},
	}
}

// vector is a logical diagram: clocks at events, messages, no axis.
func vector() *Diagram {
	return &Diagram{
		Title:   "Vector clocks",
		Logical: true,
		Lanes:   []Lane{{"p", "process"}, {"q", "process"}, {"r", "process"}},
		Events: []Event{
			{0, 1, "[1 0 0]", "a local event", Plain}, {0, 2, "[2 0 0]", "sends m1", Plain}, {1, 3, "[2 1 0]", "receives m1", Good},
			{1, 5, "[2 2 0]", "sends m2", Plain}, {2, 2, "[0 0 1]", "a local event", Bad}, {2, 7, "[2 2 2]", "receives m2", Plain},
		},
		Arrows: []Arrow{
			{FromLane: 0, ToLane: 1, From: 2, To: 3, Label: "m1"}, {FromLane: 1, ToLane: 2, From: 5, To: 7, Label: "m2"},
			{FromLane: 2, ToLane: 0, From: 2, To: 6, Label: "m3", Lost: true},
		},
	}
}

// busy has many calls of a millisecond, seconds apart and at once.
func busy() *Diagram {
	d := &Diagram{Title: "Busy", Lanes: []Lane{{"a client with a very long name", "client"}, {"n1", "node"}, {"disk", "device"}, {"log", "store"}}}
	for i := range 14 {
		at := int64(i/5)*4000*ms + int64(i%5)*ms
		d.Spans = append(d.Spans, Span{0, at, at + 3*ms, "set some-key=some-value", "", Mood(i % 4)})
		d.Events = append(d.Events, Event{1, at + ms/2, "committed at index 17", "", Mood(i % 4)})
		d.Arrows = append(d.Arrows, Arrow{FromLane: 1, ToLane: i % 4, From: at + ms/2, To: at + 2*ms, Label: "append", Mood: Mood(i % 4)})
	}
	return d
}
