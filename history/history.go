package history

// SessionRule says what makes two operations belong to one session.
type SessionRule string

const (
	// ByProcess: the operations of one process are one session.
	ByProcess SessionRule = "process"
	// ByField: every operation names its session.
	ByField SessionRule = "field"
)

// Header is the first line of a file.
type Header struct {
	Model    string           // what the keys hold, a name that check.ModelNamed knows; "" if not said
	Initial  Value            // what every key holds before the first operation
	Initials map[string]Value // exceptions to Initial, by key
	Sessions SessionRule      // "" means ByProcess
	Meta     map[string]string
	// Timeless says that times order the operations of each session, and nothing
	// else: what was recorded has no clock. Levels that need real time cannot be
	// judged.
	Timeless bool
}

// InitialOf is what a key holds before the first operation.
func (h *Header) InitialOf(key string) Value {
	if v, ok := h.Initials[key]; ok {
		return v
	}
	return h.Initial
}

// Note is something that happened to the system: a fault that began or ended.
type Note struct {
	Time int64 // nanoseconds, on the operations' clock
	Text string
}

// History is a whole recorded run. Ops may stand in any order; their times
// order them.
type History struct {
	Header Header
	Ops    []Op
	Notes  []Note
}

// Recorder builds a history operation by operation, for one goroutine.
type Recorder struct {
	h History
}

// NewRecorder starts an empty history under the given header.
func NewRecorder(h Header) *Recorder { return &Recorder{h: History{Header: h}} }

// Invoke records a call at op.Call and gives the number to complete it with.
// Until then the operation is ambiguous.
func (r *Recorder) Invoke(op Op) int {
	op.Outcome, op.Return = Info, Never
	r.h.Ops = append(r.h.Ops, op)
	return len(r.h.Ops) - 1
}

// OK completes operation i at the given time with its result.
func (r *Recorder) OK(i int, now int64, out Value) {
	op := &r.h.Ops[i]
	op.Outcome, op.Return, op.Out = OK, now, out
}

// Fail completes operation i: it certainly did nothing.
func (r *Recorder) Fail(i int, now int64) {
	op := &r.h.Ops[i]
	op.Outcome, op.Return = Fail, now
}

// Op is operation i, for setting what only its completion tells (node,
// version, level, transaction steps). The pointer is good until the next Invoke.
func (r *Recorder) Op(i int) *Op { return &r.h.Ops[i] }

// Note records something that happened to the system.
func (r *Recorder) Note(now int64, text string) {
	r.h.Notes = append(r.h.Notes, Note{Time: now, Text: text})
}

// History is what was recorded so far. It shares memory with the recorder.
func (r *Recorder) History() *History { return &r.h }
