package data

import "github.com/parleydb/parley/internal/resp"

var objectHelp = []string{
	"OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
	"ENCODING <key>",
	"    How Redis would hold the value: int, embstr or raw.",
	"REFCOUNT <key>",
	"    1 for every key.",
	"HELP",
	"    Print this help.",
}

func cmdObject(c *call) {
	sub := c.args[1]
	switch {
	case is(sub, "help") && len(c.args) == 2:
		c.out = appendHelp(c.out, objectHelp)
	case is(sub, "help"):
		c.wrongArity("object|help")
	case is(sub, "encoding"):
		c.object("encoding", func(e entry) { c.out = resp.AppendBulkString(c.out, encoding(e)) })
	case is(sub, "refcount"):
		c.object("refcount", func(entry) { c.int(1) })
	case is(sub, "freq"):
		c.object("freq", func(entry) { c.err("ERR access frequency is not tracked: a read changes nothing") })
	case is(sub, "idletime"):
		c.object("idletime", func(entry) { c.err("ERR idle time is not tracked: a read changes nothing") })
	default:
		c.out = appendUnknownSub(c.out, sub, "OBJECT")
	}
}

// object runs a subcommand on a key, and replies null when there is none.
func (c *call) object(sub string, show func(e entry)) {
	if len(c.args) != 3 {
		c.wrongArity("object|" + sub)
		return
	}
	e := c.find(c.args[2])
	if !e.alive {
		c.null()
		return
	}
	show(e)
}

// embstrMax is the longest string that Redis holds together with its object.
const embstrMax = 44

// encoding is what Redis calls the value's form in memory. There are no forms
// here, so it follows from the value alone.
func encoding(e entry) string {
	if e.kind != TypeString {
		return "unknown"
	}
	if _, isInt := parseInt(e.body); isInt {
		return "int"
	}
	if len(e.body) <= embstrMax {
		return "embstr"
	}
	return "raw"
}

func appendHelp(dst []byte, lines []string) []byte {
	dst = resp.AppendArray(dst, len(lines))
	for _, line := range lines {
		dst = resp.AppendSimple(dst, line)
	}
	return dst
}
