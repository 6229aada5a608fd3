package history

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// DBCop's histories (Biswas and Enea, OOPSLA 2019), which PolySI takes too: its
// header, then sessions of transactions of reads and writes of numbers, each
// with whether it succeeded. Keys hold 0 at first.

// readDBCop reads the binary form (bincode: little endian, counts of 64 bits).
// Errors say at which byte, because there are no lines.
func readDBCop(r io.Reader, limits Limits) (*History, error) {
	d := &bincode{r: bufio.NewReaderSize(r, 1<<16)}
	b := newSessions(limits)
	for range 5 { // id, nodes, variables, transactions, events: of the run, not needed
		d.number()
	}
	for range 3 { // info, start, end
		d.text(limits.Line)
	}
	for s := range d.count() {
		for range d.count() {
			at := len(b.h.Ops)
			if err := d.transaction(b, strconv.FormatUint(s+1, 10)); err != nil {
				return nil, err
			}
			if d.err != nil {
				return nil, d.failure()
			}
			if !d.flag() && d.err == nil {
				b.h.Ops[at].Outcome = Fail
			}
		}
		if d.err != nil {
			return nil, d.failure()
		}
	}
	if d.err == nil {
		if _, err := d.r.ReadByte(); err == nil {
			d.err = errors.New("there is something after the last session")
		}
	}
	if d.err != nil {
		return nil, d.failure()
	}
	return b.finish(), nil
}

type bincode struct {
	r   *bufio.Reader
	at  int64
	err error
	buf [8]byte
}

func (d *bincode) failure() error {
	if errors.Is(d.err, io.EOF) || errors.Is(d.err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("byte %d: the file is cut off", d.at)
	}
	return fmt.Errorf("byte %d: %w", d.at, d.err)
}

func (d *bincode) number() uint64 {
	if d.err != nil {
		return 0
	}
	n, err := io.ReadFull(d.r, d.buf[:])
	d.at += int64(n)
	d.err = err
	if err != nil {
		return 0
	}
	return binary.LittleEndian.Uint64(d.buf[:])
}

// count is a number of things that follow. Nothing is allocated by it: a false
// one runs into the end of the file.
func (d *bincode) count() uint64 { return d.number() }

func (d *bincode) flag() bool {
	if d.err != nil {
		return false
	}
	c, err := d.r.ReadByte()
	d.at++
	d.err = err
	if err == nil && c > 1 {
		d.err = fmt.Errorf("%d where there must be 0 or 1: this is not a dbcop history", c)
	}
	return c == 1
}

func (d *bincode) text(limit int) {
	n := d.number()
	if d.err == nil && n > uint64(limit) {
		d.err = fmt.Errorf("a text of %d bytes: this is not a dbcop history", n)
		return
	}
	if d.err == nil {
		var m int
		m, d.err = d.r.Discard(int(n))
		d.at += int64(m)
	}
}

func (d *bincode) transaction(b *sessionsBuilder, session string) error {
	i, err := b.begin(session, 0, OK)
	if err != nil {
		return err
	}
	for range d.count() {
		write := d.flag()
		key, value := d.number(), d.number()
		success := d.flag()
		if d.err != nil {
			return nil // told by the caller, with the place
		}
		if success {
			b.step(i, write, strconv.FormatUint(key, 10), strconv.FormatUint(value, 10))
		}
	}
	return nil
}

// readDBCopJSON reads the same as JSON: {"params":…,"data":[[{"events":[{"write":
// true,"variable":0,"value":1,"success":true}],"success":true}]]}, and the form
// of dbcop since 2025, where an event is {"Write":{"variable":0,"version":1}} or
// {"Read":…}, success is called committed, and the list of sessions may stand alone.
func readDBCopJSON(r io.Reader, limits Limits) (*History, error) {
	const most = 1 << 30
	raw, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return nil, lineErrorf(1, "%w", err)
	}
	if len(raw) > most {
		return nil, lineErrorf(1, "the file is larger than %d bytes; use dbcop's binary form", most)
	}
	s := scanner{b: raw, max: maxDepth}
	b := newSessions(limits)
	session := 0
	sessions := func() error {
		return s.each(func() error {
			session++
			return s.each(func() error { return s.dbcopTxn(b, strconv.Itoa(session)) })
		})
	}
	if s.peek() == '[' {
		err = sessions()
	} else {
		err = s.fields(func(key []byte) error {
			if string(key) != "data" {
				_, err := s.value()
				return err
			}
			return sessions()
		})
	}
	if err == nil {
		err = s.end()
	}
	if err != nil {
		return nil, &LineError{s.line(), err}
	}
	return b.finish(), nil
}

