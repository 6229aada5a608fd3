package resp

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// feed gives the parser input in pieces, as a connection would, and returns
// the commands that it found, each as a line of quoted words, the error that
// ended it, and the bytes left over. Each call sees the bytes at a new place.
func feed(p *Parser, pieces ...[]byte) (commands []string, rest []byte, err error) {
	for _, piece := range pieces {
		rest = append(bytes.Clone(rest), piece...)
		for {
			args, n, err := p.Next(rest)
			if err != nil {
				return commands, rest, err
			}
			if n == 0 {
				break
			}
			commands = append(commands, fmt.Sprintf("%q", args))
			rest = rest[n:]
		}
	}
	return commands, rest, nil
}

func pieces(input []byte, size int) (out [][]byte) {
	for len(input) > size {
		out, input = append(out, input[:size]), input[size:]
	}
	return append(out, input)
}

// small are limits that a short test input can reach.
func small() Limits {
	return Limits{Line: 24, Inline: 40, Bulk: 30, Args: 5, Total: 100, Depth: 4}
}

var parserCases = []struct {
	name, in string
	commands []string
	err      string // after "ERR Protocol error: "
}{
	{"one", "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", []string{`["GET" "k"]`}, ""},
	{"binary", "*1\r\n$4\r\n\r\n\x00*\r\n", []string{`["\r\n\x00*"]`}, ""},
	{"empty argument", "*2\r\n$0\r\n\r\n$1\r\nx\r\n", []string{`["" "x"]`}, ""},
	{"pipeline", "*1\r\n$1\r\na\r\n*1\r\n$1\r\nb\r\nc d\n", []string{`["a"]`, `["b"]`, `["c" "d"]`}, ""},
	{"empty and negative array", "*0\r\n*-1\r\n*-9\r\n*1\r\n$1\r\na\r\n", []string{`[]`, `[]`, `[]`, `["a"]`}, ""},
	{"incomplete", "*2\r\n$3\r\nGET\r\n$1\r\n", nil, ""},
	{"empty lines", "\r\n\n  \r\n", []string{`[]`, `[]`, `[]`}, ""},
	{"array length not a number", "*x\r\n", nil, "invalid multibulk length"},
	{"array length empty", "*\r\n", nil, "invalid multibulk length"},
	{"array length with plus", "*+1\r\n", nil, "invalid multibulk length"},
	{"array length with zero", "*01\r\n", nil, "invalid multibulk length"},
	{"array length minus zero", "*-0\r\n", nil, "invalid multibulk length"},
	{"array length over int64", "*9223372036854775808\r\n", nil, "invalid multibulk length"},
	{"array length huge", "*99999999999999999999\r\n", nil, "invalid multibulk length"},
	{"array length over limit", "*6\r\n", nil, "invalid multibulk length"},
	{"array length without line feed", "*1\rx", nil, "invalid multibulk length"},
	{"array line too long", "*" + strings.Repeat("1", 24) + "\r\n", nil, "too big mbulk count string"},
	{"bulk line too long", "*1\r\n$" + strings.Repeat("1", 24) + "\r\n", nil, "too big bulk count string"},
	{"bulk length not a number", "*1\r\n$blabla\r\n", nil, "invalid bulk length"},
	{"bulk length negative", "*1\r\n$-1\r\n", nil, "invalid bulk length"},
	{"bulk length over limit", "*1\r\n$31\r\n", nil, "invalid bulk length"},
	{"bulk length huge", "*1\r\n$2000000000000\r\n", nil, "invalid bulk length"},
	{"bulk longer than declared", "*1\r\n$1\r\nabc\r\n", nil, "invalid bulk length"},
	{"not a bulk", "*1\r\nfoo\r\n", nil, "expected '$', got 'f'"},
	{"not a bulk later", "*3\r\n$3\r\nSET\r\n$1\r\nx\r\nfooz\r\n", nil, "expected '$', got 'f'"},
	{"command too large", "*4\r\n" + strings.Repeat("$30\r\n"+strings.Repeat("x", 30)+"\r\n", 3), nil, "too big request"},
	{"inline too long", strings.Repeat("a", 41) + "\r\n", nil, "too big inline request"},
	{"inline longest", strings.Repeat("a", 39) + "\r\n", []string{`["` + strings.Repeat("a", 39) + `"]`}, ""},
	{"inline NUL", "a\x00\r\n", nil, "NUL in inline request"},
	{"inline NUL after line", "a\n\x00", []string{`["a"]`}, "NUL in inline request"},
	{"good then bad", "PING\r\n*1\r\n:1\r\n", []string{`["PING"]`}, "expected '$', got ':'"},

	{"words", " set\tk  v \r\n", []string{`["set" "k" "v"]`}, ""},
	{"quotes", `set "a b" 'c d' ""` + "\n", []string{`["set" "a b" "c d" ""]`}, ""},
	{"escapes", `"\x41\n\r\t\b\a\\\"\q\xZZ"` + "\n", []string{`["A\n\r\t\b\a\\\"qxZZ"]`}, ""},
	{"hex in either case", `"\xfF\xAa"` + "\n", []string{`["\xff\xaa"]`}, ""},
	{"single quote escapes", `'a\'b\n'` + "\n", []string{`["a'b\\n"]`}, ""},
	{"quote inside a word", `a"b c"` + "\n", []string{`["ab c"]`}, ""},
	{"unclosed", `set "a` + "\r\n", nil, "unbalanced quotes in request"},
	{"unclosed single", `set 'a` + "\r\n", nil, "unbalanced quotes in request"},
	{"unclosed after escape", `"a\"` + "\r\n", nil, "unbalanced quotes in request"},
	{"text after quote", `set """test-key""" v` + "\r\n", nil, "unbalanced quotes in request"},
	{"text after single quote", `'a'b` + "\r\n", nil, "unbalanced quotes in request"},
}

