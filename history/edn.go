package history

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// edn reads Clojure's data notation, as far as Jepsen writes histories in it:
// maps, vectors, lists, sets, keywords, strings, numbers, nil, tags (skipped)
// and comments.
type edn struct {
	r     *bufio.Reader
	line  int
	depth int
	size  int // bytes of the form that is being read
	limit int
}

// ednForm is one form: a map, a sequence, or an atom.
type ednForm struct {
	kind  byte // '{' map, '[' sequence, ':' keyword, '"' string, 'a' another atom, 0 end of file
	text  string
	elems []ednForm // of a map: key, value, key, value …
	line  int
}

func newEDN(r io.Reader, limits Limits) *edn {
	return &edn{r: bufio.NewReaderSize(r, 1<<16), line: 1, limit: limits.Line}
}

func (e *edn) errorf(format string, args ...any) error { return lineErrorf(e.line, format, args...) }

func (e *edn) byte() (byte, error) {
	c, err := e.r.ReadByte()
	if err != nil {
		if err == io.EOF {
			return 0, io.EOF
		}
		return 0, e.errorf("%w", err)
	}
	if c == '\n' {
		e.line++
	}
	if c == 0 {
		return 0, e.errorf("a byte of zero: this is not text")
	}
	if e.size++; e.size > e.limit {
		return 0, &LineError{e.line, limitErrorf("one form is longer than %d bytes", e.limit)}
	}
	return c, nil
}

func (e *edn) back(c byte) {
	_ = e.r.UnreadByte() // cannot fail: a byte was just read
	if c == '\n' {
		e.line--
	}
	e.size--
}

func ednSpace(c byte) bool {
	return c == ' ' || c == ',' || c == '\n' || c == '\r' || c == '\t'
}

// skip reads over space and comments; the next byte, or 0 at the end.
func (e *edn) skip() (byte, error) {
	for {
		c, err := e.byte()
		if err == io.EOF {
			return 0, nil
		}
		if err != nil {
			return 0, err
		}
		if c == ';' {
			for c != '\n' {
				if c, err = e.byte(); err == io.EOF {
					return 0, nil
				} else if err != nil {
					return 0, err
				}
			}
		}
		if !ednSpace(c) {
			return c, nil
		}
	}
}

// next reads one form.
func (e *edn) next() (ednForm, error) {
	c, err := e.skip()
	if err != nil || c == 0 {
		return ednForm{line: e.line}, err
	}
	switch c {
	case '{':
		return e.group('{', '}')
	case '[':
		return e.group('[', ']')
	case '(':
		return e.group('[', ')')
	case '"':
		return e.str()
	case '}', ']', ')':
		return ednForm{}, e.errorf("%q closes nothing", c)
	case '#':
		return e.hash()
	}
	e.back(c)
	word, err := e.word()
	if err != nil {
		return ednForm{}, err
	}
	f := ednForm{kind: 'a', text: word, line: e.line}
	if word[0] == ':' {
		f.kind, f.text = ':', word[1:]
	}
	return f, nil
}

// hash reads what follows #: a set, or a tag with its form.
func (e *edn) hash() (ednForm, error) {
	c, err := e.byte()
	if err != nil {
		return ednForm{}, e.cut(err)
	}
	if c == '{' {
		return e.group('[', '}')
	}
	e.back(c)
	if _, err := e.word(); err != nil {
		return ednForm{}, err
	}
	if e.depth++; e.depth > maxDepth {
		return ednForm{}, e.errorf("forms nest deeper than %d", maxDepth)
	}
	defer func() { e.depth-- }()
	return e.next()
}

func (e *edn) cut(err error) error {
	if err == io.EOF {
		return e.errorf("the file is cut off in the middle of a form")
	}
	return err
}

// word reads an atom: at least one byte.
func (e *edn) word() (string, error) {
	var b strings.Builder
	for {
		c, err := e.byte()
		if err == io.EOF && b.Len() > 0 {
			return b.String(), nil
		}
		if err != nil {
			return "", e.cut(err)
		}
		if ednSpace(c) || strings.IndexByte("()[]{}\";", c) >= 0 {
			e.back(c)
			if b.Len() == 0 {
				return "", e.errorf("%q in the wrong place", c)
			}
			return b.String(), nil
		}
		b.WriteByte(c)
	}
}

func (e *edn) str() (ednForm, error) {
	var b strings.Builder
	line := e.line
	for {
		c, err := e.byte()
		if err != nil {
			return ednForm{}, e.cut(err)
		}
		if c == '"' {
			return ednForm{kind: '"', text: b.String(), line: line}, nil
		}
		if c == '\\' {
			if c, err = e.byte(); err != nil {
				return ednForm{}, e.cut(err)
			}
			switch c {
			case 'n':
				c = '\n'
			case 't':
				c = '\t'
			case 'r':
				c = '\r'
			case '"', '\\':
			default:
				return ednForm{}, e.errorf("unknown escape \\%c", c)
			}
		}
		b.WriteByte(c)
	}
}

func (e *edn) group(kind, end byte) (ednForm, error) {
	if e.depth++; e.depth > maxDepth {
		return ednForm{}, e.errorf("forms nest deeper than %d", maxDepth)
	}
	defer func() { e.depth-- }()
	f := ednForm{kind: kind, line: e.line}
	for {
		c, err := e.skip()
		if err != nil {
			return f, err
		}
		if c == 0 {
			return f, e.errorf("the file is cut off in the middle of a form that begins in line %d", f.line)
		}
		if c == end {
			if kind == '{' && len(f.elems)%2 == 1 {
				return f, e.errorf("a map with a key that has no value")
			}
			return f, nil
		}
		e.back(c)
		elem, err := e.next()
		if err != nil {
			return f, err
		}
		f.elems = append(f.elems, elem)
	}
}

// get is the value of a keyword in a map.
func (f *ednForm) get(key string) (ednForm, bool) {
	for i := 0; i+1 < len(f.elems); i += 2 {
		if f.elems[i].kind == ':' && f.elems[i].text == key {
			return f.elems[i+1], true
		}
	}
	return ednForm{}, false
}

// value is a form as a Value: keywords and atoms by their text, maps as lists
// of pairs in their order.
func (f *ednForm) value() Value {
	switch f.kind {
	case 'a':
		if f.text == "nil" {
			return Nil
		}
		return String(f.text)
	case '[':
		elems := make([]Value, len(f.elems))
		for i := range f.elems {
			elems[i] = f.elems[i].value()
		}
		return List(elems...)
	case '{':
		var elems []Value
		for i := 0; i+1 < len(f.elems); i += 2 {
			elems = append(elems, List(f.elems[i].value(), f.elems[i+1].value()))
		}
		return List(elems...)
	}
	return String(f.text)
}

func (f ednForm) String() string { return fmt.Sprintf("%v", f.value()) }
