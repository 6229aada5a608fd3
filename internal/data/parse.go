package data

import "math"

// parseInt reads a decimal int64 in the one form that Redis writes: no plus, no
// leading zero, no space.
func parseInt(b []byte) (int64, bool) {
	neg := len(b) > 0 && b[0] == '-'
	digits := b
	if neg {
		digits = b[1:]
	}
	u, ok := parseUint(digits)
	switch {
	case !ok || len(digits) > 1 && digits[0] == '0':
		return 0, false
	case !neg && u <= math.MaxInt64:
		return int64(u), true
	case neg && u > 0 && u <= 1<<63:
		return -int64(u), true
	}
	return 0, false
}

// parseUint reads decimal digits.
func parseUint(b []byte) (uint64, bool) {
	if len(b) == 0 {
		return 0, false
	}
	u := uint64(0)
	for _, c := range b {
		d := uint64(c - '0')
		if c < '0' || c > '9' || u > (math.MaxUint64-d)/10 {
			return 0, false
		}
		u = u*10 + d
	}
	return u, true
}

// is compares an argument with a lower-case ASCII word, in any case.
func is(b []byte, word string) bool {
	if len(b) != len(word) {
		return false
	}
	for i, c := range b {
		if lower(c) != word[i] {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// integer reads argument i. When ok is false the error is the reply.
func (c *call) integer(i int) (v int64, ok bool) {
	if v, ok = parseInt(c.args[i]); !ok {
		c.err(errNotInt)
	}
	return v, ok
}

// fits says whether a string of n+more bytes is allowed. When it is not, the
// error is the reply. Neither may be negative; their sum may overflow.
func (c *call) fits(n, more int64) bool {
	if total := n + more; total < n || total > c.MaxValue {
		c.err(errTooLong)
		return false
	}
	return true
}