func TestParser(t *testing.T) {
	for _, c := range parserCases {
		for size := 1; size <= len(c.in); size++ { // every way of cutting into pieces of one size
			p := Parser{Limits: small()}
			commands, _, err := feed(&p, pieces([]byte(c.in), size)...)
			checkParse(t, fmt.Sprintf("%s, pieces of %d", c.name, size), commands, err, c.commands, c.err)
		}
		for at := range c.in { // and into two at every byte
			p := Parser{Limits: small()}
			commands, _, err := feed(&p, []byte(c.in[:at]), []byte(c.in[at:]))
			checkParse(t, fmt.Sprintf("%s, cut at %d", c.name, at), commands, err, c.commands, c.err)
		}
	}
}

func checkParse(t *testing.T, name string, commands []string, err error, want []string, wantErr string) {
	t.Helper()
	if fmt.Sprint(commands) != fmt.Sprint(want) {
		t.Errorf("%s: commands %v, want %v", name, commands, want)
	}
	text := ""
	if wantErr != "" {
		text = "ERR Protocol error: " + wantErr
	}
	switch {
	case err == nil && text == "":
	case err == nil || err.Error() != text:
		t.Errorf("%s: error %v, want %q", name, err, text)
	case !errors.As(err, new(ProtocolError)):
		t.Errorf("%s: %T is no ProtocolError", name, err)
	}
}

func TestPreAuthLimits(t *testing.T) {
	big := 512<<20 + 1
	for in, want := range map[string]string{
		"*11\r\n":                            "unauthenticated multibulk length",
		"*3000000000\r\n":                    "invalid multibulk length",
		"*1\r\n$16385\r\n":                   "unauthenticated bulk length",
		fmt.Sprintf("*1\r\n$%d\r\n", big):    "invalid bulk length",
		"*1\r\n$-1\r\n":                      "invalid bulk length",
		strings.Repeat("a", 64<<10+1):        "too big inline request",
		"*" + strings.Repeat("1", 64<<10):    "too big mbulk count string",
		"*1\r\n$" + strings.Repeat("1", 1e5): "too big bulk count string",
	} {
		p := Parser{Limits: PreAuthLimits()}
		_, _, err := feed(&p, []byte(in))
		checkParse(t, fmt.Sprintf("%.20q", in), nil, err, nil, want)
	}
	p := Parser{Limits: PreAuthLimits()}
	auth := AppendCommand(nil, "AUTH", strings.Repeat("p", 16384))
	if commands, _, err := feed(&p, auth); err != nil || len(commands) != 1 {
		t.Errorf("%d commands, %v", len(commands), err)
	}
	p.Limits = DefaultLimits()
	if commands, _, err := feed(&p, AppendCommand(nil, make([]string, 11)...)); err != nil || len(commands) != 1 {
		t.Errorf("after raising the limits: %d commands, %v", len(commands), err)
	}
}

func TestParserRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var wire []byte
		var want []string
		for range rapid.IntRange(1, 5).Draw(t, "commands") {
			args := rapid.SliceOfN(rapid.SliceOf(rapid.Byte()), 1, 20).Draw(t, "args")
			wire = AppendCommand(wire, args...)
			want = append(want, fmt.Sprintf("%q", args))
		}
		var parts [][]byte
		for rest := wire; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "piece")
			parts, rest = append(parts, rest[:n]), rest[n:]
		}
		p := Parser{Limits: DefaultLimits()}
		got, rest, err := feed(&p, parts...)
		if err != nil || len(rest) > 0 || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("got %v, rest %q, %v; want %v", got, rest, err, want)
		}
	})
}

