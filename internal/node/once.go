package node

import (
	"encoding/binary"
	"time"

	"github.com/parleydb/parley/clock"
	"github.com/parleydb/parley/internal/resp"
)

// The limits of a shard's table of idempotency ids. All replicas must agree on
// them, so they belong to the format and are no flags.
const (
	// OnceTTL is how long an id and its reply are kept.
	OnceTTL = time.Hour
	// OnceMax is how many ids a shard keeps; the oldest go first.
	OnceMax = 100_000
	// OnceIDMax is the longest id, in bytes.
	OnceIDMax = 128

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
// 'q' orders ids by stamp and version for eviction.
type onceTable struct {
	m      onceMap
	count  int
	oldest clock.Timestamp // lower bound of the stamps in the table
	known  bool
}

const (
	onceApplied = 'a'
	onceFenced  = 'f'
)

var orderLow, orderHigh = []byte("q\x01"), []byte("q\x02")

func (t *onceTable) reload() { t.known = false }

func onceKey(id []byte) []byte { return append([]byte("o"), id...) }

// find is the reply that id had before. A fenced id answers an error.
func (t *onceTable) find(id []byte) (reply []byte, known bool) {
	v, ok := t.m.Get(onceKey(id))
	if !ok || len(v) == 0 {
		return nil, false
	}
	if v[0] == onceFenced {
		return resp.AppendError(nil, "ERR id was fenced: OUTCOME answered never, so it must not run any more; use a new id"), true
	}
	return v[1:], true
}

func (t *onceTable) put(id, reply []byte, at clock.Timestamp, version uint64) {
	t.store(id, onceApplied, reply, at, version)
}

// resolve answers OUTCOME: what id did, or never, which it makes true.
func (t *onceTable) resolve(dst, id []byte, at clock.Timestamp, version uint64) []byte {
	v, ok := t.m.Get(onceKey(id))
	if ok && len(v) > 0 && v[0] == onceApplied {
		dst = resp.AppendBulkString(resp.AppendArray(dst, 2), "applied")
		return append(dst, v[1:]...)
	}
	if !ok {
		t.store(id, onceFenced, nil, at, version)
	}
	return resp.AppendBulkString(resp.AppendArray(dst, 1), "never")
}

func (t *onceTable) store(id []byte, state byte, reply []byte, at clock.Timestamp, version uint64) {
	t.load()
	t.m.Set(onceKey(id), append([]byte{state}, reply...))
	order := binary.BigEndian.AppendUint64(append([]byte(nil), orderLow...), uint64(at))
	t.m.Set(binary.BigEndian.AppendUint64(order, version), id)
	if t.count == 0 {
		t.oldest = at
	}
	t.count++
}

// load counts the table after a restart or a snapshot.
func (t *onceTable) load() {
	if t.known {
		return
	}
	t.known, t.count, t.oldest = true, 0, 0
	t.m.Scan(orderLow, orderHigh, func(k, _ []byte) bool {
		if t.count == 0 {
			t.oldest = clock.Timestamp(binary.BigEndian.Uint64(k[2:]))
		}
		t.count++
		return true
	})
}

// evict drops ids that are too old or too many, a bounded number at a time.
func (t *onceTable) evict(now clock.Timestamp) {
	t.load()
	horizon := clock.At(now.Millis() - OnceTTL.Milliseconds())
	if t.count <= OnceMax && (t.count == 0 || t.oldest >= horizon) {
		return
	}
	var orders, ids [][]byte
	excess := t.count - OnceMax
	t.m.Scan(orderLow, orderHigh, func(k, id []byte) bool {
		at := clock.Timestamp(binary.BigEndian.Uint64(k[2:]))
		if len(orders) >= evictPerEntry || at >= horizon && len(orders) >= excess {
			t.oldest = at
			return false
		}
		orders = append(orders, append([]byte(nil), k...))
		ids = append(ids, append([]byte(nil), id...))
		return true
	})
	for i, k := range orders {
		t.m.Delete(k)
		t.m.Delete(onceKey(ids[i]))
	}
	t.count -= len(orders)
}
