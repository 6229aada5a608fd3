package data

import (
	"slices"
	"strings"

	"github.com/parleydb/parley/internal/resp"
)

// COMMAND and its subcommands.

var commandHelp = []string{
	"COMMAND [<subcommand> [<arg> [value] [opt] ...]]. Subcommands are:",
	"(no subcommand)",
	"    Describe all commands.",
	"COUNT",
	"    How many commands there are.",
	"LIST [FILTERBY <MODULE name|ACLCAT category|PATTERN pattern>]",
	"    Names of commands.",
	"INFO [<command> ...]",
	"    Describe commands: arity, flags, places of keys, categories.",
	"DOCS [<command> ...]",
	"    Explain commands: summary, since, group.",
	"GETKEYS <full-command>",
	"    The keys of a call.",
	"HELP",
	"    Print this help.",
}

// describers are COMMAND's subcommands with their arity as in Command.Arity.
var describers = []struct {
	name  string
	arity int
	run   func(dst []byte, args [][]byte) []byte
}{
	{"count", 2, func(dst []byte, _ [][]byte) []byte { return resp.AppendInt(dst, int64(len(sorted))) }},
	{"list", -2, appendList},
	{"info", -2, appendInfos},
	{"docs", -2, appendDocs},
	{"getkeys", -4, appendGetKeys},
	{"help", 2, func(dst []byte, _ [][]byte) []byte { return appendHelp(dst, commandHelp) }},
}

// AppendCommandReply appends the neutral reply of COMMAND with any subcommand.
// args is the whole call, the name included.
func AppendCommandReply(dst []byte, args [][]byte) []byte {
	if len(args) < 2 {
		return appendInfos(dst, nil)
	}
	for _, d := range describers {
		if !is(args[1], d.name) {
			continue
		}
		if !(&Command{Arity: d.arity}).CheckArity(len(args)) {
			return appendWrongArity(dst, "command|"+d.name)
		}
		return d.run(dst, args)
	}
	return appendUnknownSub(dst, args[1], "COMMAND")
}

// appendInfos describes the commands named after COMMAND INFO, or all.
func appendInfos(dst []byte, args [][]byte) []byte {
	if len(args) <= 2 {
		dst = resp.AppendArray(dst, len(sorted))
		for _, c := range sorted {
			dst = appendInfo(dst, c)
		}
		return dst
	}
	dst = resp.AppendArray(dst, len(args)-2)
	for _, name := range args[2:] {
		if c := Lookup(name); c != nil {
			dst = appendInfo(dst, c)
		} else {
			dst = resp.AppendNull(dst)
		}
	}
	return dst
}

// appendInfo has the ten fields of Redis 7. Tips, key specifications and
// subcommands are empty.
func appendInfo(dst []byte, c *Command) []byte {
	dst = resp.AppendArray(dst, 10)
	dst = resp.AppendBulkString(dst, c.Name)
	dst = resp.AppendInt(dst, int64(c.Arity))
	dst = appendNames(dst, c.flags())
	dst = resp.AppendInt(dst, int64(c.FirstKey))
	dst = resp.AppendInt(dst, int64(c.LastKey))
	dst = resp.AppendInt(dst, int64(c.KeyStep))
	dst = appendNames(dst, c.categories())
	dst = resp.AppendSet(dst, 0)
	dst = resp.AppendSet(dst, 0)
	return resp.AppendSet(dst, 0)
}

func appendNames(dst []byte, names []string) []byte {
	dst = resp.AppendSet(dst, len(names))
	for _, n := range names {
		dst = resp.AppendSimple(dst, n)
	}
	return dst
}

func (c *Command) flags() (names []string) {
	for _, f := range flagNames {
		if c.Flags&f.flag != 0 {
			names = append(names, f.name)
		}
	}
	return names
}

// groupCategory is the ACL category of a group's commands.
var groupCategory = map[string]string{
	"string": "@string", "bitmap": "@bitmap", "generic": "@keyspace",
	"connection": "@connection", "transactions": "@transaction", "parley": "@parley",
}

// dangerous are the commands that may harm a database in use, besides those of
// operators.
var dangerous = []string{"keys", "flushdb", "flushall", "info"}

// otherCategory are the commands whose group says too little.
var otherCategory = map[string]string{
	"dbsize": "@keyspace", "flushdb": "@keyspace", "flushall": "@keyspace",
	"command": "@connection", "wait": "@connection",
}

// categories are the ACL categories.
func (c *Command) categories() (names []string) {
	category := otherCategory[c.Name]
	if category == "" {
		category = groupCategory[c.Group]
	}
	add := func(name string, when bool) {
		if when && name != "" {
			names = append(names, name)
		}
	}
	add(category, true)
	add("@read", c.Flags&ReadOnly != 0)
	add("@write", c.Flags&Write != 0)
	add("@fast", c.Flags&Fast != 0)
	add("@slow", c.Flags&Fast == 0)
	add("@admin", c.Flags&Admin != 0)
	add("@dangerous", c.Flags&Admin != 0 || slices.Contains(dangerous, c.Name))
	return names
}

// appendDocs explains the commands named after COMMAND DOCS, or all. Names that
// no command has are left out.
func appendDocs(dst []byte, args [][]byte) []byte {
	list := sorted
	if len(args) > 2 {
		list = nil
		for _, name := range args[2:] {
			if c := Lookup(name); c != nil {
				list = append(list, c)
			}
		}
	}
	dst = resp.AppendMap(dst, len(list))
	for _, c := range list {
		dst = resp.AppendBulkString(dst, c.Name)
		dst = resp.AppendMap(dst, 3)
		for _, f := range [...]string{"summary", c.Summary, "since", c.Since, "group", c.Group} {
			dst = resp.AppendBulkString(dst, f)
		}
	}
	return dst
}

// appendList is COMMAND LIST [FILTERBY kind value].
func appendList(dst []byte, args [][]byte) []byte {
	keep := func(*Command) bool { return true }
	switch {
	case len(args) == 2:
	case len(args) == 5 && is(args[2], "filterby") && is(args[3], "module"):
		keep = func(*Command) bool { return false }
	case len(args) == 5 && is(args[2], "filterby") && is(args[3], "aclcat"):
		category := "@" + strings.ToLower(string(args[4]))
		keep = func(c *Command) bool { return slices.Contains(c.categories(), category) }
	case len(args) == 5 && is(args[2], "filterby") && is(args[3], "pattern"):
		pattern := []byte(strings.ToLower(string(args[4])))
		keep = func(c *Command) bool { return match(pattern, []byte(c.Name)) }
	default:
		return resp.AppendError(dst, errSyntax)
	}
	var names []string
	for _, c := range sorted {
		if keep(c) {
			names = append(names, c.Name)
		}
	}
	dst = resp.AppendArray(dst, len(names))
	for _, n := range names {
		dst = resp.AppendBulkString(dst, n)
	}
	return dst
}

// appendGetKeys is COMMAND GETKEYS with a whole call after it.
func appendGetKeys(dst []byte, args [][]byte) []byte {
	args = args[2:]
	c := Lookup(args[0])
	if c == nil {
		return resp.AppendError(dst, "ERR Invalid command specified")
	}
	if !c.CheckArity(len(args)) {
		return resp.AppendError(dst, "ERR Invalid number of arguments specified for command")
	}
	keys := c.Keys(nil, args)
	if len(keys) == 0 {
		return resp.AppendError(dst, "ERR The command has no key arguments")
	}
	dst = resp.AppendArray(dst, len(keys))
	for _, k := range keys {
		dst = resp.AppendBulk(dst, k)
	}
	return dst
}
