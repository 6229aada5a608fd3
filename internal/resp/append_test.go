package resp

import (
	"math"
	"testing"
)

func TestAppend(t *testing.T) {
	for _, c := range []struct {
		name string
		got  []byte
		want string
	}{
		{"simple", AppendSimple(nil, "OK"), "+OK\r\n"},
		{"simple with line end", AppendSimple(nil, "a\r\nb"), "+a  b\r\n"},
		{"error", AppendError(nil, "ERR no"), "-ERR no\r\n"},
		{"error with line end", AppendError(nil, "ERR 'a\nb'"), "-ERR 'a b'\r\n"},
		{"int", AppendInt(nil, math.MinInt64), ":-9223372036854775808\r\n"},
		{"bulk", AppendBulk(nil, []byte("a\r\nb")), "$4\r\na\r\nb\r\n"},
		{"nil bulk", AppendBulk(nil, nil), "$0\r\n\r\n"},
		{"bulk string", AppendBulkString(nil, "0123456789"), "$10\r\n0123456789\r\n"},
		{"null", AppendNull(nil), "_\r\n"},
		{"null array", AppendNullArray(nil), "*-1\r\n"},
		{"array", AppendArray(nil, 0), "*0\r\n"},
		{"map", AppendMap(nil, 9), "%9\r\n"},
		{"set", AppendSet(nil, 10), "~10\r\n"},
		{"push", AppendPush(nil, 3), ">3\r\n"},
		{"attribute", AppendAttribute(nil, 123456), "|123456\r\n"},
		{"bool", AppendBool(AppendBool(nil, true), false), "#t\r\n#f\r\n"},
		{"big number", AppendBigNumber(nil, "-123"), "(-123\r\n"},
		{"big number with line end", AppendBigNumber(nil, "1\n2"), "(1 2\r\n"},
		{"verbatim", AppendVerbatim(nil, "txt", "hi"), "=6\r\ntxt:hi\r\n"},
		{"verbatim, short format", AppendVerbatim(nil, "t", ""), "=4\r\nt  :\r\n"},
		{"verbatim, long format", AppendVerbatim(nil, "text", ""), "=4\r\ntex:\r\n"},
		{"command", AppendCommand(nil, "GET", "k"), "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"},
		{"command of bytes", AppendCommand(nil, []byte("PING")), "*1\r\n$4\r\nPING\r\n"},
		{"after others", AppendInt([]byte("+OK\r\n"), 1), "+OK\r\n:1\r\n"},
	} {
		if string(c.got) != c.want {
			t.Errorf("%s: got %q, want %q", c.name, c.got, c.want)
		}
	}
}

func TestAppendDouble(t *testing.T) {
	for v, want := range map[float64]string{
		3: "3", -0.5: "-0.5", 3.1: "3.1", 1e16: "10000000000000000", 1e17: "1e+17",
		0.0001: "0.0001", 0.00001: "1e-05", 0: "0",
		math.Inf(1): "inf", math.Inf(-1): "-inf",
	} {
		if got := string(AppendDouble(nil, v)); got != ","+want+"\r\n" {
			t.Errorf("%v: got %q, want %q", v, got, want)
		}
	}
	if got := string(AppendDouble(nil, math.NaN())); got != ",nan\r\n" {
		t.Errorf("nan: got %q", got)
	}
}

func TestAppendAllocatesNothing(t *testing.T) {
	dst := make([]byte, 0, 1024)
	value := []byte("value")
	n := testing.AllocsPerRun(100, func() {
		b := AppendSimple(dst, "OK")
		b = AppendError(b, "ERR no such key")
		b = AppendInt(b, 1234567)
		b = AppendBulk(b, value)
		b = AppendDouble(AppendMap(b, 1000), 1.25)
		b = AppendVerbatim(AppendNull(b), "txt", "text")
		AppendCommand(b, value, value)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}
