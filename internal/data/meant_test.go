package data

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parleydb/parley/internal/resp"
)

// meant are the differences with Redis 7.0 that Parley has on purpose. The test
// holds both sides to what is written here. Not shown by a single reply:
//   - KEYS, SCAN: keys come in the order of slot and hash, and a scan returns each
//     key once; Redis promises no order and may return a key twice.
//   - RANDOMKEY draws keys after wide gaps of the hash more often; Redis too is
//     uneven, in another way.
//   - A key expires when the stamp reaches its deadline; in Redis 1 ms later.
//   - Deleting a key that a client watches when it did not exist, or had it made
//     and deleted since, is no change for EXEC: the state is the same.
//   - The size limit holds for every string, also for SET, MSET and GETSET, where
//     Redis relies on the limit of its protocol; and for the whole of a BITFIELD
//     at the limit, where Redis lets the last few bytes pass.
var meant = []struct {
	setup         string // commands, separated by ;
	call          string
	redis, parley string // descriptions of the replies; "*" for any
	why           string
}{
	{
		"SET k v PXAT 1", "DBSIZE", "1", "0",
		"DBSIZE never counts a key that has expired, as no other read shows it; Redis counts it until it deletes it.",
	},
	{
		"SET k a; APPEND k b", "OBJECT ENCODING k", `"raw"`, `"embstr"`,
		"There are no forms in memory, so OBJECT ENCODING follows from the value alone and not from the commands that made it.",
	},
	{
		"SET k 7", "OBJECT REFCOUNT k", "2147483647", "1",
		"No objects are shared.",
	},
	{
		"SET k v", "OBJECT IDLETIME k", "0", "-ERR idle time is not tracked: a read changes nothing",
		"A read writes nothing, on any copy, so no time of access is known.",
	},
	{
		"SET k v", "OBJECT FREQ k", "-ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.",
		"-ERR access frequency is not tracked: a read changes nothing",
		"As OBJECT IDLETIME. Redis' text speaks of a setting that Parley does not have.",
	},
	{
		"", "OBJECT HELP", "*", "*",
		"The help describes Parley.",
	},
	{
		"SET k v", "COPY k l DB 1", "1", "-ERR COPY to another keyspace is not supported: read the value and write it there",
		"Another keyspace is other Raft groups, and perhaps another model: one command cannot write both as one.",
	},
	{
		"SET k v", "COPY k l DB 1000", "-ERR DB index is out of range", "-ERR COPY to another keyspace is not supported: read the value and write it there",
		"As above.",
	},
	{
		"", `SCAN ""`, `["0" []]`, "-ERR invalid cursor",
		"A cursor is decimal digits. Redis takes what C's strtoul takes.",
	},
	{
		"", "SCAN -1", "*", "-ERR invalid cursor",
		"As above.",
	},
	{
		"", "BITFIELD k OVERFLOW SAT SET i8 0 -9223372036854775808 GET i8 0", "[0 127]", "[0 -128]",
		"A number below the range saturates to the lowest value. In Redis an overflow of the check itself makes it the highest.",
	},
	{
		"", "COMMAND INFO get object", "*", "*",
		"Tips, key specifications and subcommands are empty. OBJECT, CLIENT, CONFIG and SLOWLOG have their flags, and OBJECT its key, in the entry of the container.",
	},
	{
		"", "COMMAND DOCS get", "*", "*",
		"Summary, since and group only.",
	},
	{
		"", "COMMAND HELP", "*", "*",
		"The help describes Parley.",
	},
}

func TestMeantDifferences(t *testing.T) {
	r := startRedis(t)
	for _, d := range meant {
		r.do("FLUSHALL")
		w := newWorld()
		w.at(time.Now().UnixMilli())
		run := func(line string) (theirs, ours resp.Reply) {
			call, err := words(line)
			if err != nil {
				t.Fatal(err)
			}
			if call[0] == "COMMAND" {
				ours = decode(AppendCommandReply(nil, raw(call)))
			} else {
				ours = w.do(call...)
			}
			return r.do(call...), ours
		}
		for _, line := range strings.Split(d.setup, ";") {
			if line != "" {
				run(strings.TrimSpace(line))
			}
		}
		theirs, ours := run(d.call)
		if d.redis != "*" && theirs.String() != d.redis {
			t.Errorf("%s: Redis answers %s, the table says %s", d.call, theirs, d.redis)
		}
		if d.parley != "*" && ours.String() != d.parley {
			t.Errorf("%s: Parley answers %s, the table says %s", d.call, ours, d.parley)
		}
		if theirs.String() == ours.String() {
			t.Errorf("%s: both answer %s: no difference is left", d.call, ours)
		}
		if d.why == "" {
			t.Errorf("%s: a difference needs a reason", d.call)
		}
	}
}

