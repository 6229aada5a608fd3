package history

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth bounds how deep lists may nest, so that a hostile line cannot
// exhaust the stack.
const maxDepth = 64

var errCut = errors.New("ends in the middle of an object")

// scanner reads JSON from one line. It is written by hand because a judged
// history is mostly reading time: it allocates nothing for what the reader
// interns.
type scanner struct {
	b   []byte
	i   int
	max int // how much deeper values may nest

	lines, counted int // line ends up to a place, for what is longer than a line
}

func (s *scanner) space() {
	for s.i < len(s.b) && (s.b[s.i] == ' ' || s.b[s.i] == '\t' || s.b[s.i] == '\r' || s.b[s.i] == '\n') {
		s.i++
	}
}

// peek is the next byte that is no space; 0 at the end.
func (s *scanner) peek() byte {
	s.space()
	if s.i == len(s.b) {
		return 0
	}
	return s.b[s.i]
}

func (s *scanner) expect(c byte) error {
	switch got := s.peek(); got {
	case c:
		s.i++
		return nil
	case 0:
		return errCut
	default:
		return fmt.Errorf("%q at column %d, want %q", got, s.i+1, c)
	}
}

// take consumes c if it comes next.
func (s *scanner) take(c byte) bool {
	if s.peek() == c {
		s.i++
		return true
	}
	return false
}

// str reads a string. The bytes are good until the line is.
func (s *scanner) str() ([]byte, error) {
	if err := s.expect('"'); err != nil {
		return nil, err
	}
	start := s.i
	for ; s.i < len(s.b); s.i++ {
		switch c := s.b[s.i]; {
		case c == '"':
			s.i++
			return s.b[start : s.i-1], nil
		case c == '\\':
			return s.escaped(start)
		case c < 0x20:
			return nil, fmt.Errorf("a control character in a string at column %d", s.i+1)
		}
	}
	return nil, errCut
}

// escaped goes on with a string that has escapes, into memory of its own.
func (s *scanner) escaped(start int) ([]byte, error) {
	out := append([]byte(nil), s.b[start:s.i]...)
	for s.i < len(s.b) {
		c := s.b[s.i]
		s.i++
		switch {
		case c == '"':
			return out, nil
		case c < 0x20:
			return nil, fmt.Errorf("a control character in a string at column %d", s.i)
		case c != '\\':
			out = append(out, c)
			continue
		}
		if s.i == len(s.b) {
			return nil, errCut
		}
		c = s.b[s.i]
		s.i++
		if c == 'u' {
			r, err := s.unicode()
			if err != nil {
				return nil, err
			}
			out = utf8.AppendRune(out, r)
			continue
		}
		k := strings.IndexByte(`"\/bfnrt`, c)
		if k < 0 {
			return nil, fmt.Errorf("unknown escape \\%c at column %d", c, s.i)
		}
		out = append(out, "\"\\/\b\f\n\r\t"[k])
	}
	return nil, errCut
}

// unicode reads what follows \u, and the second half of a surrogate pair.
func (s *scanner) unicode() (rune, error) {
	r, err := s.hex4()
	if err != nil || !utf16.IsSurrogate(r) {
		return r, err
	}
	if s.i+1 < len(s.b) && s.b[s.i] == '\\' && s.b[s.i+1] == 'u' {
		s.i += 2
		low, err := s.hex4()
		if err != nil {
			return 0, err
		}
		return utf16.DecodeRune(r, low), nil
	}
	return utf8.RuneError, nil
}

func (s *scanner) hex4() (rune, error) {
	if s.i+4 > len(s.b) {
		return 0, errCut
	}
	n, err := strconv.ParseUint(string(s.b[s.i:s.i+4]), 16, 32)
	if err != nil {
		return 0, fmt.Errorf("bad \\u escape at column %d", s.i+1)
	}
	s.i += 4
	return rune(n), nil
}

// word reads a run of characters that numbers and the words of JSON are made of.
func (s *scanner) word() []byte {
	s.space()
	start := s.i
	for s.i < len(s.b) {
		c := s.b[s.i]
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c == '-' || c == '+' || c == '.' || c == 'E' {
			s.i++
			continue
		}
		break
	}
	return s.b[start:s.i]
}

