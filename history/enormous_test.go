package history

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
)

// endless repeats a text n times, without holding it.
type endless struct {
	text string
	left int
}

func (e *endless) Read(p []byte) (int, error) {
	n := 0
	for n+len(e.text) <= len(p) && e.left > 0 {
		n += copy(p[n:], e.text)
		e.left--
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// TestEnormousFiles: a line of 200 MB, or brackets without end, are refused with
// the line's number, in bounded memory, and in a message that fits a screen.
func TestEnormousFiles(t *testing.T) {
	limits := Limits{Line: 1 << 20, Ops: 10}
	const memory = 8 << 20
	starts := map[string]string{
		Parley: head, EDN: "{:type :invoke, :f :read, :process 0, :value nil}\n", JepsenLog: "INFO  jepsen.util - 0\t:invoke\t:read\tnil\n",
		Plume: "w(1,2,0,0)\n", AWDIT: "w 1 2\n", DBCopText: "[x:=1]\n",
	}
	for format, start := range starts {
		for _, text := range []string{"x", "[", "(", "{:a ", "\"", "1"} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, _, err := ReadFormat(io.MultiReader(strings.NewReader(start), &endless{strings.Repeat(text, 4096), 200_000_000 / 4096 / len(text)}), format, limits)
			runtime.ReadMemStats(&after)
			var line *LineError
			if !errors.As(err, &line) || line.Line != 2 || len(err.Error()) > 500 {
				t.Errorf("%s of %q: %.600v", format, text, err)
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > memory {
				t.Errorf("%s of %q: %d KiB", format, text, used>>10)
			}
		}
	}
}

// TestLongLinesAreNotQuoted: a line just within the limit that makes no sense.
func TestLongLinesAreNotQuoted(t *testing.T) {
	for _, format := range Formats()[1:] {
		for _, text := range []string{"x", "é", "{\"a\":\"", "[x", "r(", "r "} {
			_, _, err := ReadFormat(strings.NewReader(strings.Repeat(text, 1<<20/len(text))+"\n"), format, DefaultLimits())
			if err == nil || len(err.Error()) > 500 {
				t.Errorf("%s of %q: %.600v", format, text, err)
			}
		}
	}
}

func TestLimitsAreTold(t *testing.T) {
	for _, file := range []string{head + strings.Repeat("x", 200), head + strings.Repeat("{\"type\":\"invoke\",\"process\":1,\"time\":1,\"op\":\"read\"}\n{\"type\":\"ok\",\"process\":1,\"time\":1}\n", 3)} {
		if _, err := ReadFrom(strings.NewReader(file), Limits{Line: 100, Ops: 2}); !errors.Is(err, ErrLimit) {
			t.Error(err)
		}
	}
	if _, err := ReadFrom(strings.NewReader(head+"x"), DefaultLimits()); err == nil || errors.Is(err, ErrLimit) {
		t.Error(err)
	}
}

// TestByteOrderMark: what some programs put before a text is read over.
func TestByteOrderMark(t *testing.T) {
	for _, c := range importSamples {
		if c.format == DBCop {
			continue
		}
		h, format, err := ReadFormat(io.MultiReader(strings.NewReader(byteOrderMark), bytes.NewReader([]byte(c.file))), Auto, DefaultLimits())
		if err != nil || format != c.format || brief(h) != c.want {
			t.Errorf("%s: %v %s", c.name, err, format)
		}
	}
}
