package node

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/parleydb/parley/clock"
	"github.com/parleydb/parley/internal/planted"
	"github.com/parleydb/parley/internal/resp"
)

// The limits of a shard's table of idempotency ids. All replicas must agree on
// them, so they belong to the format and are no flags.
const (
	// OnceTTL is how long an id and its reply are kept, at least.
	OnceTTL = time.Hour
	// OnceMax is how many ids a shard keeps. None is dropped before its time
	// to make room: a new one is refused instead.
	OnceMax = 500_000
	// OnceBytes is how much ids and replies a shard keeps.
	OnceBytes = 64 << 20
	// OnceReplyMax is the longest reply that is kept, in bytes.
	OnceReplyMax = 64 << 10
	// MaxTimeout bounds an operation's deadline. It is well below OnceTTL, so
	// that a command cannot outwait the fence that OUTCOME put up.
	MaxTimeout = OnceTTL / 2
	// OnceIDMax is the longest id, in bytes.
	OnceIDMax = 128

	// outcomeSlack is how far the stamps of two entries may differ from the time
	// that passed between them, at most, where OUTCOME is told an id's age.
	outcomeSlack = time.Minute

	// fenceRoom is what OUTCOME may use beyond the limits, so that doubts can
	// be resolved while a table is full.
	fenceRoom = 10 // the tenth part

	onceOverhead  = 2 + 2 + 16 // of an id's two entries
	evictPerEntry = 64
)

// onceMap is what the table needs of the shard's map.
type onceMap interface {
	Get(key []byte) ([]byte, bool)
	Set(key, val []byte)
	Delete(key []byte)
	Scan(lo, hi []byte, fn func(key, val []byte) bool)
}

// onceTable keeps, for each id of ONCE, the reply of its first execution, or
// that OUTCOME fenced it. Table 'o' maps an id to state byte and reply; table
// 'q' orders ids by stamp and version for eviction, and has the
// table's size and how far it has forgotten.
type onceTable struct {
	m      onceMap
	count  int
	bytes  int
	oldest clock.Timestamp // of the stamps in the table; 0 if it is empty
	added  int             // since the last eviction
	gone   clock.Timestamp // the highest of those of ids that were applied and dropped; 0 if none was
	known  bool
	bugs   planted.Bugs
}

const (
	onceApplied = 'a'
	onceDoubt   = 'd' // fenced, and perhaps applied and dropped before
	onceFenced  = 'f'
	onceLong    = 'l' // applied, with a reply that is too long to keep
)

var (
	onceSize            = []byte("q\x00once") // count and bytes of the table
	orderLow, orderHigh = []byte("q\x01"), []byte("q\x02")
)

func (t *onceTable) reload() {
	t.known = false
	if t.bugs.LoseIDsInSnapshots {
		t.forget()
	}
}

// forget is the planted bug LoseIDsInSnapshots.
func (t *onceTable) forget() {
	var keys [][]byte
	for _, table := range []byte("oq") {
		t.m.Scan([]byte{table}, []byte{table + 1}, func(k, _ []byte) bool {
			if string(k) != string(closedKey) {
				keys = append(keys, append([]byte(nil), k...))
			}
			return true
		})
	}
	for _, k := range keys {
		t.m.Delete(k)
	}
}

func onceKey(id []byte) []byte { return append([]byte("o"), id...) }

// find is the reply that id had before. A fenced id answers an error.
func (t *onceTable) find(id []byte) (reply []byte, known bool) {
	v, ok := t.m.Get(onceKey(id))
	if !ok || len(v) == 0 {
		return nil, false
	}
	switch v[0] {
	case onceFenced:
		return resp.AppendError(nil, "ERR id was fenced: OUTCOME answered never, so it must not run any more; use a new id"), true
	case onceDoubt:
		return resp.AppendError(nil, "ERR id was fenced: OUTCOME answered unknown, so it must not run any more; use a new id"), true
	case onceLong:
		return resp.AppendError(nil, fmt.Sprintf("ERR this id was applied before, once; its reply was longer than the %d bytes that are kept", OnceReplyMax)), true
	}
	return v[1:], true
}

// full refuses a new id: to drop a younger one than OnceTTL for it would break
// the promise made for that.
func (t *onceTable) full(dst []byte) ([]byte, bool) {
	if t.load(); t.count < OnceMax && t.bytes < OnceBytes {
		return dst, false
	}
	return resp.AppendError(dst, fmt.Sprintf("BUSY this shard keeps %d ids of the last hour in %d bytes, and takes no new one before the oldest expire; nothing was done", t.count, t.bytes)), true
}