// integer reads a whole number that fits 64 bits.
func (s *scanner) integer() (int64, error) {
	w := s.word()
	n, err := strconv.ParseInt(string(w), 10, 64)
	if err != nil {
		if len(w) == 0 && s.i == len(s.b) {
			return 0, errCut
		}
		return 0, fmt.Errorf("%q at column %d is not a whole number of 64 bits", w, s.i-len(w)+1)
	}
	return n, nil
}

// value reads any JSON value.
func (s *scanner) value() (Value, error) {
	switch s.peek() {
	case 0:
		return Nil, errCut
	case '"':
		b, err := s.str()
		return String(string(b)), err
	case '[':
		elems, err := s.elems()
		return List(elems...), err
	case '{':
		return s.object()
	}
	w := s.word()
	switch string(w) {
	case "null":
		return Nil, nil
	case "true", "false":
		return String(string(w)), nil
	}
	if n, err := strconv.ParseInt(string(w), 10, 64); err == nil {
		return Int(n), nil
	}
	if _, err := strconv.ParseFloat(string(w), 64); err != nil || len(w) == 0 || w[0] > '9' {
		return Nil, fmt.Errorf("no JSON value at column %d", s.i-len(w)+1)
	}
	return String(string(w)), nil
}

// elems reads a list.
func (s *scanner) elems() ([]Value, error) {
	if s.max--; s.max < 0 {
		return nil, fmt.Errorf("lists nest deeper than %d", maxDepth)
	}
	defer func() { s.max++ }()
	if err := s.expect('['); err != nil {
		return nil, err
	}
	var elems []Value
	if s.take(']') {
		return nil, nil
	}
	for {
		v, err := s.value()
		if err != nil {
			return nil, err
		}
		elems = append(elems, v)
		if s.take(']') {
			return elems, nil
		}
		if err := s.expect(','); err != nil {
			return nil, err
		}
	}
}

// object reads {"base64":"…"} as bytes, and any other object as the list of
// its [key, value] pairs sorted by key: a bank's balances, say.
func (s *scanner) object() (Value, error) {
	if s.max--; s.max < 0 {
		return Nil, fmt.Errorf("objects nest deeper than %d", maxDepth)
	}
	defer func() { s.max++ }()
	type pair struct {
		key   string
		value Value
	}
	var pairs []pair
	err := s.fields(func(key []byte) error {
		v, err := s.value()
		pairs = append(pairs, pair{string(key), v})
		return err
	})
	if err != nil {
		return Nil, err
	}
	if len(pairs) == 1 && pairs[0].key == "base64" {
		raw, err := base64.StdEncoding.DecodeString(pairs[0].value.Text())
		if err != nil {
			return Nil, fmt.Errorf("bad base64 before column %d", s.i+1)
		}
		return String(string(raw)), nil
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return strings.Compare(a.key, b.key) })
	elems := make([]Value, len(pairs))
	for i, p := range pairs {
		elems[i] = List(String(p.key), p.value)
	}
	return List(elems...), nil
}

// fields reads an object; fn reads the value that follows each key. A key that
// comes twice is refused.
func (s *scanner) fields(fn func(key []byte) error) error {
	if err := s.expect('{'); err != nil {
		return err
	}
	if s.take('}') {
		return nil
	}
	var seen []string
	for {
		key, err := s.str()
		if err != nil {
			return err
		}
		for _, k := range seen {
			if k == string(key) {
				return fmt.Errorf("the field %q comes twice", key)
			}
		}
		if len(seen) < 32 { // more than any event has; a huge balance sheet is not searched quadratically
			seen = append(seen, internField(key))
		}
		if err := s.expect(':'); err != nil {
			return err
		}
		if err := fn(key); err != nil {
			return err
		}
		if s.take('}') {
			return nil
		}
		if err := s.expect(','); err != nil {
			return err
		}
	}
}

// end refuses anything after the value that was read.
func (s *scanner) end() error {
	if c := s.peek(); c != 0 || s.i < len(s.b) {
		return fmt.Errorf("%q at column %d, after the end of the object", c, s.i+1)
	}
	return nil
}

// internField avoids an allocation for the names that every line has.
func internField(b []byte) string {
	for _, f := range [...]string{"type", "process", "op", "key", "value", "time", "session", "node", "keyspace", "txn", "level", "id", "version", "dot", "text"} {
		if f == string(b) {
			return f
		}
	}
	return string(b)
}
