package history

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/parleydb/parley/clock"
)

// LineError says what is wrong with a file, and in which line.
type LineError struct {
	Line int // counted from 1
	Err  error
}

// maxMessage is how much of a message is shown: lines that it quotes may be long.
const maxMessage = 400

func (e *LineError) Error() string {
	text := e.Err.Error()
	if len(text) > maxMessage {
		text = strings.ToValidUTF8(text[:maxMessage/2], "") + "…" + strings.ToValidUTF8(text[len(text)-maxMessage/2:], "")
	}
	return fmt.Sprintf("line %d: %s", e.Line, text)
}

// Unwrap is the cause.
func (e *LineError) Unwrap() error { return e.Err }

func lineErrorf(line int, format string, args ...any) error {
	return &LineError{line, fmt.Errorf(format, args...)}
}

// Limits bound what a file may ask of the reader.
type Limits struct {
	Line int // bytes of one line
	Ops  int // operations of one file
}

// ErrLimit is in the chain of an error that says that a file is beyond Limits.
var ErrLimit = errors.New("over the limit")

// limitError is an ErrLimit in other words.
type limitError string

func (e limitError) Error() string { return string(e) }

// Is says that every limitError is an ErrLimit.
func (e limitError) Is(target error) bool { return target == ErrLimit }

func limitErrorf(format string, args ...any) error { return limitError(fmt.Sprintf(format, args...)) }

// DefaultLimits allow what fits the memory of a large machine: lines of
// 16 MiB and 50 million operations.
func DefaultLimits() Limits { return Limits{Line: 16 << 20, Ops: 50_000_000} }

// ReadFrom reads a file in Parley's format. Everything wrong with it, be it
// syntax, a completion without its call, a process that calls twice, time that
// goes back within a process, or a limit exceeded, is a *LineError.
func ReadFrom(r io.Reader, limits Limits) (*History, error) {
	lines := newLines(r, limits.Line)
	first, err := lines.next()
	if err == io.EOF {
		return nil, lineErrorf(1, "the file is empty")
	}
	if err != nil {
		return nil, err
	}
	header, err := parseHeader(first)
	if err != nil {
		return nil, &LineError{1, err}
	}
	a := newAssembler(header, limits)
	in := make(interner)
	for {
		line, err := lines.next()
		if err == io.EOF {
			return a.finish()
		}
		if err != nil {
			return nil, err
		}
		if len(line) == 0 {
			continue
		}
		if err := a.line(line, lines.n, in); err != nil {
			if errors.Is(err, errCut) && lines.last {
				err = errors.New("the file is cut off in the middle of this line")
			}
			return nil, &LineError{lines.n, err}
		}
	}
}

// lines splits a file without ever holding more than a line of it.
type lines struct {
	r    *bufio.Reader
	max  int
	buf  []byte
	n    int
	last bool // this line had no line end: the file stops here
}

func newLines(r io.Reader, limit int) *lines {
	return &lines{r: bufio.NewReaderSize(r, 1<<16), max: limit}
}

// next is the next line without its end, good until the call after; io.EOF
// after the last.
func (l *lines) next() ([]byte, error) {
	l.buf = l.buf[:0]
	l.n++
	for {
		part, err := l.r.ReadSlice('\n')
		if len(l.buf)+len(part) > l.max {
			return nil, &LineError{l.n, limitErrorf("the line is longer than %d bytes", l.max)}
		}
		if err == nil && len(l.buf) == 0 {
			return trimEnd(part), nil
		}
		l.buf = append(l.buf, part...)
		switch {
		case err == nil:
			return trimEnd(l.buf), nil
		case err == bufio.ErrBufferFull:
		case err == io.EOF && len(l.buf) > 0:
			l.last = true
			return trimEnd(l.buf), nil
		case err == io.EOF:
			return nil, io.EOF
		default:
			return nil, lineErrorf(l.n, "%w", err)
		}
	}
}

func trimEnd(b []byte) []byte {
	for len(b) > 0 && (b[len(b)-1] == '\n' || b[len(b)-1] == '\r') {
		b = b[:len(b)-1]
	}
	return b
}

// FormatVersion is what stands in the header of the files written here.
const FormatVersion = "parley/1"

