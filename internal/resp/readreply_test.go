package resp

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

func read(in string, l Limits) (Reply, error) {
	return ReadReply(bufio.NewReaderSize(strings.NewReader(in), 16), l)
}

func TestReadReply(t *testing.T) {
	long := strings.Repeat("x", 1000)
	for in, want := range map[string]string{
		"+OK\r\n":                            "OK",
		"+" + long + "\r\n":                  long,
		"-ERR no\r\n":                        "-ERR no",
		"!6\r\nERR no\r\n":                   "-ERR no",
		":-12\r\n":                           "-12",
		":+12\r\n":                           "12",
		"$3\r\na\nb\r\n":                     `"a\nb"`,
		"$1000\r\n" + long + "\r\n":          `"` + long + `"`,
		"$0\r\n\r\n":                         `""`,
		"$-1\r\n":                            "null",
		"*-1\r\n":                            "null",
		"_\r\n":                              "null",
		"#t\r\n":                             "true",
		"#f\r\n":                             "false",
		",1.5e3\r\n":                         "1500",
		",-inf\r\n":                          "-inf",
		"(-123456789012345678901234\r\n":     "-123456789012345678901234",
		"=7\r\ntxt:abc\r\n":                  `txt:"abc"`,
		"*2\r\n:1\r\n*0\r\n":                 "[1 []]",
		"%1\r\n+a\r\n~1\r\n:1\r\n":           "map[a set[1]]",
		">2\r\n+message\r\n$1\r\na\r\n":      `push[message "a"]`,
		"|1\r\n+a\r\n:1\r\n*1\r\n:2\r\n":     "[2]",
		"|1\r\n+a\r\n:1\r\n|0\r\n+value\r\n": "value",
	} {
		got, err := read(in, DefaultLimits())
		if err != nil || got.String() != want {
			t.Errorf("%.40q: got %.60v, %v; want %.60s", in, got, err, want)
		}
		for at := range in { // every cut is an end inside, and the first an end before
			if _, err := read(in[:at], DefaultLimits()); at == 0 && err != io.EOF || at > 0 && err != io.ErrUnexpectedEOF {
				t.Errorf("%.40q cut at %d: %v", in, at, err)
			}
		}
		one := iotest.OneByteReader(strings.NewReader(in))
		if got, err := ReadReply(bufio.NewReader(one), DefaultLimits()); err != nil || got.String() != want {
			t.Errorf("%.40q, byte by byte: got %.60v, %v", in, got, err)
		}
	}
	r, err := read("|1\r\n+a\r\n:1\r\n*1\r\n:2\r\n", DefaultLimits())
	if err != nil || fmt.Sprint(r.Attrs) != "[a 1]" {
		t.Errorf("attributes %v, %v", r.Attrs, err)
	}
	if nan, err := read(",-nan\r\n", DefaultLimits()); err != nil || !math.IsNaN(nan.Float) {
		t.Errorf("-nan: %v, %v", nan, err)
	}
}

func TestReadReplyRefuses(t *testing.T) {
	l := Limits{Line: 20, Bulk: 10, Args: 6, Total: 60, Depth: 3}
	for in, want := range map[string]string{
		"\r\n":                                   "empty line",
		"x\r\n":                                  `unknown type 'x'`,
		"+a\r\r\n":                               "one inside",
		"\n":                                     "carriage return",
		"+a\n":                                   "carriage return",
		"+" + strings.Repeat("a", 30) + "\r\n":   "line longer than 20 bytes",
		"+" + strings.Repeat("a", 300):           "line longer than 20 bytes",
		":\r\n":                                  "invalid int",
		":1.5\r\n":                               "invalid int",
		":9223372036854775808\r\n":               "invalid int",
		"#x\r\n":                                 "invalid bool",
		"_x\r\n":                                 "invalid null",
		",0x1p3\r\n":                             "invalid double",
		",1_0\r\n":                               "invalid double",
		",infinity\r\n":                          "invalid double",
		"(12a\r\n":                               "invalid bignumber",
		"(-\r\n":                                 "invalid bignumber",
		"$x\r\n":                                 "invalid length",
		"$-2\r\n":                                "invalid length",
		"$?\r\n":                                 "invalid length",
		"$11\r\n":                                "string of 11 bytes, longer than 10",
		"$1\r\nabc":                              "longer than the 1 bytes",
		"=3\r\nabc\r\n":                          "invalid length",
		"=4\r\nabcd\r\n":                         "without a format",
		"=-1\r\n":                                "invalid length",
		"!-1\r\n":                                "invalid length",
		"%-1\r\n":                                "invalid length",
		"*7\r\n":                                 "more than 6 values",
		"*3\r\n*1\r\n:1\r\n*1\r\n:1\r\n*1\r\n":   "more than 6 values",
		"%4\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1": "more than 6 values",
		"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n":         "deeper than 3",
		"|0\r\n|0\r\n|0\r\n|0\r\n|0\r\n":         "deeper than 3",
		strings.Repeat("*1\r\n", 20):             "deeper than 3",
		"*5\r\n" + strings.Repeat("$10\r\n0123456789\r\n", 5): "more than 60 bytes",
	} {
		_, err := read(in, l)
		if !errors.As(err, new(ProtocolError)) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: error %v, want one with %q", in, err, want)
		}
	}
}

func TestReadReplyPassesErrorsOn(t *testing.T) {
	broken := errors.New("broken")
	r := bufio.NewReader(io.MultiReader(strings.NewReader("*2\r\n:1\r\n"), iotest.ErrReader(broken)))
	if _, err := ReadReply(r, DefaultLimits()); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

// Heads at the limits followed by nothing must not reserve what they declare.
func TestReadReplyBelievesNoLength(t *testing.T) {
	l := DefaultLimits()
	for _, in := range []string{"$67108864\r\nabc", "*1048576\r\n*1048576\r\n*1048576\r\n", "%500000\r\n"} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := read(in, l); err != io.ErrUnexpectedEOF {
			t.Errorf("%q: %v", in, err)
		}
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 256<<10 {
			t.Errorf("%q: %d bytes allocated", in, used)
		}
	}
}

func TestReplyErr(t *testing.T) {
	r, _ := read("-UNAVAILABLE no leader\r\n", DefaultLimits())
	var e ReplyError
	if !errors.As(r.Err(), &e) || e.Code() != "UNAVAILABLE" || e.Error() != "UNAVAILABLE no leader" {
		t.Errorf("%v, code %s", r.Err(), e.Code())
	}
	if (Reply{Kind: KindSimple}).Err() != nil || !(Reply{Kind: KindNull}).IsNull() {
		t.Error("a simple reply is an error, or a null is none")
	}
	if Kind('?').String() != "kind('?')" || KindMap.String() != "map" {
		t.Error(Kind('?'), KindMap)
	}
}
