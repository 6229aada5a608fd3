package resp

import (
	"math"
	"strconv"
)

// The Append functions write one neutral value, or the head of one, to the end
// of dst and return the extended slice. They allocate nothing beyond what dst
// needs to grow, and may be called from any goroutine.

// AppendSimple appends a simple string. It is for short texts such as "OK";
// line ends in s would break the protocol and become spaces.
func AppendSimple(dst []byte, s string) []byte { return appendLine(dst, '+', s) }

// AppendError appends an error. msg is the text without the dash and begins
// with the error's code: "ERR syntax error". Line ends in msg become spaces, so
// that it may quote what a client sent.
func AppendError(dst []byte, msg string) []byte { return appendLine(dst, '-', msg) }

// AppendInt appends an integer.
func AppendInt(dst []byte, v int64) []byte {
	dst = append(dst, ':')
	dst = strconv.AppendInt(dst, v, 10)
	return append(dst, '\r', '\n')
}

// AppendBulk appends a bulk string. A nil b is the empty string, not null: see
// AppendNull.
func AppendBulk(dst, b []byte) []byte {
	dst = appendHead(dst, '$', len(b))
	dst = append(dst, b...)
	return append(dst, '\r', '\n')
}

// AppendBulkString appends a bulk string.
func AppendBulkString(dst []byte, s string) []byte {
	dst = appendHead(dst, '$', len(s))
	dst = append(dst, s...)
	return append(dst, '\r', '\n')
}

// AppendNull appends the null that answers for a missing value.
func AppendNull(dst []byte) []byte { return append(dst, "_\r\n"...) }

// AppendNullArray appends the null that answers for a missing array. Only
// RESP2 clients can tell it from AppendNull.
func AppendNullArray(dst []byte) []byte { return append(dst, "*-1\r\n"...) }

// AppendArray appends the head of an array; n values must follow.
func AppendArray(dst []byte, n int) []byte { return appendHead(dst, '*', n) }

// AppendMap appends the head of a map; n pairs, 2n values, must follow.
func AppendMap(dst []byte, n int) []byte { return appendHead(dst, '%', n) }

// AppendSet appends the head of a set; n values must follow.
func AppendSet(dst []byte, n int) []byte { return appendHead(dst, '~', n) }

// AppendPush appends the head of a push message; n values must follow.
func AppendPush(dst []byte, n int) []byte { return appendHead(dst, '>', n) }

// AppendAttribute appends the head of an attribute: n pairs, 2n values, must
// follow, and then the value that they describe.
func AppendAttribute(dst []byte, n int) []byte { return appendHead(dst, '|', n) }

// AppendDouble appends a floating point number.
func AppendDouble(dst []byte, v float64) []byte {
	dst = append(dst, ',')
	dst = appendFloat(dst, v)
	return append(dst, '\r', '\n')
}

// AppendBool appends a boolean.
func AppendBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, "#t\r\n"...)
	}
	return append(dst, "#f\r\n"...)
}

// AppendBigNumber appends an integer of any size, given as its decimal digits
// with an optional sign. Line ends in it become spaces.
func AppendBigNumber(dst []byte, digits string) []byte { return appendLine(dst, '(', digits) }

// AppendVerbatim appends a text with its format, three characters such as
// "txt" or "mkd". Another length of format is cut or filled with spaces.
func AppendVerbatim(dst []byte, format, text string) []byte {
	dst = appendHead(dst, '=', len(text)+4)
	for i := range 3 {
		c := byte(' ')
		if i < len(format) {
			c = format[i]
		}
		dst = append(dst, c)
	}
	dst = append(dst, ':')
	dst = append(dst, text...)
	return append(dst, '\r', '\n')
}

// AppendCommand appends a command as clients send it: an array of bulk
// strings. It is generic so that callers need not convert their arguments.
func AppendCommand[T ~string | ~[]byte](dst []byte, args ...T) []byte {
	dst = appendHead(dst, '*', len(args))
	for _, a := range args {
		dst = appendHead(dst, '$', len(a))
		dst = append(dst, a...)
		dst = append(dst, '\r', '\n')
	}
	return dst
}

func appendHead(dst []byte, kind byte, n int) []byte {
	if uint(n) < 10 {
		return append(dst, kind, '0'+byte(n), '\r', '\n')
	}
	dst = append(dst, kind)
	dst = strconv.AppendInt(dst, int64(n), 10)
	return append(dst, '\r', '\n')
}

func appendLine(dst []byte, kind byte, s string) []byte {
	dst = append(dst, kind)
	from := len(dst)
	dst = append(dst, s...)
	for i, c := range dst[from:] {
		if c == '\r' || c == '\n' {
			dst[from+i] = ' '
		}
	}
	return append(dst, '\r', '\n')
}

// appendFloat writes the shortest digits that read back as v, with an exponent
// where C's %.17g would use one, as Redis does: 3 and not 3e+00.
func appendFloat(dst []byte, v float64) []byte {
	switch {
	case math.IsInf(v, 1):
		return append(dst, "inf"...)
	case math.IsInf(v, -1):
		return append(dst, "-inf"...)
	case math.IsNaN(v):
		return append(dst, "nan"...)
	}
	format := byte('f')
	if a := math.Abs(v); a != 0 && (a < 1e-4 || a >= 1e17) {
		format = 'e'
	}
	return strconv.AppendFloat(dst, v, format, -1, 64)
}
