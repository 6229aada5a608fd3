package node

import (
	"encoding/binary"
	"strconv"

	"github.com/parleydb/parley/clock"
	"github.com/parleydb/parley/internal/data"
	"github.com/parleydb/parley/internal/disk"
	"github.com/parleydb/parley/internal/group"
	"github.com/parleydb/parley/internal/kv"
	"github.com/parleydb/parley/internal/resp"
)

// machine is a shard's state machine: commands on the data layer, with the
// table of idempotency ids beside it in the same map.
type machine struct {
	state *disk.State
	store *data.Store
	once  *onceTable
	db    uint32
	pos   uint64 // of the next command in its entry
	dec   decoded

	upcoming upcoming
	read     int // commands of the entry that were read
	next     int // of those, the next to run

	given data.Env // scratch of env
	node  *Node
	ahead [][]byte // scratch of load
}

// The sizes that a keyspace holds and answers with. All replicas must agree on
// them, and a command or a reply must fit into one frame between nodes.
const (
	// MaxValue is the longest string, in bytes.
	MaxValue = 64 << 20
	// MaxReply is the longest reply of a command or a transaction, in bytes.
	MaxReply = MaxValue + 64<<10
)

// closedKey holds the stamp of the last applied entry, so that it is known
// after a restart and travels with snapshots.
var closedKey = []byte("q\x00closed")

func newMachine(n *Node, st *disk.State, db kv.KeyspaceID) *machine {
	m := &machine{node: n, state: st, db: uint32(db), once: &onceTable{m: st, bugs: n.cfg.Bugs}}
	m.store = data.Open(st) // it leaves the once table alone, also when it clears the keyspace
	m.store.MaxValue, m.store.MaxReply = MaxValue, MaxReply
	return m
}

// storedStamp is the stamp of the last entry in a state.
func storedStamp(st *disk.State) clock.Timestamp {
	v, ok := st.Get(closedKey)
	if !ok || len(v) != 8 {
		return 0
	}
	return clock.Timestamp(binary.BigEndian.Uint64(v))
}

func storeStamp(st *disk.State, e *group.Entry) {
	if e.Stamp != 0 {
		st.Set(closedKey, binary.BigEndian.AppendUint64(nil, uint64(e.Stamp)))
	}
	st.SetApplied(e.Index, e.Term)
}

// reload forgets what was remembered of a state that a snapshot replaced.
func (m *machine) reload() {
	m.store.Reload()
	m.once.reload()
}

// sweepPerEntry bounds the expired keys that one entry deletes.
const sweepPerEntry = 200

// Begin implements group.Machine.
func (m *machine) Begin(*group.Entry) {
	m.pos, m.read, m.next = 0, 0, 0
}

// lookahead is how many commands of an entry are read ahead of the one that
// runs. What they look at should fit into the processor's nearest cache.
const lookahead = 16

// upcoming are the next commands of the entry that is being applied.
type upcoming [lookahead]struct {
	decoded
	err error
}

// command is the entry's next command, read back. When none is
// left, more are read, and their keys loaded together: in a process that shares
// its processor with others even few keys are out of the caches by then.
func (m *machine) command(e *group.Entry) (*decoded, error) {
	if m.next == m.read {
		m.advance(e.Commands[m.next:])
	}
	c := &m.upcoming[m.next%lookahead]
	m.next++
	return &c.decoded, c.err
}

func (m *machine) advance(commands [][]byte) {
	n := min(len(commands), lookahead)
	for i, command := range commands[:n] {
		c := &m.upcoming[(m.read+i)%lookahead]
		if c.err = c.decoded.read(command); c.err == nil && n > 1 {
			m.collect(&c.decoded)
		}
	}
	m.read += n
	m.load()
}

// coming tells the store of the keys of reads that are about to run, if there
// are enough of them. A few keys too many or too few do no harm.
func (m *machine) coming(waiters []group.Waiter) {
	if len(waiters) < 2 || !m.store.Cold() {
		return
	}
	for _, w := range waiters {
		if o, ok := w.(*op); ok && !o.done && m.dec.read(o.command) == nil {
			m.collect(&m.dec)
		}
	}
	m.load()
}

// collect adds a command's keys to those that load will tell the store of.
func (m *machine) collect(d *decoded) {
	for _, c := range d.calls {
		if c.Command != nil {
			m.ahead = c.Command.Keys(m.ahead, c.Args)
		}
	}
}

func (m *machine) load() {
	m.store.Prefetch(m.ahead)
	clear(m.ahead)
	m.ahead = m.ahead[:0]
}

