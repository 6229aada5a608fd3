package history

import (
	"encoding/base64"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Value is what an operation wrote or returned: nothing, a scalar or a list.
// Values are comparable with == and may be map keys. A number and the string
// of its digits are the same scalar, because Redis stores both alike. The zero
// Value is nothing: an absent key, or an argument or result that was not given.
type Value struct {
	kind valueKind
	text string // scalar: its text; list: its elements as canonical JSON
}

type valueKind uint8

const (
	kindNil valueKind = iota
	kindScalar
	kindList
)

// Nil is the absent value.
var Nil Value

// String is the scalar of s.
func String(s string) Value { return Value{kindScalar, s} }

// Int is the scalar of n.
func Int(n int64) Value { return Value{kindScalar, strconv.FormatInt(n, 10)} }

// Bool is the scalar "true" or "false".
func Bool(b bool) Value { return Value{kindScalar, strconv.FormatBool(b)} }

// List is the list of the given elements, in their order.
func List(elems ...Value) Value {
	b := []byte{'['}
	for i, e := range elems {
		if i > 0 {
			b = append(b, ',')
		}
		b = e.AppendJSON(b)
	}
	return Value{kindList, string(append(b, ']'))}
}

// IsNil tells the absent value.
func (v Value) IsNil() bool { return v.kind == kindNil }

// IsList tells a list, also an empty one.
func (v Value) IsList() bool { return v.kind == kindList }

// Text is a scalar's text, and "" for other values.
func (v Value) Text() string {
	if v.kind == kindScalar {
		return v.text
	}
	return ""
}

// Int is the scalar as a number; false if it is none.
func (v Value) Int() (int64, bool) {
	if v.kind != kindScalar {
		return 0, false
	}
	n, err := strconv.ParseInt(v.text, 10, 64)
	return n, err == nil
}

// Elems are the elements of a list; nil for other values.
func (v Value) Elems() []Value {
	if v.kind != kindList {
		return nil
	}
	s := scanner{b: []byte(v.text), max: maxDepth}
	elems, err := s.elems()
	if err != nil {
		return nil // cannot happen: the text was written by List or by the reader
	}
	return elems
}

// String is the value as people read it: null, x, [1 2].
func (v Value) String() string {
	switch v.kind {
	case kindNil:
		return "null"
	case kindScalar:
		if v.text == "" || !utf8.ValidString(v.text) || strings.ContainsAny(v.text, " \n\t\"") {
			return strconv.Quote(v.text)
		}
		return v.text
	}
	var b strings.Builder
	b.WriteByte('[')
	for i, e := range v.Elems() {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(e.String())
	}
	b.WriteByte(']')
	return b.String()
}

// AppendJSON appends the value's canonical JSON: integers and booleans bare,
// other scalars as strings, bytes that are no UTF-8 as {"base64":"…"}.
func (v Value) AppendJSON(dst []byte) []byte {
	switch v.kind {
	case kindNil:
		return append(dst, "null"...)
	case kindList:
		return append(dst, v.text...)
	}
	if bareScalar(v.text) {
		return append(dst, v.text...)
	}
	if !utf8.ValidString(v.text) {
		dst = append(dst, `{"base64":"`...)
		dst = base64.StdEncoding.AppendEncode(dst, []byte(v.text))
		return append(dst, `"}`...)
	}
	return appendString(dst, v.text)
}

// bareScalar tells the texts that JSON can hold without quotes and give back
// unchanged.
func bareScalar(s string) bool {
	if s == "true" || s == "false" {
		return true
	}
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || len(digits) > 18 || digits[0] == '0' && s != "0" {
		return false
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return false
		}
	}
	return true
}

const hexDigits = "0123456789abcdef"

// appendString appends s, which is UTF-8, as a JSON string.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
