package front

import (
	"strings"

	"github.com/parleydb/parley/internal/data"
	"github.com/parleydb/parley/internal/resp"
)

// verb is what the front does for a command, or for one of its subcommands.
type verb struct {
	name  string
	arity int // of a subcommand, as data.Command.Arity; 0 for a command
	// run appends the reply to dst and returns it, or returns nil if there is
	// none or a later one.
	run  func(c *Conn, dst []byte, args [][]byte) []byte
	subs []verb // if not nil, the second argument says which

	prefix  bool // precedes another command, after one argument
	barrier bool // only when everything before is answered
	ordered bool // only when the reads before are answered
	now     bool // is not queued by MULTI
	queued  bool // may be queued by MULTI; neither now nor queued: refused there
}

// sub finds the subcommand of a call, or the text of an error.
func (v *verb) sub(args [][]byte) (*verb, string) {
	if v.subs == nil {
		return v, ""
	}
	for i := range v.subs {
		s := &v.subs[i]
		if !is(args[1], s.name) {
			continue
		}
		if !(&data.Command{Arity: s.arity}).CheckArity(len(args)) {
			return nil, wrongArity(v.name + "|" + s.name)
		}
		return s, ""
	}
	return nil, "ERR unknown subcommand '" + string(cString(args[1], 128)) + "'. Try " + strings.ToUpper(v.name) + " HELP."
}

// newTable is the front's part of the command table.
func newTable() map[*data.Command]*verb {
	table := map[*data.Command]*verb{}
	for _, group := range [][]verb{connectionVerbs(), serverVerbs(), parleyVerbs()} {
		for i := range group {
			v := &group[i]
			if v.subs != nil {
				v.subs = append(v.subs, verb{name: "help", arity: 2, run: helpOf(v.name, v.subs)})
			}
			if cmd := data.Lookup([]byte(v.name)); cmd != nil {
				table[cmd] = v
			}
		}
	}
	return table
}

func connectionVerbs() []verb {
	return []verb{
		{name: "auth", run: runAuth},
		{name: "hello", run: runHello},
		{name: "ping", run: runPing, queued: true},
		{name: "echo", run: runEcho, queued: true},
		{name: "quit", run: runQuit, now: true},
		{name: "reset", run: runReset, now: true, barrier: true},
		{name: "select", run: runSelect},
		{name: "multi", run: runMulti, now: true},
		{name: "exec", run: runExec, now: true, ordered: true},
		{name: "discard", run: runDiscard, now: true},
		{name: "watch", run: runWatch, now: true, barrier: true},
		{name: "unwatch", run: runUnwatch, queued: true},
		{name: "client", subs: clientVerbs()},
	}
}

func serverVerbs() []verb {
	return []verb{
		{name: "command", run: runCommand, queued: true},
		{name: "info", run: runInfo, queued: true},
		{name: "time", run: runTime, queued: true},
		{name: "wait", run: runWait, barrier: true},
		{name: "flushall", run: runFlushAll, barrier: true},
		{name: "config", subs: []verb{
			{name: "get", arity: -3, run: runConfigGet},
			{name: "set", arity: -4, run: runConfigSet},
		}},
		{name: "slowlog", subs: []verb{
			{name: "get", arity: -2, run: runSlowGet},
			{name: "len", arity: 2, run: runSlowLen},
			{name: "reset", arity: 2, run: runSlowReset},
		}},
	}
}

func parleyVerbs() []verb {
	return []verb{
		{name: "at", prefix: true},
		{name: "once", prefix: true},
		{name: "level", run: runLevel},
		{name: "outcome", run: runOutcome, ordered: true},
		{name: "session", subs: []verb{
			{name: "token", arity: 2, run: runToken, barrier: true},
			{name: "resume", arity: -3, run: runResume, barrier: true},
			{name: "reset", arity: 2, run: runSessionReset, barrier: true},
		}},
		{name: "receipt", subs: []verb{
			{name: "on", arity: 2, run: receiptSwitch(true)},
			{name: "off", arity: 2, run: receiptSwitch(false)},
			{name: "last", arity: 2, run: runReceiptLast, barrier: true},
		}},
		{name: "keyspace", subs: []verb{
			{name: "create", arity: -3, run: runKeyspaceCreate, barrier: true},
			{name: "list", arity: 2, run: refreshed(runKeyspaceList)},
			{name: "info", arity: 3, run: refreshed(runKeyspaceInfo)},
			{name: "drop", arity: 3, run: runKeyspaceDrop, barrier: true},
		}},
	}
}

// helpOf lists a command's subcommands.
func helpOf(name string, subs []verb) func(*Conn, []byte, [][]byte) []byte {
	lines := []string{strings.ToUpper(name) + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"}
	for _, s := range subs {
		lines = append(lines, strings.ToUpper(s.name))
	}
	lines = append(lines, "HELP")
	return func(_ *Conn, dst []byte, _ [][]byte) []byte {
		dst = resp.AppendArray(dst, len(lines))
		for _, l := range lines {
			dst = resp.AppendSimple(dst, l)
		}
		return dst
	}
}

// is compares an argument with a lower-case word in any case.
func is(arg []byte, word string) bool {
	if len(arg) != len(word) {
		return false
	}
	for i, b := range arg {
		if b >= 'A' && b <= 'Z' {
			b += 'a' - 'A'
		}
		if b != word[i] {
			return false
		}
	}
	return true
}

func appendOK(dst []byte) []byte { return resp.AppendSimple(dst, "OK") }