// End implements group.Machine.
func (m *machine) End(e *group.Entry) {
	if e.Stamp != 0 {
		m.store.Sweep(m.env(e), sweepPerEntry)
		m.once.evict(e.Stamp)
	}
	for i := range min(m.read, lookahead) {
		m.upcoming[i].forget()
	}
	storeStamp(m.state, e)
}

// positionBits is the room for commands of one entry in a version.
const positionBits = 20

// env is what the next command of an entry is given. It is valid until the next
// call: there is one for all commands, so that none costs memory.
func (m *machine) env(e *group.Entry) *data.Env {
	m.pos++
	at := e.Stamp
	if m.node.cfg.Bugs.ExpireByWallClock {
		at = clock.At(m.node.wall)
	}
	m.given = data.Env{
		Stamp: at, Wall: e.Stamp.Millis(), DB: m.db,
		Version: e.Index<<positionBits | m.pos&(1<<positionBits-1), Seed: e.Seed + m.pos,
	}
	return &m.given
}

// Execute implements group.Machine.
func (m *machine) Execute(dst []byte, e *group.Entry, _ []byte) []byte {
	d, err := m.command(e)
	if err != nil {
		return resp.AppendError(dst, "ERR "+err.Error())
	}
	env := m.env(e)
	if d.kind == KindOutcome {
		return m.once.resolve(dst, d.once, ageOf(d), e.Stamp, env.Version)
	}
	if len(d.once) == 0 {
		return m.run(dst, d, env, e)
	}
	if reply, known := m.once.find(d.once); known {
		return append(dst, reply...)
	}
	dst, full := m.once.full(dst)
	if full {
		return dst
	}
	start := len(dst)
	id := string(d.once)
	dst = m.run(dst, d, env, e)
	m.once.put([]byte(id), dst[start:], e.Stamp, env.Version)
	return dst
}

// ageOf is what an OUTCOME says of its id's age, in milliseconds; 0 if nothing.
func ageOf(d *decoded) int64 {
	if len(d.calls) != 1 || len(d.calls[0].Args) < 2 {
		return 0
	}
	ms, _ := strconv.ParseInt(string(d.calls[0].Args[1]), 10, 64)
	return max(0, ms)
}

func (m *machine) run(dst []byte, d *decoded, env *data.Env, e *group.Entry) []byte {
	for _, w := range d.watches {
		if m.store.Version(w.Key, env) != w.Version && !m.node.cfg.Bugs.IgnoreWatches {
			return resp.AppendNullArray(dst)
		}
	}
	if d.kind != KindTx {
		return m.call(dst, d.calls[0], env)
	}
	start := len(dst)
	dst = resp.AppendArray(dst, len(d.calls))
	for i, c := range d.calls {
		if i > 0 {
			env = m.env(e)
		}
		before := len(dst)
		if dst = m.call(dst, c, env); len(dst)-start > MaxReply {
			dst = resp.AppendError(dst[:before], replyDropped)
		}
	}
	return dst
}

// replyDropped stands in a transaction for a reply that has no room. The
// command was run: what a transaction does must not depend on what it shows.
const replyDropped = "ERR done, but the transaction's replies have no room for this one"

func (m *machine) call(dst []byte, c Call, env *data.Env) []byte {
	if c.Command == nil {
		return resp.AppendError(dst, "ERR unknown command in the log; this node is older than the one that proposed it")
	}
	return m.store.Run(dst, env, c.Command, c.Args)
}

// expiring says, after a read, that it saw a key which is past its deadline by
// the clock, though not yet by the log. A linearizable read then goes through the
// log: the log's stamp decides expiry, and so moves on.
func (m *machine) expiring() bool { return m.store.Lagging() != 0 }

// reading is env for reads of the state as it is. wall is this node's clock.
func (m *machine) reading(at clock.Timestamp, wall int64) *data.Env {
	m.given = data.Env{Stamp: at, Wall: max(wall, at.Millis()), DB: m.db, Seed: uint64(wall)}
	return &m.given
}

// show runs a read on the state as it is. wall is this node's clock.
func (m *machine) show(dst []byte, d *decoded, at clock.Timestamp, wall int64) []byte {
	env := m.reading(at, wall)
	if d.kind == KindVersions {
		args := d.calls[0].Args
		dst = resp.AppendArray(dst, len(args))
		for _, k := range args {
			dst = resp.AppendInt(dst, int64(m.store.Version(k, env)))
		}
		return dst
	}
	return m.run(dst, d, env, &group.Entry{Stamp: at})
}
