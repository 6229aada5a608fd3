package spacetime

import (
	"bytes"
	"encoding/xml"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What text may take. Labels are for a glance; details are for reading.
const (
	fontSize   = 12.0
	lineHeight = 15.0
	maxName    = 18 // runes
	maxLabel   = 36
	maxDetail  = 300
	maxNote    = 1000
)

// Cut shortens s to n runes at most, the last of them an ellipsis if it was longer.
func Cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	i := 0
	for pos := range s {
		if i == n-1 {
			if utf8.RuneCountInString(s[pos:]) <= 1 {
				return s
			}
			return s[:pos] + "…"
		}
		i++
	}
	return s
}

// line makes one line of a text.
func line(s string, n int) string {
	s = Cut(s, n)
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || r == '\r' {
			return ' '
		}
		return r
	}, s)
}

// textWidth guesses how wide a text of the usual size is drawn. The fonts are
// not known here, so it is on the safe side.
func textWidth(s string) float64 {
	w := 0.0
	for _, r := range s {
		switch {
		case r < 0x80 && strings.ContainsRune("iljt.,:;'|!()[] fI", r):
			w += 4.4
		case r < 0x80 && (r == 'm' || r == 'w' || r >= 'A' && r <= 'Z'):
			w += 9
		case r < 0x2e80 && !unicode.IsControl(r):
			w += 7
		default:
			w += 13
		}
	}
	return w
}

// wrap breaks a text into lines of at most width pixels.
func wrap(s string, width float64) (lines []string) {
	now := ""
	for _, word := range strings.Fields(Cut(s, maxNote)) {
		for textWidth(word) > width { // a word by itself too long
			head := Cut(word, max(int(width/13), 2))
			head = strings.TrimSuffix(head, "…")
			lines, now = appendLine(lines, now), ""
			lines = append(lines, head)
			word = word[len(head):]
		}
		switch {
		case now == "":
			now = word
		case textWidth(now+" "+word) <= width:
			now += " " + word
		default:
			lines, now = append(lines, now), word
		}
	}
	return appendLine(lines, now)
}

func appendLine(lines []string, s string) []string {
	if s == "" {
		return lines
	}
	return append(lines, s)
}

// escape makes any bytes harmless in XML and HTML, as text and in quotes.
func escape(s string) string {
	var b bytes.Buffer
	xml.EscapeText(&b, []byte(s)) // a buffer does not fail
	return b.String()
}
