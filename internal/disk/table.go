package disk

import (
	"hash/maphash"
	"sync/atomic"
)

// seed makes the places of keys a secret, so that nobody can choose keys that
// meet at one place. No result depends on it.
var seed = maphash.MakeSeed()

// hashOf is of a whole key in Pebble, group and epoch included.
func hashOf(key []byte) uint64 { return maphash.Bytes(seed, key) }

// table finds a delta's slots: words of a tag, of the hash, and the slot's
// number plus one, by linear probing. Beside a Go map it has no pointers and
// no groups, so that a look at an absent key is one miss of the processor's
// caches and Prefetch can make it beforehand.
type table struct {
	words []uint64 // a power of two; 0 is free
	used  int
}

const (
	tableFirst = 16
	numberBits = 32
)

// newTable has room for n slots without growing.
func newTable(n int) table {
	size := tableFirst
	for size*3/4 < n {
		size *= 2
	}
	return table{words: make([]uint64, size)}
}

// at is where the search for a hash begins. The tag has the other bits.
func (t *table) at(hash uint64) uint64 { return hash & uint64(len(t.words)-1) }

func (t *table) full() bool { return t.used >= len(t.words)/4*3 }

// add enters a slot that is not there yet. The table must not be full.
func (t *table) add(hash uint64, number int) {
	i := t.at(hash)
	for t.words[i] != 0 {
		i = (i + 1) & uint64(len(t.words)-1)
	}
	t.words[i] = hash>>numberBits<<numberBits | uint64(number+1)
	t.used++
}

// near loads the place where the search for a hash begins.
func (t *table) near(hash uint64) uint64 { return atomic.LoadUint64(&t.words[t.at(hash)]) }
