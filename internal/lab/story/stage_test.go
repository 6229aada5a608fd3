package story

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestStage(t *testing.T) {
	var b bytes.Buffer
	s := On(&b)
	s.Step("A %s", "step")
	s.Say("%s", strings.Repeat("word ", 20))
	s.Bad("bad %d%%", 5)
	s.Table([]string{"a", "b"}, []string{"long ä", "2"})
	s.Next("parley lab list")
	want := "\nA step\n" + strings.TrimSpace(strings.Repeat("word ", 16)) + "\nword word word word\n  > bad 5%\n  a       b\n  long ä  2\n\nTry next\n  parley lab list\n"
	if b.String() != want {
		t.Errorf("%q\nwant %q", b.String(), want)
	}
}

// Wrap loses no word, and no line is too long but one of a single long word.
func TestWrap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, width := rapid.String().Draw(t, "text"), rapid.IntRange(1, 30).Draw(t, "width")
		lines := Wrap(text, width)
		for _, l := range lines {
			if utf8.RuneCountInString(l) > width && strings.Contains(l, " ") {
				t.Errorf("%q is longer than %d", l, width)
			}
		}
		if !slices.Equal(strings.Fields(strings.Join(lines, " ")), strings.Fields(text)) {
			t.Errorf("%q became %q", text, lines)
		}
	})
}