// containers have their flags in the subcommands in Redis, and no entries for
// subcommands here.
var containers = []string{"object", "client", "config", "slowlog"}

func TestCommandInfoAgainstRedis(t *testing.T) {
	r := startRedis(t)
	known := 0
	for _, c := range Commands() {
		theirs := r.do("COMMAND", "INFO", c.Name).Elems[0]
		if (theirs.Kind == resp.KindNull) != (c.Group == "parley") {
			t.Errorf("%s: group %q, and Redis says %s", c.Name, c.Group, theirs)
		}
		if c.Group == "parley" {
			continue
		}
		known++
		ours := decode(AppendCommandReply(nil, [][]byte{[]byte("command"), []byte("INFO"), []byte(c.Name)})).Elems[0]
		for i, field := range []string{"name", "arity", "flags", "first key", "last key", "step", "categories"} {
			if i > 1 && slices.Contains(containers, c.Name) {
				break
			}
			if a, b := sortedReply(theirs.Elems[i]), sortedReply(ours.Elems[i]); a != b {
				t.Errorf("%s: %s: Redis %s, Parley %s", c.Name, field, a, b)
			}
		}
		docs := r.do("COMMAND", "DOCS", c.Name).Elems[1].Elems
		mine := decode(AppendCommandReply(nil, [][]byte{[]byte("command"), []byte("docs"), []byte(c.Name)})).Elems[1].Elems
		for _, field := range []string{"since", "group"} {
			if a, b := fieldOf(docs, field), fieldOf(mine, field); a != b {
				t.Errorf("%s: %s: Redis %s, Parley %s", c.Name, field, a, b)
			}
		}
	}
	if known < 70 {
		t.Errorf("only %d commands were compared", known)
	}
}

func sortedReply(r resp.Reply) string {
	slices.SortFunc(r.Elems, func(a, b resp.Reply) int { return strings.Compare(a.Str, b.Str) })
	return r.String()
}

func fieldOf(pairs []resp.Reply, name string) string {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i].Str == name {
			return pairs[i+1].Str
		}
	}
	return ""
}

// TestCommandAgainstRedis compares what COMMAND's subcommands answer where the
// set of commands does not matter.
func TestCommandAgainstRedis(t *testing.T) {
	r := startRedis(t)
	for _, line := range []string{
		"COMMAND bogus", "COMMAND COUNT x", "COMMAND INFO nosuch", "COMMAND DOCS nosuch",
		"COMMAND LIST FILTERBY", "COMMAND LIST FILTERBY bogus x", "COMMAND LIST x", "COMMAND LIST FILTERBY PATTERN x y",
		"COMMAND LIST FILTERBY PATTERN GETR*", "COMMAND LIST FILTERBY ACLCAT nosuch", "COMMAND LIST FILTERBY MODULE nosuch",
		"COMMAND GETKEYS", "COMMAND GETKEYS GET", "COMMAND GETKEYS GET a", "COMMAND GETKEYS get a b", "COMMAND GETKEYS nosuch a",
		"COMMAND GETKEYS PING a", "COMMAND GETKEYS MSET a 1 b 2", "COMMAND GETKEYS mset a 1 b", "COMMAND GETKEYS BITOP and d a b c",
		"COMMAND GETKEYS MGET a b c", "COMMAND GETKEYS rename a b", "COMMAND GETKEYS SET k v EX 10", "COMMAND GETKEYS OBJECT ENCODING k",
		"COMMAND GETKEYS WATCH a b", "COMMAND GETKEYS SCAN 0", "COMMAND HELP x",
	} {
		call := strings.Fields(line)
		theirs, ours := r.do(call...), decode(AppendCommandReply(nil, raw(call)))
		if theirs.String() != ours.String() {
			t.Errorf("%s: Redis %s, Parley %s", line, theirs, ours)
		}
	}
}