// A quoted word is what it was before quoting, however it is written.
func TestInlineRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.SliceOf(rapid.Byte()), 1, 8).Draw(t, "words")
		var line []byte
		for _, w := range words {
			line = append(line, '"')
			for _, c := range w {
				switch {
				case c == 0 || c == '\n' || rapid.Bool().Draw(t, "hex"):
					line = fmt.Appendf(line, `\x%02x`, c)
				case c == '"' || c == '\\':
					line = append(line, '\\', c)
				default:
					line = append(line, c)
				}
			}
			line = append(line, '"', ' ')
		}
		p := Parser{Limits: DefaultLimits()}
		got, _, err := feed(&p, append(line, '\r', '\n'))
		if want := fmt.Sprintf("%q", words); err != nil || len(got) != 1 || got[0] != want {
			t.Fatalf("%q: got %v, %v; want %s", line, got, err, want)
		}
	})
}

// A value of 64 MiB in pieces of 64 KiB, and a command of many small
// arguments byte by byte, must not be read again from the start each time. The
// parser counts its steps by what it looks at: with a quadratic one this takes
// minutes.
func TestParserIsLinear(t *testing.T) {
	big := AppendCommand(nil, []byte("SET"), []byte("k"), make([]byte, 64<<20))
	p := Parser{Limits: DefaultLimits()}
	for end := 64 << 10; end < len(big); end += 64 << 10 {
		if _, n, err := p.Next(big[:end]); n != 0 || err != nil {
			t.Fatalf("after %d bytes: n %d, %v", end, n, err)
		}
	}
	args, n, err := p.Next(big)
	if err != nil || n != len(big) || len(args) != 3 || len(args[2]) != 64<<20 {
		t.Fatalf("%d arguments, n %d, %v", len(args), n, err)
	}
	many := AppendCommand(nil, make([]string, 200_000)...)
	for end := range many {
		if _, n, err := p.Next(many[:end]); n != 0 || err != nil {
			t.Fatalf("after %d bytes: n %d, %v", end, n, err)
		}
	}
	if args, _, err := p.Next(many); len(args) != 200_000 || err != nil {
		t.Fatalf("%d arguments, %v", len(args), err)
	}
}

func TestParserAllocatesNothing(t *testing.T) {
	p := Parser{Limits: DefaultLimits()}
	for _, in := range []string{"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nvalue\r\n", "SET k \"a value\"\r\n"} {
		buf := []byte(in)
		n := testing.AllocsPerRun(100, func() {
			p.Next(buf[:9])
			if _, n, _ := p.Next(buf); n != len(buf) {
				t.Fatal("not parsed")
			}
			p.Next(nil)
		})
		if n != 0 {
			t.Errorf("%q: %v allocations", in, n)
		}
	}
}

// The largest lengths that the limits allow must reserve nothing.
func TestParserBelievesNoLength(t *testing.T) {
	buf := []byte("*1048576\r\n$67108864\r\nabc")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 10 {
		p := Parser{Limits: DefaultLimits()}
		if _, n, err := p.Next(buf); n != 0 || err != nil {
			t.Fatal(n, err)
		}
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 64<<10 {
		t.Errorf("%d bytes allocated", used)
	}
}

func TestParserLetsGo(t *testing.T) {
	p := Parser{Limits: DefaultLimits()}
	for _, in := range []string{"*2\r\n$1\r\na\r\n$1\r\nb\r\n", "*1\r\n$1\r\na\r\n"} {
		if _, n, err := p.Next([]byte(in)); n == 0 || err != nil {
			t.Fatal(n, err)
		}
	}
	p.Next(nil)
	for _, a := range p.args[:cap(p.args)] {
		if a != nil {
			t.Fatal("an argument of an old buffer is still referenced")
		}
	}
	p.Next(AppendCommand(nil, make([]string, 2*keepArgs)...))
	p.Next([]byte(strings.Repeat("a", 2*keepScratch) + "\n"))
	p.Next(nil)
	p.Next([]byte("a\n"))
	if cap(p.args) > keepArgs || cap(p.scratch) > keepScratch {
		t.Errorf("keeps %d arguments and %d bytes", cap(p.args), cap(p.scratch))
	}
}

func BenchmarkParser(b *testing.B) {
	buf := AppendCommand(nil, "SET", "key:000000000001", strings.Repeat("x", 100))
	p := Parser{Limits: DefaultLimits()}
	b.ReportAllocs()
	for b.Loop() {
		if _, n, _ := p.Next(buf); n == 0 {
			b.Fatal("not parsed")
		}
	}
}
