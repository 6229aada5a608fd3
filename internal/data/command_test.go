package data

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/parleydb/parley/internal/resp"
)

func TestTable(t *testing.T) {
	names := []string{}
	for _, c := range Commands() {
		names = append(names, c.Name)
		if c.Name != strings.ToLower(c.Name) || Lookup([]byte(c.Name)) != c {
			t.Errorf("%s: bad name, or there twice", c.Name)
		}
		if (c.run == nil) != (c.Flags&Front != 0) {
			t.Errorf("%s: either Run or the front must run it", c.Name)
		}
		if c.run != nil && (c.Flags&Write != 0) == (c.Flags&ReadOnly != 0) {
			t.Errorf("%s: must be either for reading or for writing", c.Name)
		}
		if c.Arity == 0 || c.Summary == "" || c.Since == "" || c.Group == "" {
			t.Errorf("%s: incomplete", c.Name)
		}
		if c.FirstKey != 0 && c.KeyStep == 0 {
			t.Errorf("%s: its keys have no step", c.Name)
		}
	}
	if !slices.IsSorted(names) {
		t.Error("Commands is not sorted by name")
	}
	for _, name := range strings.Fields(`ping echo auth hello quit reset select multi exec discard watch unwatch client command
		config info time wait slowlog flushall at level once outcome session receipt keyspace`) {
		if c := Lookup([]byte(name)); c == nil || c.Flags&Front == 0 {
			t.Errorf("%s is not described, or not as the front's", name)
		}
	}
}

func TestLookup(t *testing.T) {
	for _, name := range []string{"GET", "get", "gEt"} {
		if c := Lookup([]byte(name)); c == nil || c.Name != "get" {
			t.Errorf("%s: got %v", name, c)
		}
	}
	for _, name := range []string{"", "nosuch", "get\x00", strings.Repeat("x", 1000)} {
		if c := Lookup([]byte(name)); c != nil {
			t.Errorf("%q: got %v", name, c)
		}
	}
	name := []byte("IncrByFloat")
	if n := testing.AllocsPerRun(100, func() { Lookup(name) }); n != 0 {
		t.Errorf("Lookup allocates %v times", n)
	}
}

func BenchmarkLookup(b *testing.B) {
	name := []byte("GET")
	for b.Loop() {
		Lookup(name)
	}
}

func TestCheckArity(t *testing.T) {
	get, set := Lookup([]byte("get")), Lookup([]byte("set"))
	for n, want := range []bool{false, false, true, false} {
		if get.CheckArity(n) != want {
			t.Errorf("GET with %d arguments: got %v", n, !want)
		}
	}
	for n, want := range []bool{false, false, false, true, true, true} {
		if set.CheckArity(n) != want {
			t.Errorf("SET with %d arguments: got %v", n, !want)
		}
	}
}

func TestKeys(t *testing.T) {
	for line, want := range map[string]string{
		"GET a":                            "[a]",
		"PING":                             "[]",
		"DBSIZE":                           "[]",
		"MSET a 1 b 2 c 3":                 "[a b c]",
		"MSET a 1 b":                       "[a b]",
		"DEL a b c":                        "[a b c]",
		"RENAME a b":                       "[a b]",
		"RENAME a":                         "[a]",
		"COPY a b REPLACE":                 "[a b]",
		"BITOP and d a b":                  "[d a b]",
		"SET k v EX 1":                     "[k]",
		"OBJECT ENCODING k":                "[k]",
		"OBJECT HELP":                      "[]",
		"OUTCOME id k":                     "[k]",
		"WATCH a b":                        "[a b]",
		"AT session MGET a b":              "[a b]",
		"AT session ONCE id SET k v":       "[k]",
		"ONCE id AT quorum nosuch k":       "[]",
		"AT session":                       "[]",
		"AT":                               "[]",
		"ONCE id AT session AT session":    "[]",
		"AT eventual AT session DEL x y z": "[x y z]",
	} {
		args := raw(strings.Fields(line))
		if got := fmt.Sprintf("%s", Lookup(args[0]).Keys(nil, args)); got != want {
			t.Errorf("%s: got %s, want %s", line, got, want)
		}
	}
	// A stranger may nest as deep as a call is long.
	deep := raw(slices.Concat(slices.Repeat([]string{"AT", "session"}, 1<<19), []string{"GET", "k"}))
	if got := Lookup(deep[0]).Keys(nil, deep); len(got) != 1 {
		t.Errorf("got %d keys of a deep call", len(got))
	}
	args, keys := raw([]string{"GET", "a"}), make([][]byte, 0, 4)
	if n := testing.AllocsPerRun(100, func() { keys = Lookup(args[0]).Keys(keys[:0], args) }); n != 0 {
		t.Errorf("Keys allocates %v times", n)
	}
}

