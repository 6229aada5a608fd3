package disk

import (
	"encoding/binary"
	"strings"
	"unsafe"

	"github.com/RaduBerinde/btreemap"
)

// delta is what changed in one group's state since the last generation. Once
// frozen it is never changed: the loop and the background goroutine read it at
// the same time.
type delta struct {
	state *State
	epoch uint32
	table table
	slots []*slotChunk // in order of first change
	count int
	late  int // slots that are late
	space arena
	bytes int64

	// index orders the slots, on demand: only scans need an order. It belongs
	// to the loop, also when the delta is frozen.
	index   *btreemap.BTreeMap[string, *slot]
	indexed int

	loaded int // by ascend, in the background

	// Set when the delta is frozen.
	applied, appliedTerm uint64
	// dead epochs' keys are to be deleted, and the marker of an installed one.
	dead      []uint32
	installed uint32
}

// slot is a key's newest value, or its deletion.
type slot struct {
	key  string
	val  []byte
	hash uint64 // hashOf the key in Pebble
	dead bool
	// late says that the value cache has an older value, or none: see
	// State.pass.
	late bool
}

const slotsPerChunk = 64

type slotChunk [slotsPerChunk]slot

// slotOverhead is a slot's cost beside its bytes: itself, and the table's part.
const slotOverhead = 80

// newDelta has room for as many slots as the last one had, if they are not very
// many.
func newDelta(s *State, epoch uint32, last *delta) *delta {
	room := 0
	if last != nil {
		room = min(last.count, mostRoom)
	}
	return &delta{state: s, epoch: epoch, table: newTable(room)}
}

const mostRoom = 1 << 20

// find is a key's slot, or nil.
func (d *delta) find(key []byte, hash uint64) *slot {
	t := &d.table
	for i := t.at(hash); ; i = (i + 1) & uint64(len(t.words)-1) {
		word := t.words[i]
		if word == 0 {
			return nil
		}
		if word>>numberBits == hash>>numberBits {
			if sl := d.at(int(uint32(word)) - 1); sl.key == string(key) {
				return sl
			}
		}
	}
}

// likely is the slot that find will most likely end at, or nil. It does not look
// at the key.
func (d *delta) likely(hash uint64) *slot {
	t := &d.table
	for i := t.at(hash); t.words[i] != 0; i = (i + 1) & uint64(len(t.words)-1) {
		if word := t.words[i]; word>>numberBits == hash>>numberBits {
			return d.at(int(uint32(word)) - 1)
		}
	}
	return nil
}

// set gives a key a value; both are copied. added says that it is the key's
// first change here.
func (d *delta) set(key, val []byte, hash uint64) (sl *slot, added bool) {
	sl, added = d.slot(key, hash)
	sl.dead = false
	if cap(sl.val) >= len(val) {
		sl.val = sl.val[:len(val)]
	} else {
		// A value that grows gets some room, so that it is not copied to new
		// memory at every step.
		room := len(val)
		if !added {
			room += room / 4
		}
		sl.val = d.space.take(room)[:len(val)]
		d.bytes += int64(room)
	}
	copy(sl.val, val)
	return sl, added
}

// remove marks a key as deleted: Pebble, or an older generation, may have it.
func (d *delta) remove(key []byte, hash uint64) (sl *slot, added bool) {
	sl, added = d.slot(key, hash)
	sl.dead, sl.val = true, sl.val[:0]
	return sl, added
}

func (d *delta) slot(key []byte, hash uint64) (sl *slot, added bool) {
	if sl := d.find(key, hash); sl != nil {
		return sl, false
	}
	return d.add(key, hash), true
}

func (d *delta) add(key []byte, hash uint64) *slot {
	if d.table.full() {
		d.grow()
	}
	d.table.add(hash, d.count)
	if d.count%slotsPerChunk == 0 {
		d.slots = append(d.slots, new(slotChunk))
	}
	sl := &d.slots[len(d.slots)-1][d.count%slotsPerChunk]
	d.count++
	k := d.space.take(len(key))
	copy(k, key)
	sl.key = unsafe.String(unsafe.SliceData(k), len(k)) // never changed again
	sl.hash = hash
	d.bytes += int64(len(key)) + slotOverhead
	return sl
}

// grow doubles the table.
func (d *delta) grow() {
	d.table = newTable(2 * d.table.used)
	for i := range d.count {
		d.table.add(d.at(i).hash, i)
	}
}

func (d *delta) at(i int) *slot { return &d.slots[i/slotsPerChunk][i%slotsPerChunk] }

// ordered brings the index up to date: each key enters it once.
func (d *delta) ordered() *btreemap.BTreeMap[string, *slot] {
	if d.index == nil {
		d.index = btreemap.New[string, *slot](32, strings.Compare)
	}
	for ; d.indexed < d.count; d.indexed++ {
		sl := d.at(d.indexed)
		d.index.ReplaceOrInsert(sl.key, sl)
	}
	return d.index
}

// arena gives out memory that is freed all at once. Large pieces come from the
// heap, since they may be outgrown.
type arena struct {
	free []byte
	next int // size of the next chunk
}

const (
	arenaFirst = 1 << 10
	arenaLimit = 64 << 10
	arenaPiece = 4 << 10
)

func (a *arena) take(n int) []byte {
	if n > arenaPiece {
		return make([]byte, n)
	}
	if n > len(a.free) {
		a.next = max(arenaFirst, min(2*a.next, arenaLimit))
		a.free = make([]byte, max(a.next, n))
	}
	p := a.free[:n:n]
	a.free = a.free[n:]
	return p
}

// generation is what is written behind in one batch.
type generation struct {
	deltas []*delta
	drops  []uint64 // groups to be deleted
	bytes  int64
	done   chan struct{} // closed when it is durable, or the Disk has failed
}

// batchBytes is the size of the batch that the generation becomes, or a little
// more: memory that is asked for and not used must be made and cleared too.
func (g *generation) batchBytes() int {
	const head, record = 64, 1 + 2*binary.MaxVarintLen32 + dataPrefix
	n := head
	for _, f := range g.deltas {
		n += int(f.bytes) + f.count*(record-slotOverhead) + head
	}
	return n + len(g.drops)*4*head
}

func (g *generation) finished() bool {
	select {
	case <-g.done:
		return true
	default:
		return false
	}
}
