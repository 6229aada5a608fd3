package resp

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// firstChunk is how much memory a long string gets before its bytes come.
const firstChunk = 64 << 10

// ReadReply reads one reply of either protocol. It blocks on r, and returns
// io.EOF when r ends before the reply begins, io.ErrUnexpectedEOF when it ends
// inside, and a ProtocolError for bytes that are no reply or exceed the limits;
// of limits it uses Line, Bulk, Args, Total and Depth. An error reply is a
// Reply, not an error: see Reply.Err.
//
// Memory grows with the bytes that came, not with the lengths they declare.
func ReadReply(r *bufio.Reader, limits Limits) (Reply, error) {
	d := replyReader{r: r, limits: limits}
	if _, err := r.Peek(1); err != nil {
		return Reply{}, err
	}
	reply, err := d.value(0)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return Reply{}, err
	}
	return reply, nil
}

type replyReader struct {
	r      *bufio.Reader
	limits Limits
	bytes  int // read so far
	values int // begun so far
	line   []byte
}

func malformed(format string, args ...any) error {
	return ProtocolError("ERR Protocol error: " + fmt.Sprintf(format, args...))
}

func (d *replyReader) value(depth int) (Reply, error) {
	if depth > d.limits.Depth {
		return Reply{}, malformed("reply nested deeper than %d", d.limits.Depth)
	}
	if d.values++; d.values > d.limits.Args {
		return Reply{}, malformed("reply of more than %d values", d.limits.Args)
	}
	line, err := d.readLine()
	if err != nil {
		return Reply{}, err
	}
	if len(line) == 0 {
		return Reply{}, malformed("empty line where a reply was expected")
	}
	switch body := line[1:]; line[0] {
	case '*', '%', '~', '>', '|':
		return d.aggregate(Kind(line[0]), body, depth)
	case '$', '=', '!':
		return d.blob(Kind(line[0]), body)
	default:
		return scalar(Kind(line[0]), string(body))
	}
}

// scalar decodes the kinds that are one line.
func scalar(kind Kind, body string) (r Reply, err error) {
	r = Reply{Kind: kind}
	ok := true
	switch kind {
	case KindSimple, KindError:
		r.Str = body
	case KindInt:
		r.Int, err = strconv.ParseInt(body, 10, 64)
	case KindDouble:
		r.Float, err = parseFloat(body)
	case KindBigNumber:
		r.Str, ok = body, isDecimal(body)
	case KindNull:
		ok = body == ""
	case KindBool:
		ok = body == "t" || body == "f"
		if body == "t" {
			r.Int = 1
		}
	default:
		return Reply{}, malformed("reply of unknown type %q", byte(kind))
	}
	if err != nil || !ok {
		return Reply{}, malformed("invalid %v %.40q", kind, body)
	}
	return r, nil
}

// aggregate reads the values that follow a head. Those of an attribute become
// part of the value after them.
func (d *replyReader) aggregate(kind Kind, body []byte, depth int) (Reply, error) {
	n, ok := parseInt(body)
	if ok && n == -1 && kind == KindArray {
		return Reply{Kind: KindNull}, nil
	}
	if !ok || n < 0 {
		return Reply{}, malformed("invalid length %.40q of %v", body, kind)
	}
	if n > int64(d.limits.Args) {
		return Reply{}, malformed("reply of more than %d values", d.limits.Args)
	}
	if kind == KindMap || kind == '|' {
		n *= 2
	}
	elems := make([]Reply, 0, min(n, 16))
	for range n {
		e, err := d.value(depth + 1)
		if err != nil {
			return Reply{}, err
		}
		elems = append(elems, e)
	}
	if kind != '|' {
		return Reply{Kind: kind, Elems: elems}, nil
	}
	r, err := d.value(depth + 1) // one deeper: a row of attributes is bounded as well
	r.Attrs = append(elems, r.Attrs...)
	return r, err
}

// blob reads the bytes that follow a length.
func (d *replyReader) blob(kind Kind, body []byte) (Reply, error) {
	n, ok := parseInt(body)
	if ok && n == -1 && kind == KindBulk {
		return Reply{Kind: KindNull}, nil
	}
	if !ok || n < 0 || kind == KindVerbatim && n < 4 {
		return Reply{}, malformed("invalid length %.40q of %v", body, kind)
	}
	if n > int64(d.limits.Bulk) {
		return Reply{}, malformed("string of %d bytes, longer than %d", n, d.limits.Bulk)
	}
	b, err := d.readFull(int(n) + 2)
	if err != nil {
		return Reply{}, err
	}
	if b[n] != '\r' || b[n+1] != '\n' {
		return Reply{}, malformed("string longer than the %d bytes declared", n)
	}
	text := string(b[:n])
	switch {
	case kind == '!':
		return Reply{Kind: KindError, Str: text}, nil
	case kind == KindVerbatim && text[3] != ':':
		return Reply{}, malformed("verbatim text without a format")
	case kind == KindVerbatim:
		return Reply{Kind: kind, Format: text[:3], Str: text[4:]}, nil
	}
	return Reply{Kind: kind, Str: text}, nil
}

// take accounts for n more bytes of this reply.
func (d *replyReader) take(n int) error {
	if d.bytes += n; d.bytes > d.limits.Total {
		return malformed("reply of more than %d bytes", d.limits.Total)
	}
	return nil
}

// readLine reads up to a line end and returns the line without it, valid until
// the next read.
func (d *replyReader) readLine() ([]byte, error) {
	d.line = d.line[:0]
	for {
		part, err := d.r.ReadSlice('\n')
		if len(d.line)+len(part) > d.limits.Line+2 {
			return nil, malformed("line longer than %d bytes", d.limits.Line)
		}
		if err := d.take(len(part)); err != nil {
			return nil, err
		}
		if err == nil && len(d.line) == 0 {
			return trimLine(part)
		}
		d.line = append(d.line, part...)
		if err == nil {
			return trimLine(d.line)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
	}
}

func trimLine(line []byte) ([]byte, error) {
	if cr := bytes.IndexByte(line, '\r'); cr < 0 || cr != len(line)-2 {
		return nil, malformed("line without a carriage return, or with one inside")
	}
	return line[:len(line)-2], nil
}

// readFull reads n bytes, valid until the next read. The memory doubles as the
// bytes come.
func (d *replyReader) readFull(n int) ([]byte, error) {
	if err := d.take(n); err != nil {
		return nil, err
	}
	b := d.line[:0]
	for len(b) < n {
		more := min(n-len(b), max(len(b), firstChunk))
		if cap(b)-len(b) < more {
			b = append(make([]byte, 0, len(b)+more), b...)
		}
		got, err := io.ReadFull(d.r, b[len(b):len(b)+more])
		b = b[:len(b)+got]
		if err != nil {
			return nil, err
		}
	}
	d.line = b
	return b, nil
}

// parseFloat reads a double as RESP3 writes it; Go would also take hexadecimal
// and underscores.
func parseFloat(s string) (float64, error) {
	switch s {
	case "inf", "-inf", "nan", "-nan":
		if s == "-nan" {
			s = "nan"
		}
	default:
		for _, c := range []byte(s) {
			if c-'0' > 9 && c != '-' && c != '+' && c != '.' && c != 'e' && c != 'E' {
				return 0, strconv.ErrSyntax
			}
		}
	}
	return strconv.ParseFloat(s, 64)
}

func isDecimal(s string) bool {
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		s = s[1:]
	}
	for _, c := range []byte(s) {
		if c-'0' > 9 {
			return false
		}
	}
	return s != ""
}
