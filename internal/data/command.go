package data

import (
	"slices"
	"strings"
)

// Flags say how a command may be used. Those with names are Redis' and shown by
// COMMAND.
type Flags uint32

// The flags.
const (
	Write       Flags = 1 << iota // may change the keyspace
	ReadOnly                      // reads the keyspace and never writes the Map
	DenyOOM                       // may grow the data set
	Admin                         // for operators
	NoScript                      // not in scripts
	Loading                       // answered while the node is starting
	Stale                         // answered by a node that has no part in its groups
	SkipSlowlog                   // not in the slow log
	Fast                          // constant or logarithmic time
	NoAuth                        // answered before authentication
	AllowBusy                     // answered while the node is busy
	MovableKeys                   // where the keys are depends on the arguments
	Front                         // of the connection or the node: Run refuses it
)

var flagNames = []struct {
	flag Flags
	name string
}{
	{Write, "write"}, {ReadOnly, "readonly"}, {DenyOOM, "denyoom"}, {Admin, "admin"},
	{NoScript, "noscript"}, {Loading, "loading"}, {Stale, "stale"}, {SkipSlowlog, "skip_slowlog"},
	{Fast, "fast"}, {NoAuth, "no_auth"}, {AllowBusy, "allow_busy"}, {MovableKeys, "movablekeys"},
}

// Command describes one command. It is not to be modified.
type Command struct {
	Name  string // lower case
	Arity int    // number of arguments with the name; -n for n or more
	Flags Flags
	KeySpec
	Group   string // as in Redis, or "parley"
	Since   string // Redis' version, or Parley's for group "parley"
	Summary string

	wraps int // where the command begins that this one runs; 0 for none
	run   func(*call)
}

// KeySpec says which arguments are keys, as COMMAND INFO does: from FirstKey, 0
// for none, to LastKey, which counts from the end if negative, by KeyStep.
type KeySpec struct {
	FirstKey, LastKey, KeyStep int
}

// The usual places of keys.
var (
	noKeys    = KeySpec{}
	oneKey    = KeySpec{1, 1, 1}
	secondArg = KeySpec{2, 2, 1}
	twoKeys   = KeySpec{1, 2, 1}
	allKeys   = KeySpec{1, -1, 1}
	pairKeys  = KeySpec{1, -1, 2}
	restKeys  = KeySpec{2, -1, 1}
)

// sorted is the table of all commands by name.
var sorted = func() []*Command {
	var all []*Command
	for _, table := range [][]Command{stringCommands, bitmapCommands, genericCommands, connectionCommands, parleyCommands} {
		for i := range table {
			all = append(all, &table[i])
		}
	}
	slices.SortFunc(all, func(a, b *Command) int { return strings.Compare(a.Name, b.Name) })
	return all
}()

// names finds a command by its name: open addressing, at nameHash.
var names = func() (t [nameSlots]*Command) {
	for _, c := range sorted {
		at := nameHash([]byte(c.Name))
		for t[at] != nil {
			at = (at + 1) % nameSlots
		}
		t[at] = c
	}
	return t
}()

// nameSlots is several times the number of commands.
const nameSlots = 1024

// nameHash is alike for both cases of a letter. name is not empty.
func nameHash(name []byte) uint32 {
	const upper = 'a' - 'A'
	h := uint32(len(name))
	for _, c := range [...]byte{name[0], name[len(name)/2], name[len(name)-1]} {
		h = h*37 + uint32(c|upper)
	}
	return h % nameSlots
}

// Lookup finds a command by its name in any case, and returns nil if there is
// none. It allocates nothing.
func Lookup(name []byte) *Command {
	if len(name) == 0 {
		return nil
	}
	for at := nameHash(name); names[at] != nil; at = (at + 1) % nameSlots {
		if names[at].called(name) {
			return names[at]
		}
	}
	return nil
}

// called says whether name is the command's, in any case.
func (c *Command) called(name []byte) bool {
	if len(name) != len(c.Name) {
		return false
	}
	for i, b := range name {
		if lower(b) != c.Name[i] {
			return false
		}
	}
	return true
}

// Commands is every command, sorted by name. The slice is not to be modified.
func Commands() []*Command { return sorted }

// CheckArity says whether a call may have nargs arguments, the name included.
func (c *Command) CheckArity(nargs int) bool {
	return nargs == c.Arity || c.Arity < 0 && nargs >= -c.Arity
}

// Keys appends the keys of a call to dst. They alias args, which is the whole
// call, the name included. Those of a command that runs another, as AT does, are
// the other's. A call with too few arguments may have fewer keys than it should.
func (c *Command) Keys(dst, args [][]byte) [][]byte {
	for c.wraps > 0 {
		if len(args) <= c.wraps {
			return dst
		}
		args = args[c.wraps:]
		if c = Lookup(args[0]); c == nil {
			return dst
		}
	}
	if c.FirstKey == 0 {
		return dst
	}
	last := c.LastKey
	if last < 0 {
		last += len(args)
	}
	for i := c.FirstKey; i <= last && i < len(args); i += c.KeyStep {
		dst = append(dst, args[i])
	}
	return dst
}