func (t *onceTable) put(id, reply []byte, at clock.Timestamp, version uint64) {
	if len(reply) > OnceReplyMax {
		t.store(id, onceLong, nil, at, version)
		return
	}
	t.store(id, onceApplied, reply, at, version)
}

// resolve answers OUTCOME: what id did, or never, which it makes true. Where the
// id may have been applied and dropped since, it answers unknown, and fences the
// id all the same. age is how long ago the id was used first, at most, in
// milliseconds; 0 if the client does not say.
func (t *onceTable) resolve(dst, id []byte, age int64, at clock.Timestamp, version uint64) []byte {
	v, ok := t.m.Get(onceKey(id))
	if ok && len(v) > 0 && v[0] != onceFenced && v[0] != onceDoubt {
		dst = resp.AppendBulkString(resp.AppendArray(dst, 2), "applied")
		if v[0] == onceLong {
			return resp.AppendNull(dst)
		}
		return append(dst, v[1:]...)
	}
	t.load()
	doubt := t.gone != 0 && (age == 0 || at.Millis()-age-outcomeSlack.Milliseconds() <= t.gone.Millis())
	if ok && v[0] == onceFenced {
		doubt = false // it was certain then, and nothing could run since
	}
	if !ok && !t.bugs.OutcomeWithoutFence {
		if t.count >= OnceMax+OnceMax/fenceRoom || t.bytes >= OnceBytes+OnceBytes/fenceRoom {
			return resp.AppendError(dst, "BUSY the id is not known, and this shard has no room to fence it before its oldest ids expire: it may still run; ask again later")
		}
		state := byte(onceFenced)
		if doubt {
			state = onceDoubt
		}
		t.store(id, state, nil, at, version)
	}
	if doubt {
		return resp.AppendBulkString(resp.AppendArray(dst, 1), "unknown")
	}
	return resp.AppendBulkString(resp.AppendArray(dst, 1), "never")
}

func (t *onceTable) store(id []byte, state byte, reply []byte, at clock.Timestamp, version uint64) {
	t.load()
	value := append([]byte{state}, reply...)
	t.m.Set(onceKey(id), value)
	order := binary.BigEndian.AppendUint64(append([]byte(nil), orderLow...), uint64(at))
	t.m.Set(binary.BigEndian.AppendUint64(order, version), id)
	if t.count == 0 {
		t.oldest = at
	}
	t.count++
	t.bytes += cost(id, value)
	t.added++
	t.saveSize()
}

func cost(id, value []byte) int { return onceOverhead + 2*len(id) + len(value) }

func (t *onceTable) saveSize() {
	b := binary.BigEndian.AppendUint64(nil, uint64(t.count))
	b = binary.BigEndian.AppendUint64(b, uint64(t.bytes))
	t.m.Set(onceSize, binary.BigEndian.AppendUint64(b, uint64(t.gone)))
}

// load reads the table's size after a restart or a snapshot.
func (t *onceTable) load() {
	if t.known {
		return
	}
	*t = onceTable{m: t.m, known: true, bugs: t.bugs}
	if v, ok := t.m.Get(onceSize); ok && len(v) == 24 {
		t.count, t.bytes = int(binary.BigEndian.Uint64(v)), int(binary.BigEndian.Uint64(v[8:]))
		t.gone = clock.Timestamp(binary.BigEndian.Uint64(v[16:]))
	}
	t.m.Scan(orderLow, orderHigh, func(k, _ []byte) bool {
		t.oldest = stampOf(k)
		return false
	})
}

func stampOf(order []byte) clock.Timestamp {
	return clock.Timestamp(binary.BigEndian.Uint64(order[len(orderLow):]))
}

// evict drops ids that are older than OnceTTL, so many at a time that a table
// in steady use does not grow.
func (t *onceTable) evict(now clock.Timestamp) {
	t.load()
	most := evictPerEntry + 2*t.added
	t.added = 0
	horizon := clock.At(now.Millis() - OnceTTL.Milliseconds())
	if t.count == 0 || t.oldest >= horizon {
		return
	}
	var orders, ids [][]byte
	t.oldest = 0
	t.m.Scan(orderLow, orderHigh, func(k, id []byte) bool {
		if at := stampOf(k); len(orders) >= most || at >= horizon {
			t.oldest = at
			return false
		}
		orders = append(orders, append([]byte(nil), k...))
		ids = append(ids, append([]byte(nil), id...))
		return true
	})
	for i, k := range orders {
		key := onceKey(ids[i])
		value, _ := t.m.Get(key)
		if len(value) > 0 && value[0] != onceFenced {
			t.gone = max(t.gone, stampOf(k))
		}
		t.bytes -= cost(ids[i], value)
		t.m.Delete(k)
		t.m.Delete(key)
	}
	t.count -= len(orders)
	t.saveSize()
}
