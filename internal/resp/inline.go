package resp

import "bytes"

// keepScratch is the largest buffer for inline words that a Parser keeps.
const keepScratch = 4 << 10

// inline takes a command written as a line of words, as people type it.
func (p *Parser) inline(buf []byte) (int, error) {
	look := buf[:min(len(buf), p.Limits.Inline+1)]
	end := bytes.IndexByte(look, '\n')
	if end >= 0 {
		look = look[:end]
	}
	if bytes.IndexByte(look, 0) >= 0 {
		return 0, errInlineNUL
	}
	if end < 0 && len(look) > p.Limits.Inline {
		return 0, errInlineSize
	}
	if end < 0 {
		return 0, nil
	}
	if !p.words(bytes.TrimSuffix(look, []byte("\r"))) {
		return 0, errQuotes
	}
	return len(look) + 1, nil
}

// words splits a line into p.args, and tells whether its quotes were balanced.
func (p *Parser) words(line []byte) bool {
	p.args = p.args[:0]
	if cap(p.scratch) > keepScratch {
		p.scratch = nil
	}
	if cap(p.scratch) < len(line) {
		p.scratch = make([]byte, 0, len(line)) // words are never longer than the line: no growth moves them
	}
	out := p.scratch[:0]
	for i := 0; i < len(line); {
		if isSpace(line[i]) {
			i++
			continue
		}
		word := len(out)
		var ok bool
		if out, i, ok = appendWord(out, line, i); !ok {
			return false
		}
		p.args = append(p.args, out[word:len(out):len(out)])
	}
	return true
}

// appendWord unquotes the word that begins at line[i]. It returns the offset
// after it. The rules are those of Redis's sdssplitargs: a quote may begin in
// the middle of a word, and must be followed by a space or the end.
func appendWord(out, line []byte, i int) ([]byte, int, bool) {
	for i < len(line) {
		switch c := line[i]; c {
		case ' ', '\t', '\r':
			return out, i + 1, true
		case '"', '\'':
			out, i = appendQuoted(out, line, i+1, c)
			ok := i > 0 && (i == len(line) || isSpace(line[i]))
			return out, i, ok
		default:
			out = append(out, c)
			i++
		}
	}
	return out, i, true
}

// appendQuoted unquotes up to the closing quote, and returns the offset after
// it, or 0 when there is none.
func appendQuoted(out, line []byte, i int, quote byte) ([]byte, int) {
	for i < len(line) {
		c := line[i]
		switch {
		case c == quote:
			return out, i + 1
		case c == '\\' && quote == '"' && i+3 < len(line) && line[i+1] == 'x' && isHex(line[i+2]) && isHex(line[i+3]):
			out = append(out, unhex(line[i+2])<<4|unhex(line[i+3]))
			i += 4
		case c == '\\' && quote == '"' && i+1 < len(line):
			out = append(out, unescape(line[i+1]))
			i += 2
		case c == '\\' && quote == '\'' && i+1 < len(line) && line[i+1] == '\'':
			out = append(out, '\'')
			i += 2
		default:
			out = append(out, c)
			i++
		}
	}
	return out, 0
}

func unescape(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'b':
		return '\b'
	case 'a':
		return '\a'
	}
	return c
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	}
	return c - '0'
}