func parseHeader(line []byte) (Header, error) {
	h := Header{Sessions: ByProcess}
	s := scanner{b: line, max: maxDepth}
	version := ""
	err := s.fields(func(key []byte) error {
		var err error
		switch string(key) {
		case "history":
			version, err = s.text()
		case "model":
			h.Model, err = s.text()
		case "initial":
			h.Initial, err = s.value()
		case "initials":
			h.Initials = make(map[string]Value)
			err = s.fields(func(key []byte) error {
				v, err := s.value()
				h.Initials[string(key)] = v
				return err
			})
		case "sessions":
			var rule string
			rule, err = s.text()
			h.Sessions = SessionRule(rule)
			if err == nil && h.Sessions != ByProcess && h.Sessions != ByField {
				err = fmt.Errorf("unknown session rule %q; there are %q and %q", rule, ByProcess, ByField)
			}
		case "timeless":
			var v Value
			v, err = s.value()
			h.Timeless = v == Bool(true)
		case "meta":
			h.Meta = make(map[string]string)
			err = s.fields(func(key []byte) error {
				v, err := s.text()
				h.Meta[string(key)] = v
				return err
			})
		default:
			err = fmt.Errorf("unknown field %q in the header", key)
		}
		return err
	})
	if err == nil {
		err = s.end()
	}
	switch {
	case err != nil && version == "":
		return h, fmt.Errorf("no header: want {\"history\":%q,…} (%w)", FormatVersion, err)
	case err != nil:
		return h, err
	case version != FormatVersion:
		return h, fmt.Errorf("the header says history %q, this reader knows %q", version, FormatVersion)
	}
	return h, nil
}

func (s *scanner) text() (string, error) {
	b, err := s.str()
	return string(b), err
}

// interner keeps one copy of the strings that come in every line.
type interner map[string]string

func (in interner) get(b []byte) string {
	if s, ok := in[string(b)]; ok {
		return s
	}
	s := string(b)
	if len(in) < 1<<20 {
		in[s] = s
	}
	return s
}

// event is one line of a file.
type event struct {
	kind    string
	op      Op // Line, and the fields that the line gave
	text    string
	time    int64
	hasProc bool
	hasTime bool
}

// parseEvent reads one line.
func parseEvent(line []byte, in interner, e *event) error {
	s := scanner{b: line, max: maxDepth}
	err := s.fields(func(key []byte) error { return s.eventField(key, in, e) })
	if err != nil {
		return err
	}
	return s.end()
}

func (s *scanner) eventField(key []byte, in interner, e *event) error {
	name := func(dst *string) error {
		b, err := s.str()
		*dst = in.get(b)
		return err
	}
	var err error
	switch string(key) {
	case "type":
		return name(&e.kind)
	case "process":
		e.hasProc = true
		e.op.Process, err = s.integer()
	case "time":
		e.hasTime = true
		e.time, err = s.integer()
		if err == nil && e.time < 0 {
			err = fmt.Errorf("time %d is before the start of the clock", e.time)
		}
	case "session":
		return name(&e.op.Session)
	case "node":
		return name(&e.op.Node)
	case "keyspace":
		return name(&e.op.Keyspace)
	case "key":
		return name(&e.op.Key)
	case "op":
		return name(&e.op.F)
	case "level":
		return name(&e.op.Level)
	case "id":
		e.op.ID, err = s.text()
	case "text":
		e.text, err = s.text()
	case "value":
		e.op.In, err = s.value()
	case "txn":
		e.op.Txn, err = s.steps(in)
	case "version":
		var n int64
		n, err = s.integer()
		if err == nil && n < 0 {
			err = fmt.Errorf("version %d is below zero", n)
		}
		e.op.Version = uint64(n)
	case "dot":
		var text string
		if text, err = s.text(); err == nil {
			e.op.Dot, err = clock.ParseDot(text)
		}
	default:
		err = fmt.Errorf("unknown field %q", key)
	}
	return err
}

// steps reads [["w","x",1],["r","y",null]].
func (s *scanner) steps(in interner) ([]Step, error) {
	if err := s.expect('['); err != nil {
		return nil, err
	}
	var steps []Step
	if s.take(']') {
		return nil, nil
	}
	for {
		elems, err := s.elems()
		if err != nil {
			return nil, err
		}
		if len(elems) != 3 {
			return nil, fmt.Errorf("step %d of the transaction has %d parts, want [operation, key, value]", len(steps)+1, len(elems))
		}
		f := elems[0].Text()
		st := Step{F: in.get([]byte(stepName(f))), Key: in.get([]byte(elems[1].Text()))}
		if st.F == Read {
			st.Out = elems[2]
		} else {
			st.In = elems[2]
		}
		steps = append(steps, st)
		if s.take(']') {
			return steps, nil
		}
		if err := s.expect(','); err != nil {
			return nil, err
		}
	}
}

// stepName takes Jepsen's short names too.
func stepName(f string) string {
	switch f {
	case "r":
		return Read
	case "w":
		return Write
	}
	return f
}
