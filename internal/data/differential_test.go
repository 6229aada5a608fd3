package data

import (
	"flag"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/parleydb/parley/internal/resp"
)

// grammar is the commands that the differential test generates: a name and the
// classes of its arguments.
var grammar = []string{
	"GET k", "SET k v setopts", "SETNX k v", "SETEX k sec v", "PSETEX k ms v", "GETSET k v", "GETDEL k",
	"GETEX k getopts", "MGET k k k", "MSET k v k v", "MSETNX k v k v", "MSET k v k",
	"INCR k", "DECR k", "INCRBY k int", "DECRBY k int", "INCRBYFLOAT k float", "SET k float",
	"APPEND k v", "STRLEN k", "GETRANGE k idx idx", "SUBSTR k idx idx", "SETRANGE k off v",
	"SETBIT k bitoff bit", "GETBIT k bitoff", "BITCOUNT k", "BITCOUNT k idx idx unit", "BITCOUNT k idx idx",
	"BITPOS k bit", "BITPOS k bit idx", "BITPOS k bit idx idx", "BITPOS k bit idx idx unit",
	"BITOP bitop k k", "BITOP bitop k k k k", "BITFIELD k fieldops", "BITFIELD_RO k fieldget",
	"EXPIRE k sec relopts", "PEXPIRE k ms relopts", "EXPIREAT k abssec absopts", "PEXPIREAT k absms absopts",
	"TTL k", "PTTL k", "EXPIRETIME k", "PEXPIRETIME k", "PERSIST k",
	"DEL k", "UNLINK k k", "EXISTS k k", "TYPE k", "RENAME k k", "RENAMENX k k", "COPY k k", "COPY k k REPLACE",
	"KEYS glob", "SCAN 0 COUNT 1000 MATCH glob", "SCAN 0 COUNT 1000 TYPE string", "TOUCH k k",
}

var (
	keyPool   = []string{"a", "b", "{a}1", "{a}2", "k\x00\r\n", "", "a*b", "\xff\x80"}
	intPool   = []string{"0", "1", "-1", "41", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "01", "-0", "+1", "x", "", " 1"}
	floatPool = []string{"0.1", "-1.5", "3", "1e10", "5.0e3", "1e-10", "1e300", "0x1p3", ".5", "5.", "-0", "inf", "nan", "1e5000", "abc", "", "0.3333333333333333333333", "123456789012345678901234567890"}
	globPool  = []string{"*", "a*", "?", "[a-b]", "[^a]*", "\\a", "*\\**", "{a}?", "*1", "", "[a", "**", "*[\x80-\xff]*", "k*\n"}
)

// callOf draws the arguments of a line of the grammar.
func callOf(t *rapid.T, line string) []string {
	parts := strings.Fields(line)
	call := parts[:1:1]
	for _, class := range parts[1:] {
		call = append(call, argsOf(t, class)...)
	}
	if n := rapid.IntRange(0, 40).Draw(t, "cut"); n == 0 && len(call) > 1 {
		call = call[:len(call)-1]
	} else if n == 1 {
		call = append(call, rapid.SampledFrom([]string{"bogus", "nx", "1"}).Draw(t, "more"))
	}
	return call
}

func oneOf(t *rapid.T, of ...string) []string {
	return []string{rapid.SampledFrom(of).Draw(t, "arg")}
}

func number(t *rapid.T, lo, hi int) []string {
	if rapid.IntRange(0, 15).Draw(t, "odd") == 0 {
		return oneOf(t, intPool...)
	}
	return []string{strconv.Itoa(rapid.IntRange(lo, hi).Draw(t, "n"))}
}

func argsOf(t *rapid.T, class string) []string {
	switch class {
	case "k":
		return oneOf(t, keyPool...)
	case "v":
		if rapid.Bool().Draw(t, "number") {
			return oneOf(t, intPool...)
		}
		return []string{string(rapid.SliceOfN(rapid.Byte(), 0, 60).Draw(t, "v"))}
	case "int":
		return number(t, -1000, 1000)
	case "float":
		return oneOf(t, floatPool...)
	case "idx":
		return number(t, -70, 70)
	case "off":
		return number(t, 0, 80)
	case "bitoff":
		return number(t, 0, 500)
	case "bit":
		return oneOf(t, "0", "1", "0", "1", "2", "x")
	case "unit":
		return oneOf(t, "bit", "BYTE", "bits")
	case "bitop":
		return oneOf(t, "and", "OR", "xor", "NOT", "nand")
	case "glob":
		return oneOf(t, globPool...)
	case "fieldops", "fieldget":
		return fieldOps(t, class == "fieldget")
	}
	return deadlineArgs(t, class)
}

