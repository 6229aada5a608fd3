package resp

import (
	"bytes"
	"strconv"
)

// Render appends a neutral reply as a client of the given protocol, 2 or 3,
// reads it, and returns the extended slice. neutral is any number of whole
// values from the Append functions. For anything else the rest from the first
// fault on is appended as it is; Render itself never fails.
//
// Protocol 3 differs from neutral only in null arrays, which become the plain
// null. Protocol 2 knows four types: maps, sets and pushes become flat arrays,
// doubles, big numbers and verbatim texts become bulk strings, booleans 0 and
// 1, null the null bulk, and attributes are left out.
func Render(dst, neutral []byte, proto int) []byte {
	if proto >= 3 {
		return renderThree(dst, neutral)
	}
	return renderTwo(dst, neutral)
}

// Same says of one whole neutral value whether it needs no Render: whether it is
// a string, an integer or an error.
func Same(neutral []byte) bool {
	if len(neutral) == 0 {
		return false
	}
	switch neutral[0] {
	case '+', '-', ':', '$':
		return true
	}
	return false
}

var nullArray = []byte("*-1\r\n")

func renderThree(dst, neutral []byte) []byte {
	for bytes.Contains(neutral, nullArray) { // perhaps only inside a string: walk the values
		t, ok := readToken(neutral)
		if !ok {
			break
		}
		if t.kind == '*' && t.n < 0 {
			dst = append(dst, "_\r\n"...)
		} else {
			dst = append(dst, neutral[:t.size]...)
		}
		neutral = neutral[t.size:]
	}
	return append(dst, neutral...)
}

// renderTwo needs no stack: protocol 2 differs in the heads of aggregates
// only, not in where they end.
func renderTwo(dst, neutral []byte) []byte {
	dropped := 0 // values of an attribute still to be left out
	for len(neutral) > 0 {
		t, ok := readToken(neutral)
		if !ok {
			return append(dst, neutral...)
		}
		switch {
		case t.kind == '|':
			dropped += t.children()
		case dropped > 0:
			dropped += t.children() - 1
		default:
			dst = appendTwo(dst, neutral[:t.size], t)
		}
		neutral = neutral[t.size:]
	}
	return dst
}

func appendTwo(dst, raw []byte, t token) []byte {
	switch t.kind {
	case '%', '~', '>':
		return appendHead(dst, '*', t.children())
	case '_':
		return append(dst, "$-1\r\n"...)
	case '#':
		if t.body[0] == 't' {
			return append(dst, ":1\r\n"...)
		}
		return append(dst, ":0\r\n"...)
	case ',', '(':
		return AppendBulk(dst, t.body)
	case '=':
		return AppendBulk(dst, t.body[4:])
	}
	return append(dst, raw...)
}

// token is a scalar value or the head of an aggregate.
type token struct {
	kind byte
	size int    // bytes of the token, with the line ends
	n    int    // what the head of an aggregate counts; -1 in a null array
	body []byte // what a scalar holds
}

// children is the number of values that belong to the head of an aggregate.
func (t token) children() int {
	switch t.kind {
	case '%', '|':
		return 2 * t.n
	case '*', '~', '>':
		return max(t.n, 0)
	}
	return 0
}

// readToken reads the first token of b. Counts are believed only up to what b
// could hold, so that no sum of them overflows.
func readToken(b []byte) (token, bool) {
	end := bytes.IndexByte(b, '\n') - 1
	if end < 1 || b[end] != '\r' {
		return token{}, false
	}
	t := token{kind: b[0], size: end + 2, body: b[1:end]}
	switch t.kind {
	case '+', '-', ':', ',', '(':
		return t, true
	case '_':
		return t, end == 1
	case '#':
		return t, end == 2
	case '$', '=':
		n, err := strconv.Atoi(string(t.body))
		if err != nil || n < 0 || n > len(b)-t.size-2 || t.kind == '=' && n < 4 {
			return t, false
		}
		t.body = b[t.size : t.size+n]
		t.size += n + 2
		return t, true
	case '*', '%', '~', '>', '|':
		n, err := strconv.Atoi(string(t.body))
		t.n = n
		null := t.kind == '*' && n == -1
		return t, err == nil && (null || n >= 0 && n <= len(b))
	}
	return t, false
}
