package resp

import (
	"bytes"
	"math"
)

// keepArgs is the longest list of arguments whose memory a Parser keeps for
// the next command.
const keepArgs = 1024

// Parser takes commands off the front of a connection's bytes. It copies
// nothing: while a command is incomplete the caller keeps its bytes, and the
// parser keeps only which arguments have come, so that a large command in many
// pieces costs linear time; only a line is looked at again. Memory grows with the bytes that came, never with
// a length that they declare.
//
// A Parser serves one connection and one goroutine. Set Limits before the
// first call; they may change between commands.
type Parser struct {
	Limits Limits

	args    [][]byte
	high    int    // how many of args have held something since forget
	scratch []byte // unquoted words of an inline command

	at   int // offset of the first argument not seen whole; 0 before the head is
	left int // arguments not seen whole
}

// Next takes the first command of buf. It returns the arguments and the number
// of bytes they took:
//
//   - n > 0: a command. The caller goes on with buf[n:]. An empty line or array
//     has no arguments and needs no answer.
//   - n == 0 and no error: buf holds no whole command. The caller calls again
//     with the same bytes and more after them; they may have moved in memory.
//   - an error: a ProtocolError.
//
// The arguments alias buf or memory of the parser, are valid until the next
// call and must not be appended to. A call that asks for more lets go of them:
// calling until then, also with an empty buf, keeps no old buffer alive.
func (p *Parser) Next(buf []byte) (args [][]byte, n int, err error) {
	switch {
	case len(buf) == 0:
	case buf[0] == '*':
		n, err = p.multibulk(buf)
	default:
		n, err = p.inline(buf)
	}
	p.high = max(p.high, len(p.args))
	if n > 0 {
		p.at, p.left = 0, 0
		return p.args, n, nil
	}
	p.forget()
	if err != nil {
		p.at, p.left = 0, 0
	}
	return nil, 0, err
}

// forget drops the references to the caller's buffer.
func (p *Parser) forget() {
	clear(p.args[:p.high])
	p.args, p.high = p.args[:0], 0
	if cap(p.args) > keepArgs {
		p.args = nil
	}
}

// Partial says whether a command is known to be cut off at the end of what Next
// was shown last.
func (p *Parser) Partial() bool { return p.at > 0 }

func (p *Parser) multibulk(buf []byte) (int, error) {
	if p.at > 0 && p.at <= len(buf) {
		// The arguments seen before may have moved: only look whether the
		// rest has come, and if so take the whole command in one go.
		if whole, err := p.skip(buf); !whole {
			return 0, err
		}
	}
	count, at, err := p.count(buf, 0)
	if err != nil || at == 0 {
		return 0, err
	}
	if count > int64(p.Limits.Args) {
		if p.Limits.Unauthenticated && count <= math.MaxInt32 {
			return 0, errMultibulkAuth
		}
		return 0, errMultibulkLength
	}
	args := p.args[:0]
	for left := int(count); left > 0; left-- {
		body, end, err := p.bulk(buf, at)
		if err != nil || end == 0 {
			p.at, p.left, p.args = at, left, args
			return 0, err
		}
		args = append(args, buf[body:end-2:end-2])
		at = end
	}
	p.args = args
	return at, nil
}

// skip goes on where an earlier call found no more bytes, and tells whether
// all arguments have come.
func (p *Parser) skip(buf []byte) (bool, error) {
	for p.left > 0 {
		_, end, err := p.bulk(buf, p.at)
		if err != nil || end == 0 {
			return false, err
		}
		p.at = end
		p.left--
	}
	return true, nil
}

// bulk finds the argument whose head is at offset at: its bytes, with the line
// end, are buf[body:end]. end is 0 when they have not all come.
func (p *Parser) bulk(buf []byte, at int) (body, end int, err error) {
	if at == len(buf) {
		return 0, 0, nil
	}
	if buf[at] != '$' {
		return 0, 0, errExpectedBulk(buf[at])
	}
	size, body, err := p.count(buf, at)
	if err != nil || body == 0 {
		return 0, 0, err
	}
	if size < 0 || size > int64(p.Limits.Bulk) {
		if p.Limits.Unauthenticated && size > 0 && size <= maxBulkLength {
			return 0, 0, errBulkAuth
		}
		return 0, 0, errBulkLength
	}
	end = body + int(size) + 2
	if end > p.Limits.Total {
		return 0, 0, errTotal
	}
	if end > len(buf) {
		return 0, 0, nil
	}
	if buf[end-2] != '\r' || buf[end-1] != '\n' {
		return 0, 0, errBulkLength // Redis does not look; the next command would be read out of a value
	}
	return body, end, nil
}

// count reads the line "*<n>" or "$<n>" at offset at. next is the offset after
// it, or 0 when the line has not all come.
func (p *Parser) count(buf []byte, at int) (v int64, next int, err error) {
	i := at + 1
	for i < len(buf) && i < at+10 && buf[i]-'0' < 10 {
		v = v*10 + int64(buf[i]-'0')
		i++
	}
	usual := i+1 < len(buf) && buf[i] == '\r' && buf[i+1] == '\n' && i > at+1 &&
		(buf[at+1] != '0' || i == at+2)
	if usual {
		return v, i + 2, nil
	}
	return p.oddCount(buf, at)
}

// oddCount is count for the rare lines: cut off, negative, very long or wrong.
func (p *Parser) oddCount(buf []byte, at int) (v int64, next int, err error) {
	tooLong, invalid := errBulkLine, errBulkLength
	if buf[at] == '*' {
		tooLong, invalid = errMultibulkLine, errMultibulkLength
	}
	line := buf[at:min(len(buf), at+p.Limits.Line+1)]
	end := bytes.IndexByte(line, '\r')
	if end < 0 && len(line) > p.Limits.Line {
		return 0, 0, tooLong
	}
	if end < 0 || at+end+1 == len(buf) {
		return 0, 0, nil
	}
	end += at
	v, ok := parseInt(buf[at+1 : end])
	if !ok || buf[end+1] != '\n' {
		return 0, 0, invalid
	}
	return v, end + 2, nil
}

// parseInt reads a decimal as Redis does: no plus, no spaces, no leading
// zeros, no "-0".
func parseInt(b []byte) (int64, bool) {
	digits := b
	negative := len(b) > 0 && b[0] == '-'
	if negative {
		digits = b[1:]
	}
	if len(digits) == 0 || len(digits) > 19 || digits[0] == '0' && len(b) > 1 {
		return 0, false
	}
	var v uint64
	for _, c := range digits {
		if c-'0' > 9 {
			return 0, false
		}
		v = v*10 + uint64(c-'0')
	}
	if negative {
		return -int64(v), v <= 1<<63
	}
	return int64(v), v <= math.MaxInt64
}
