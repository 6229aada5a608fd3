package spacetime

// Diagram is a picture in space and time. Times are nanoseconds from any start,
// or, in a logical diagram, steps.
type Diagram struct {
	Title    string
	Subtitle string
	// Logical says that times are steps, of which only the order counts: they
	// are drawn evenly, and the diagram has no axis.
	Logical bool
	Lanes   []Lane
	Spans   []Span
	Events  []Event
	Arrows  []Arrow
	Bands   []Band
	Notes   []string // sentences below the picture
}

// Lane is the line of one process.
type Lane struct {
	Name string
	Kind string // "client", "node", or what else groups lanes by colour
}

// Mood says how something is to be read at a glance.
type Mood uint8

// The moods.
const (
	Plain Mood = iota
	Good
	Bad   // part of what went wrong
	Faint // context
)

// Span is something that took time: an operation, a pause.
type Span struct {
	Lane     int
	From, To int64 // To may be Forever: it never ended
	Label    string
	Detail   string // shown when pointed at
	Mood     Mood
}

// Forever is the end of a span or band that has none.
const Forever = int64(1<<63 - 1)

// Event is a point on a lane.
type Event struct {
	Lane   int
	At     int64
	Label  string // e.g. the clock's value
	Detail string
	Mood   Mood
}

// Arrow is a message, or an order that is to be seen.
type Arrow struct {
	FromLane, ToLane int
	From, To         int64
	Label            string
	Detail           string
	Mood             Mood
	Lost             bool // it never arrived: the arrow ends half way
	Dashed           bool // an order, not a message
}

// Band is a time in which something was the case: a fault.
type Band struct {
	From, To int64
	Lanes    []int // nil: all
	Label    string
	Mood     Mood
}

// What a diagram can hold. More is left out, and the notes say so: nobody can
// read it, and pages have to stay small.
const (
	MaxLanes  = 100
	MaxSpans  = 500
	MaxEvents = 500
	MaxArrows = 500
	MaxBands  = 100
	MaxNotes  = 50
)