// deadlineArgs draws times that are far from now and from each other, so that
// the outcome does not depend on how long the test takes.
func deadlineArgs(t *rapid.T, class string) []string {
	switch class {
	case "sec":
		return oneOf(t, "100000", "200000", "100000", "0", "-1", "x", "9223372036854775807")
	case "ms":
		return oneOf(t, "100000000", "200000000", "100000000", "0", "-1", "x", "9223372036854775807")
	case "abssec":
		return oneOf(t, "4000000000", "4000000001", "5000000000", "1", "0", "-1", "x", "9223372036854775")
	case "absms":
		return oneOf(t, "4000000000000", "4000000000001", "5000000000000", "1", "-1", "x", "9223372036854775807")
	case "setopts":
		return options(t, 3, "NX", "xx", "GET", "KEEPTTL", "PX ms", "EX sec", "EXAT abssec", "PXAT absms", "PERSIST")
	case "getopts":
		return options(t, 2, "PERSIST", "PX ms", "EX sec", "EXAT abssec", "PXAT absms", "NX")
	case "relopts":
		return options(t, 1, "NX", "XX", "bogus")
	case "absopts":
		return options(t, 2, "NX", "XX", "GT", "LT")
	}
	return []string{class}
}

func options(t *rapid.T, most int, of ...string) (args []string) {
	for range rapid.IntRange(0, most).Draw(t, "options") {
		word, arg, has := strings.Cut(rapid.SampledFrom(of).Draw(t, "option"), " ")
		args = append(args, word)
		if has && rapid.IntRange(0, 20).Draw(t, "has") > 0 {
			args = append(args, argsOf(t, arg)...)
		}
	}
	return args
}

func fieldOps(t *rapid.T, reads bool) (args []string) {
	for range rapid.IntRange(0, 4).Draw(t, "ops") {
		op := "get"
		if !reads || rapid.IntRange(0, 10).Draw(t, "write") == 0 {
			op = rapid.SampledFrom([]string{"get", "set", "incrby", "incrby", "overflow"}).Draw(t, "op")
		}
		args = append(args, op)
		if op == "overflow" {
			args = append(args, oneOf(t, "wrap", "SAT", "fail", "bogus")...)
			continue
		}
		sign := oneOf(t, "i", "u")[0]
		width := rapid.SampledFrom([]int{1, 2, 5, 8, 13, 32, 63, 64}).Draw(t, "width")
		args = append(args, sign+strconv.Itoa(width), oneOf(t, "", "#")[0]+strconv.Itoa(rapid.IntRange(0, 30).Draw(t, "at")))
		lowest := "-9223372036854775808"
		if op == "set" {
			lowest = "-4000000000000000000" // below it one of the meant differences begins
		}
		if op != "get" {
			args = append(args, oneOf(t, "0", "1", "-1", "100", "-100", "255", "-128", "9223372036854775807", lowest, "4294967296", "x")...)
		}
	}
	return args
}

// dump asks for all that a sequence may have left.
func dump() (calls [][]string) {
	for _, k := range keyPool {
		calls = append(calls, []string{"GET", k}, []string{"PTTL", k}, []string{"PEXPIRETIME", k}, []string{"TYPE", k})
	}
	return append(calls, []string{"DBSIZE"}, []string{"KEYS", "*"})
}

// slack is how far answers that count from now may differ, in ms.
const slack = 60_000

// same compares the replies to one call.
func same(call []string, theirs, ours resp.Reply) bool {
	switch strings.ToUpper(call[0]) {
	case "KEYS", "SCAN":
		return inOrder(theirs) == inOrder(ours)
	case "TTL", "EXPIRETIME":
		return near(theirs, ours, slack/1000)
	case "PTTL", "PEXPIRETIME":
		return near(theirs, ours, slack)
	}
	return theirs.String() == ours.String()
}

func near(a, b resp.Reply, by int64) bool {
	if a.Kind != resp.KindInt || b.Kind != resp.KindInt || a.Int < 0 || b.Int < 0 {
		return a.String() == b.String()
	}
	return max(a.Int, b.Int)-min(a.Int, b.Int) <= by
}

// inOrder describes a reply with the elements of its last array sorted.
func inOrder(r resp.Reply) string {
	list := r.Elems
	if n := len(list); n == 2 && list[1].Kind == resp.KindArray {
		list = list[1].Elems // SCAN
	}
	slices.SortFunc(list, func(a, b resp.Reply) int { return strings.Compare(a.Str, b.Str) })
	return r.String()
}

// TestDifferential runs generated commands here and in a real server.
func TestDifferential(t *testing.T) {
	r := startRedis(t)
	sequences := "4000"
	if testing.Short() {
		sequences = "200"
	}
	withChecks(t, sequences, func(t *rapid.T) {
		calls := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) []string {
			return callOf(t, rapid.SampledFrom(grammar).Draw(t, "line"))
		}), 5, 40).Draw(t, "calls")
		calls = append(calls, dump()...)
		theirs := r.pipeline(append([][]string{{"FLUSHALL"}}, calls...))[1:]
		w := newWorld()
		w.at(time.Now().UnixMilli())
		for i, call := range calls {
			if ours := w.do(call...); !same(call, theirs[i], ours) {
				t.Fatalf("%q after %q\nRedis:  %s\nParley: %s", call, calls[:i], theirs[i], ours)
			}
		}
		if err := w.checkLayout(); err != nil {
			t.Fatal(err)
		}
	})
}

// withChecks is rapid.Check with another number of checks than the default, if
// the caller of go test did not say.
func withChecks(t *testing.T, n string, prop func(*rapid.T)) {
	f := flag.Lookup("rapid.checks")
	if before := f.Value.String(); before == f.DefValue {
		if err := flag.Set("rapid.checks", n); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = flag.Set("rapid.checks", before) }()
	}
	rapid.Check(t, prop)
}
