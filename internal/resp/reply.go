package resp

import (
	"fmt"
	"strings"
)

// Kind is the type of a reply, by its first byte in RESP3. All nulls, also the
// two of RESP2, are KindNull; the long error '!' is KindError.
type Kind byte

// The kinds of reply.
const (
	KindSimple    Kind = '+'
	KindError     Kind = '-'
	KindInt       Kind = ':'
	KindBulk      Kind = '$'
	KindNull      Kind = '_'
	KindDouble    Kind = ','
	KindBool      Kind = '#'
	KindBigNumber Kind = '('
	KindVerbatim  Kind = '='
	KindArray     Kind = '*'
	KindMap       Kind = '%'
	KindSet       Kind = '~'
	KindPush      Kind = '>'
)

var kindNames = map[Kind]string{
	KindSimple: "simple", KindError: "error", KindInt: "int", KindBulk: "bulk", KindNull: "null",
	KindDouble: "double", KindBool: "bool", KindBigNumber: "bignumber", KindVerbatim: "verbatim",
	KindArray: "array", KindMap: "map", KindSet: "set", KindPush: "push",
}

func (k Kind) String() string {
	if s, ok := kindNames[k]; ok {
		return s
	}
	return fmt.Sprintf("kind(%q)", byte(k))
}

// Reply is a decoded reply.
type Reply struct {
	Kind  Kind
	Str   string  // simple, error (without the dash), bulk, big number, verbatim (without its format)
	Int   int64   // int; bool as 0 or 1
	Float float64 // double

	Format string  // verbatim: "txt"
	Elems  []Reply // array, set, push; map as key, value, key, value
	Attrs  []Reply // the attribute before the value, as key, value, key, value
}

// Err is the error that an error reply carries, a ReplyError, and nil for all
// other kinds.
func (r Reply) Err() error {
	if r.Kind != KindError {
		return nil
	}
	return ReplyError(r.Str)
}

// IsNull tells whether the reply stands for a missing value.
func (r Reply) IsNull() bool { return r.Kind == KindNull }

// String describes the reply in one line, for tests and logs.
func (r Reply) String() string {
	switch r.Kind {
	case KindSimple:
		return r.Str
	case KindError:
		return "-" + r.Str
	case KindInt:
		return fmt.Sprint(r.Int)
	case KindNull:
		return "null"
	case KindDouble:
		return string(appendFloat(nil, r.Float))
	case KindBool:
		return fmt.Sprint(r.Int != 0)
	case KindBigNumber:
		return r.Str
	case KindVerbatim:
		return fmt.Sprintf("%s:%q", r.Format, r.Str)
	case KindArray:
		return "[" + join(r.Elems) + "]"
	case KindMap:
		return "map[" + join(r.Elems) + "]"
	case KindSet:
		return "set[" + join(r.Elems) + "]"
	case KindPush:
		return "push[" + join(r.Elems) + "]"
	}
	return fmt.Sprintf("%q", r.Str)
}

func join(rs []Reply) string {
	parts := make([]string, len(rs))
	for i, r := range rs {
		parts[i] = r.String()
	}
	return strings.Join(parts, " ")
}

// ReplyError is an error that the server answered. Its first word is the code.
type ReplyError string

func (e ReplyError) Error() string { return string(e) }

// Code is the first word: "ERR", "UNAVAILABLE".
func (e ReplyError) Code() string {
	code, _, _ := strings.Cut(string(e), " ")
	return code
}
