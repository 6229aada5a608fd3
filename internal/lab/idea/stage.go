package idea

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

// width is how long a line of a story may be.
const width = 80

// stage is where a story is told: a terminal, or a file.
type stage struct {
	out    io.Writer
	colour bool
}

func newStage(out io.Writer) *stage { return &stage{out: out, colour: isTerminal(out)} }

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

func (s *stage) paint(colour, text string) string {
	if !s.colour {
		return text
	}
	return colour + text + plain
}

// line prints one line as it is. Nobody is told if the terminal is gone.
func (s *stage) line(format string, args ...any) {
	_, _ = fmt.Fprintf(s.out, format+"\n", args...)
}

// step begins a part of the story.
func (s *stage) step(format string, args ...any) {
	s.line("\n%s", s.paint(bold, strings.Join(wrap(fmt.Sprintf(format, args...), width), "\n")))
}

// say tells a paragraph.
func (s *stage) say(format string, args ...any) {
	for _, l := range wrap(fmt.Sprintf(format, args...), width) {
		s.line("%s", l)
	}
}

// saw shows what was seen, apart from what is told.
func (s *stage) saw(format string, args ...any) { s.seen("", format, args...) }

// bad and good show what was seen, and that it is wrong, or right.
func (s *stage) bad(format string, args ...any)  { s.seen(red, format, args...) }
func (s *stage) good(format string, args ...any) { s.seen(green, format, args...) }

func (s *stage) seen(colour, format string, args ...any) {
	for i, l := range wrap(fmt.Sprintf(format, args...), width-4) {
		mark := "  > "
		if i > 0 {
			mark = "    "
		}
		if colour != "" {
			l = s.paint(colour, l)
		}
		s.line("%s%s", mark, l)
	}
}

// table shows rows in columns, the first row being their heads.
func (s *stage) table(rows ...[]string) {
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
		s.line("%s", l)
	}
}

// next ends a story with commands to try.
func (s *stage) next(commands ...string) {
	s.step("Try next")
	for _, c := range commands {
		s.line("  %s", c)
	}
}

// paragraphs wraps a text whose paragraphs have blank lines between them.
func paragraphs(text string) string {
	all := strings.Split(text, "\n\n")
	for i, p := range all {
		all[i] = strings.Join(wrap(p, width), "\n")
	}
	return strings.Join(all, "\n\n")
}

// wrap breaks a text into lines of at most so many characters, between words.
func wrap(text string, width int) (lines []string) {
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
