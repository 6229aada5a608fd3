// Package story tells what happens in a terminal: paragraphs, what was seen,
// tables, in lines of 80 characters, and in colour where that is wanted.
package story

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

// Width is how long a line of a story may be.
const Width = 80

// Stage is where a story is told: a terminal, or a file.
type Stage struct {
	out    io.Writer
	colour bool
}

// On is a stage that writes to out.
func On(out io.Writer) *Stage { return &Stage{out: out, colour: isTerminal(out)} }

// isTerminal follows https://no-color.org.
func isTerminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// The colours: of headings, of what went wrong, of what went right.
const (
	bold  = "\x1b[1m"
	red   = "\x1b[31m"
	green = "\x1b[32m"
	plain = "\x1b[0m"
)

func (s *Stage) paint(colour, text string) string {
	if !s.colour {
		return text
	}
	return colour + text + plain
}

// Line prints one line as it is. Nobody is told if the terminal is gone.
func (s *Stage) Line(format string, args ...any) {
	_, _ = fmt.Fprintf(s.out, format+"\n", args...)
}

// Step begins a part of the story.
func (s *Stage) Step(format string, args ...any) {
	s.Line("\n%s", s.paint(bold, strings.Join(Wrap(fmt.Sprintf(format, args...), Width), "\n")))
}

// Say tells a paragraph.
func (s *Stage) Say(format string, args ...any) {
	for _, l := range Wrap(fmt.Sprintf(format, args...), Width) {
		s.Line("%s", l)
	}
}

// Saw shows what was seen, apart from what is told.
func (s *Stage) Saw(format string, args ...any) { s.seen("", format, args...) }

// Bad and Good show what was seen, and that it is wrong, or right.
func (s *Stage) Bad(format string, args ...any)  { s.seen(red, format, args...) }
func (s *Stage) Good(format string, args ...any) { s.seen(green, format, args...) }

func (s *Stage) seen(colour, format string, args ...any) {
	for i, l := range Wrap(fmt.Sprintf(format, args...), Width-4) {
		mark := "  > "
		if i > 0 {
			mark = "    "
		}
		if colour != "" {
			l = s.paint(colour, l)
		}
		s.Line("%s%s", mark, l)
	}
}

// Table shows rows in columns, the first row being their heads.
func (s *Stage) Table(rows ...[]string) {
	var widths []int
	for _, r := range rows {
		for i, c := range r {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(c))
		}
	}
	for n, r := range rows {
		var b strings.Builder
		b.WriteString(" ")
		for i, c := range r {
			b.WriteString(" " + c + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c)+1))
		}
		l := strings.TrimRight(b.String(), " ")
		if n == 0 {
			l = s.paint(bold, l)
		}
		s.Line("%s", l)
	}
}

// Next ends a story with commands to try.
func (s *Stage) Next(commands ...string) {
	s.Step("Try next")
	for _, c := range commands {
		s.Line("  %s", c)
	}
}

// Paragraphs wraps a text whose paragraphs have blank lines between them.
func Paragraphs(text string) string {
	all := strings.Split(text, "\n\n")
	for i, p := range all {
		all[i] = strings.Join(Wrap(p, Width), "\n")
	}
	return strings.Join(all, "\n\n")
}

// Wrap breaks a text into lines of at most so many characters, between words.
func Wrap(text string, width int) (lines []string) {
	var line string
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= width:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
	}
	return append(lines, line)
}