// line is the line that the scanner is in. It goes on counting from where it
// was asked before, since large files ask for every transaction.
func (s *scanner) line() int {
	at := min(s.i, len(s.b))
	s.lines += bytes.Count(s.b[s.counted:at], []byte("\n"))
	s.counted = at
	return s.lines + 1
}

// each calls fn for each element of a list; fn reads it.
func (s *scanner) each(fn func() error) error {
	if err := s.expect('['); err != nil {
		return err
	}
	if s.take(']') {
		return nil
	}
	for {
		if err := fn(); err != nil {
			return err
		}
		if s.take(']') {
			return nil
		}
		if err := s.expect(','); err != nil {
			return err
		}
	}
}

func (s *scanner) dbcopTxn(b *sessionsBuilder, session string) error {
	i, err := b.begin(session, s.line(), OK)
	if err != nil {
		return err
	}
	return s.fields(func(key []byte) error {
		switch string(key) {
		case "events":
			return s.each(func() error { return s.dbcopEvent(b, i) })
		case "success", "committed":
			v, err := s.value()
			if v != Bool(true) {
				b.h.Ops[i].Outcome = Fail
			}
			return err
		}
		return fmt.Errorf("unknown field %q of a transaction", key)
	})
}

func (s *scanner) dbcopEvent(b *sessionsBuilder, i int) error {
	var write, success bool
	var variable, value Value
	err := s.fields(func(key []byte) error {
		if k := string(key); k == "Write" || k == "Read" {
			return s.dbcopAccess(b, i, k == "Write")
		}
		v, err := s.value()
		switch string(key) {
		case "write":
			write = v == Bool(true)
		case "success":
			success = v == Bool(true)
		case "variable":
			variable = v
		case "value":
			value = v
		default:
			return fmt.Errorf("unknown field %q of an event", key)
		}
		return err
	})
	if err != nil || !success {
		return err
	}
	b.step(i, write, variable.Text(), value.Text())
	return nil
}

// dbcopAccess reads {"variable":0,"version":1}; a read of version null found
// nothing written yet.
func (s *scanner) dbcopAccess(b *sessionsBuilder, i int, write bool) error {
	var variable, version Value
	err := s.fields(func(key []byte) error {
		v, err := s.value()
		switch string(key) {
		case "variable":
			variable = v
		case "version":
			version = v
		default:
			return fmt.Errorf("unknown field %q of an event", key)
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case version.IsNil() && write:
		return errors.New("a write without a version")
	case version.IsNil():
		b.readUnset(i, variable.Text())
	default:
		b.step(i, write, variable.Text(), version.Text())
	}
	return nil
}

// readDBCopText reads dbcop's text for people: a transaction is [x:=1 y==2], with
// ! behind it if it did not commit, x==? reads what nothing was written to yet;
// a line of dashes is between sessions, and // begins a comment.
func readDBCopText(r io.Reader, limits Limits) (*History, error) {
	b := newSessions(limits)
	session := 1
	err := eachLine(r, limits, func(line []byte, n int, last bool) error {
		text, _, _ := strings.Cut(string(line), "//")
		text = strings.TrimSpace(text)
		if text != "" && strings.Trim(text, "-") == "" {
			session++
			return nil
		}
		for text != "" {
			body, rest, ok := strings.Cut(text, "]")
			if body, opens := strings.CutPrefix(body, "["); !ok || !opens {
				if last {
					return errors.New("the file is cut off in the middle of this line")
				}
				return fmt.Errorf("%q is not a transaction like [x:=1 y==2]", "["+body)
			} else if err := b.dbcopText(body, strconv.Itoa(session), n, rest); err != nil {
				return err
			}
			text = strings.TrimSpace(strings.TrimPrefix(rest, "!"))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return b.finish(), nil
}

// dbcopText adds a transaction whose events are separated by space.
func (b *sessionsBuilder) dbcopText(events, session string, line int, behind string) error {
	outcome := OK
	if strings.HasPrefix(behind, "!") {
		outcome = Fail
	}
	i, err := b.begin(session, line, outcome)
	if err != nil {
		return err
	}
	for _, e := range strings.Fields(events) {
		key, value, write := strings.Cut(e, ":=")
		read := false
		if !write {
			key, value, read = strings.Cut(e, "==")
		}
		switch {
		case read && value == "?" && key != "":
			b.readUnset(i, key)
		case (write || read) && key != "" && isNumber(value):
			b.step(i, write, key, value)
		default:
			return fmt.Errorf("%q is not a write like x:=1 or a read like x==1", e)
		}
	}
	return nil
}
