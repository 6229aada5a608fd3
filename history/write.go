package history

import (
	"bufio"
	"cmp"
	"io"
	"maps"
	"slices"
	"strconv"
)

// Writer writes events as they happen, in Parley's format. It buffers: call
// Flush at the end, and whenever what was recorded should survive. It is for
// one goroutine. The first error sticks and is returned by every later call.
type Writer struct {
	w   *bufio.Writer
	buf []byte
	err error
}

// NewWriter writes the header and gives a writer for the rest.
func NewWriter(w io.Writer, h Header) (*Writer, error) {
	wr := &Writer{w: bufio.NewWriterSize(w, 1<<16)}
	return wr, wr.put(appendHeader(wr.buf[:0], &h))
}

func (w *Writer) put(line []byte) error {
	w.buf = append(line, '\n')
	if w.err == nil {
		_, w.err = w.w.Write(w.buf)
	}
	return w.err
}

// Invoke writes the call of op, at op.Call.
func (w *Writer) Invoke(op *Op) error {
	b := w.begin("invoke", op.Process, op.Call)
	b = appendField(b, "session", op.Session)
	b = appendField(b, "node", op.Node)
	b = appendField(b, "keyspace", op.Keyspace)
	b = appendField(b, "key", op.Key)
	b = appendField(b, "op", op.F)
	b = appendField(b, "level", op.Level)
	b = appendField(b, "id", op.ID)
	if !op.In.IsNil() {
		b = op.In.AppendJSON(append(b, `,"value":`...))
	}
	b = appendSteps(b, op, false)
	return w.put(append(b, '}'))
}

// Complete writes what came back for op, by its Outcome: at op.Return, or at
// now for an ambiguous one. now is also when an ambiguous outcome was settled.
func (w *Writer) Complete(op *Op, now int64) error {
	b := w.begin(op.Outcome.String(), op.Process, now)
	b = appendField(b, "node", op.Node)
	b = appendField(b, "level", op.Level)
	b = appendField(b, "id", op.ID)
	if op.Outcome == OK {
		if !op.Out.IsNil() {
			b = op.Out.AppendJSON(append(b, `,"value":`...))
		}
		b = appendSteps(b, op, true)
	}
	if op.Version != 0 {
		b = strconv.AppendUint(append(b, `,"version":`...), op.Version, 10)
	}
	if !op.Dot.IsZero() {
		b = appendField(b, "dot", op.Dot.String())
	}
	return w.put(append(b, '}'))
}

// Note writes something that happened to the system.
func (w *Writer) Note(n Note) error {
	b := append(w.buf[:0], `{"type":"note","time":`...)
	b = appendField(strconv.AppendInt(b, n.Time, 10), "text", n.Text)
	return w.put(append(b, '}'))
}

// Flush passes on what is buffered.
func (w *Writer) Flush() error {
	if w.err == nil {
		w.err = w.w.Flush()
	}
	return w.err
}

func (w *Writer) begin(kind string, process, now int64) []byte {
	b := append(w.buf[:0], `{"type":"`...)
	b = append(b, kind...)
	b = strconv.AppendInt(append(b, `","process":`...), process, 10)
	return strconv.AppendInt(append(b, `,"time":`...), now, 10)
}

func appendField(b []byte, name, text string) []byte {
	if text == "" {
		return b
	}
	b = append(append(append(b, ',', '"'), name...), '"', ':')
	return appendString(b, text)
}

func appendSteps(b []byte, op *Op, done bool) []byte {
	if op.F != Txn {
		return b
	}
	b = append(b, `,"txn":[`...)
	for i, s := range op.Txn {
		if i > 0 {
			b = append(b, ',')
		}
		v := s.In
		if s.F == Read {
			v = Nil
			if done {
				v = s.Out
			}
		}
		b = List(String(s.F), String(s.Key), v).AppendJSON(b)
	}
	return append(b, ']')
}

func appendHeader(b []byte, h *Header) []byte {
	b = append(b, `{"history":`...)
	b = appendField(appendString(b, FormatVersion), "model", h.Model)
	if !h.Initial.IsNil() {
		b = h.Initial.AppendJSON(append(b, `,"initial":`...))
	}
	if len(h.Initials) > 0 {
		b = append(b, `,"initials":{`...)
		for i, k := range slices.Sorted(maps.Keys(h.Initials)) {
			if i > 0 {
				b = append(b, ',')
			}
			b = h.Initials[k].AppendJSON(append(appendString(b, k), ':'))
		}
		b = append(b, '}')
	}
	b = appendField(b, "sessions", string(h.Sessions))
	if h.Timeless {
		b = append(b, `,"timeless":true`...)
	}
	if len(h.Meta) > 0 {
		b = append(b, `,"meta":{`...)
		for i, k := range slices.Sorted(maps.Keys(h.Meta)) {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendString(append(appendString(b, k), ':'), h.Meta[k])
		}
		b = append(b, '}')
	}
	return append(b, '}')
}

// WriteTo writes a whole history, its events in the order of their times. An
// operation that stayed ambiguous gets its info line where its process or
// session goes on.
func WriteTo(w io.Writer, h *History) error {
	wr, err := NewWriter(w, h.Header)
	if err != nil {
		return err
	}
	open := make(map[any]*Op) // by process number and by session name
	for _, e := range eventsOf(h) {
		op := e.op
		switch {
		case op == nil:
			err = wr.Note(h.Notes[e.note])
		case e.done:
			err = wr.Complete(op, e.time)
			delete(open, op.Process)
			delete(open, op.SessionName())
		default:
			for _, key := range [...]any{op.Process, op.SessionName()} {
				if left := open[key]; left != nil {
					wr.Complete(left, e.time) // an error sticks
					delete(open, left.Process)
					delete(open, left.SessionName())
				}
				open[key] = op
			}
			err = wr.Invoke(op)
		}
		if err != nil {
			return err
		}
	}
	return wr.Flush()
}

type timedEvent struct {
	time int64
	op   *Op // nil for a note
	note int
	done bool
}

// eventsOf are all events by time. At one instant a process's completion comes
// before its next call, because operations are taken in the order of calls.
func eventsOf(h *History) []timedEvent {
	ops := make([]*Op, len(h.Ops))
	for i := range h.Ops {
		ops[i] = &h.Ops[i]
	}
	slices.SortStableFunc(ops, func(a, b *Op) int { return cmp.Compare(a.Call, b.Call) })
	evs := make([]timedEvent, 0, 2*len(ops)+len(h.Notes))
	for _, op := range ops {
		evs = append(evs, timedEvent{time: op.Call, op: op})
		if op.Return != Never {
			evs = append(evs, timedEvent{time: op.Return, op: op, done: true})
		}
	}
	for i, n := range h.Notes {
		evs = append(evs, timedEvent{time: n.Time, note: i})
	}
	slices.SortStableFunc(evs, func(a, b timedEvent) int { return cmp.Compare(a.time, b.time) })
	return evs
}
