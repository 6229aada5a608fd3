package data

import (
	"fmt"

	"github.com/parleydb/parley/clock"
	"github.com/parleydb/parley/internal/resp"
)

// Map is the ordered map of bytes that a Store keeps its state in. The caller
// of Run owns it, and may keep tables of its own beside the Store's: see the
// layout in layout.go.
type Map interface {
	// Get returns a value that stays valid until the next Set, Delete or Clear,
	// and is not to be modified.
	Get(key []byte) (val []byte, ok bool)
	// Set copies both key and val.
	Set(key, val []byte)
	// Delete of an absent key does nothing.
	Delete(key []byte)
	// Scan calls fn for every key in [lo,hi), ascending, until fn returns
	// false. A nil hi means to the end. fn must not write the Map; what it is
	// given is valid during the call.
	Scan(lo, hi []byte, fn func(key, val []byte) bool)
	// Clear deletes everything.
	Clear()
}

// Prefetcher is a Map that can be told of keys which Get will soon be called
// for. It changes nothing.
type Prefetcher interface {
	Cold() bool // whether there is more in memory than the processor's caches hold
	Prefetch(keys [][]byte)
}

// DefaultMaxValue is Redis' proto-max-bulk-len: 512 MiB.
const DefaultMaxValue = 512 << 20

// replyFrame is more than what a reply has around one value.
const replyFrame = 64 << 10

// keptScratch is how large a scratch buffer may stay between commands, in bytes.
const keptScratch = 1 << 20

// Store runs commands on one copy of one shard. It is for one goroutine.
type Store struct {
	// MaxValue is the longest string, in bytes, that a command may make. It
	// decides results: all copies of a shard must have the same value, set
	// before the first Run.
	MaxValue int64

	// MaxReply is the longest reply, in bytes. A command that would need more
	// answers an error: only one that reads, if this is above MaxValue by what
	// surrounds a value, so that a command which changed something always tells.
	MaxReply int

	m    Map
	call call
	lag  int64

	keys      int64 // number of stored keys, expired ones included
	keysKnown bool
	keysDirty bool

	next      int64 // lower bound of the earliest deadline, 0 for none
	nextKnown bool

	ahead [][]byte // scratch of Prefetch

	pos, val, aux []byte // scratch: a key of table 'k', a value, a key of table 'x' or a reply
}

// Open returns the Store whose state is in m.
func Open(m Map) *Store {
	return &Store{MaxValue: DefaultMaxValue, MaxReply: DefaultMaxValue + replyFrame, m: m}
}

// Reload forgets what the Store remembers of the Map. It must be called after
// the Map was changed by anyone else, as by installing a snapshot.
func (s *Store) Reload() { s.keysKnown, s.keysDirty, s.nextKnown = false, false, false }

// Env is what a command may know besides its arguments and the Map.
type Env struct {
	// Stamp is that of the entry being applied, or of the last one applied to
	// the state that is read. A key with a deadline at or before Stamp.Millis()
	// has expired.
	Stamp clock.Timestamp
	// Wall is the serving node's clock in Unix milliseconds. It is what TTL and
	// PTTL count from, and what Lagging compares with; it decides no result
	// otherwise. In an entry, where all copies must answer alike, it must come
	// from the entry: Stamp.Millis().
	Wall int64
	// Version numbers write commands. It must be above 0 and above that of
	// every write before. A key keeps the version of its last change.
	Version uint64
	// Seed decides RANDOMKEY.
	Seed uint64
	// DB is the keyspace's number, with which COPY compares its DB option.
	DB uint32
}

// call is one command being run. It lives in the Store so that running one
// allocates nothing.
type call struct {
	*Store
	cmd  *Command
	env  *Env
	args [][]byte
	out  []byte
	now  int64 // env.Stamp in ms: decides expiry

	start int  // where the reply begins in out
	long  bool // the reply would be longer than MaxReply
}

// Run executes a command of table Commands with all its arguments, the name
// included, and appends its neutral reply to dst. An error is a reply too, and
// means that nothing changed. A command without the Write flag never writes the
// Map. Running a command of the connection (flag Front) is an error reply.
func (s *Store) Run(dst []byte, env *Env, c *Command, args [][]byte) []byte {
	k := &s.call
	k.Store, k.cmd, k.env, k.args, k.now = s, c, env, args, env.Stamp.Millis()
	k.out, k.start, k.long = dst, len(dst), false
	s.lag = 0
	switch {
	case c.run == nil:
		k.err("ERR '" + c.Name + "' does not run on a keyspace")
	case !c.CheckArity(len(args)):
		k.wrongArity(c.Name)
	default:
		c.run(k)
	}
	s.saveCount()
	if k.long {
		k.out = k.out[:k.start]
		k.err(fmt.Sprintf("ERR the reply would be longer than %d bytes: ask for less at a time", s.MaxReply))
	}
	dst = k.out
	k.env, k.args, k.out = nil, nil, nil
	s.trim()
	return dst
}

// Lagging tells, after Run of a read, whether the reply may show a key that has
// expired by the wall clock and not yet by the stamp of the state: it is the
// latest such deadline in Unix ms, and 0 if there is none. A read that must not
// show it waits for a stamp of at least this time and runs again.
func (s *Store) Lagging() int64 { return s.lag }

// Version is the version of the write that last changed key, and 0 if there is
// no such key: for WATCH. It writes nothing.
func (s *Store) Version(key []byte, env *Env) uint64 {
	if e := s.lookup(key, env.Stamp.Millis()); e.alive {
		return e.version
	}
	return 0
}

// trim gives large scratch buffers back, so that one large value does not stay
// in memory for good.
func (s *Store) trim() {
	if max(cap(s.pos), cap(s.val), cap(s.aux)) <= keptScratch {
		return
	}
	for _, b := range [...]*[]byte{&s.pos, &s.val, &s.aux} {
		if cap(*b) > keptScratch {
			*b = nil
		}
	}
}

func (c *call) err(msg string) { c.out = resp.AppendError(c.out, msg) }
func (c *call) ok()            { c.out = resp.AppendSimple(c.out, "OK") }
func (c *call) int(v int64)    { c.out = resp.AppendInt(c.out, v) }
func (c *call) bulk(b []byte) {
	if c.room(len(b)) {
		c.out = resp.AppendBulk(c.out, b)
	}
}
func (c *call) null()                  { c.out = resp.AppendNull(c.out) }
func (c *call) wrongArity(name string) { c.out = appendWrongArity(c.out, name) }

// room says whether n bytes more fit into the reply. Once they do not, the reply
// will be an error.
func (c *call) room(n int) bool {
	c.long = c.long || len(c.out)-c.start+n > c.MaxReply
	return !c.long
}

func (c *call) bool(v bool) {
	n := int64(0)
	if v {
		n = 1
	}
	c.int(n)
}