// TestEveryCommandChecksItsArity runs each with too few arguments, as a damaged
// or foreign log entry might.
func TestEveryCommandChecksItsArity(t *testing.T) {
	for _, c := range Commands() {
		if c.run == nil {
			continue
		}
		args := []string{c.Name}
		for !c.CheckArity(len(args)) {
			w := newWorld()
			want := "-ERR wrong number of arguments for '" + c.Name + "' command"
			if got := w.do(args...).String(); got != want {
				t.Errorf("%v: got %s", args, got)
			}
			args = append(args, "x")
		}
		newWorld().do(args...) // and with the least: must not panic
	}
}

func TestCommandReplies(t *testing.T) {
	reply := func(words string) resp.Reply {
		return decode(AppendCommandReply(nil, raw(strings.Fields(words))))
	}
	if got := reply("COMMAND COUNT").Int; got != int64(len(Commands())) {
		t.Errorf("COUNT is %d", got)
	}
	all, info := reply("COMMAND"), reply("command info")
	if len(all.Elems) != len(Commands()) || all.String() != info.String() {
		t.Error("COMMAND and COMMAND INFO must describe all commands")
	}
	if got := reply("COMMAND LIST"); len(got.Elems) != len(Commands()) {
		t.Errorf("LIST has %d names", len(got.Elems))
	}
	if got := reply("COMMAND DOCS"); len(got.Elems) != 2*len(Commands()) {
		t.Errorf("DOCS has %d elements", len(got.Elems))
	}
	if got := reply("COMMAND DOCS get nosuch set"); len(got.Elems) != 4 {
		t.Errorf("DOCS of two known commands: %s", got)
	}
	if got := reply("COMMAND LIST FILTERBY ACLCAT parley").String(); got != `["at" "keyspace" "level" "once" "outcome" "receipt" "session"]` {
		t.Errorf("got %s", got)
	}
	if got := reply("COMMAND GETKEYS AT session MGET a b").String(); got != `["a" "b"]` {
		t.Errorf("got %s", got)
	}
	if got := reply("COMMAND INFO at"); !strings.Contains(got.String(), "movablekeys") {
		t.Errorf("got %s", got)
	}
	if got := reply("COMMAND HELP"); len(got.Elems) != len(commandHelp) {
		t.Errorf("got %s", got)
	}
	// RESP3 clients get the kinds that Redis sends.
	neutral := string(AppendCommandReply(nil, raw([]string{"COMMAND", "INFO", "get", "nosuch"})))
	want := "*2\r\n*10\r\n$3\r\nget\r\n:2\r\n~2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n~3\r\n+@string\r\n+@read\r\n+@fast\r\n~0\r\n~0\r\n~0\r\n_\r\n"
	if neutral != want {
		t.Errorf("got %q", neutral)
	}
	if docs := string(AppendCommandReply(nil, raw([]string{"COMMAND", "DOCS", "get"}))); !strings.HasPrefix(docs, "%1\r\n$3\r\nget\r\n%3\r\n$7\r\nsummary\r\n") {
		t.Errorf("got %q", docs)
	}
}
