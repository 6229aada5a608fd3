package disk

import (
	"bytes"
	"encoding/binary"
	"sync"
	"sync/atomic"
	"unsafe"
)

// ring is a part of a ringCache: records in the order in which they came, the
// newest over the oldest, and buckets of words that say where they are. A word
// has a tag, of the hash, and a position: how many units were written before the
// record, since the beginning. So a word tells by itself whether its record is
// still there, and nothing needs to be deleted when the ring goes round.
type ring struct {
	mu    sync.Mutex // guards all of it, but see near and far
	words []uint64   // buckets of ways words; 0 is none
	data  []byte
	size  uint64 // of data, in units
	head  uint64 // where the next record goes
}

const (
	ways        = 16 // words in a bucket: two cache lines
	bucketBytes = ways * 8
	unit        = 8 // bytes; records begin at multiples of it
	recordHead  = 8 // bytes of a record before its key: their lengths

	positionBits = 40
	positionMask = 1<<positionBits - 1

	// bucketFor is the bytes of records that a bucket is made for: half full
	// with records of 128 bytes.
	bucketFor = ways * 128 / 2
)

// ringSizes divides memory between buckets and data.
func ringSizes(size int64) (buckets, data int) {
	buckets = max(int(size/(bucketFor+bucketBytes)), 1)
	return buckets, (int(size) - buckets*bucketBytes) / bucketBytes * bucketBytes
}

// init takes what the ring needs from memory, and returns the rest.
func (r *ring) init(memory []byte, buckets, data int) []byte {
	r.words = unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(memory))), buckets*ways)
	memory = memory[buckets*bucketBytes:]
	r.data, r.size, r.head = memory[:data:data], uint64(data/unit), 1
	return memory[data:]
}

// bucket is where a key's words are. The hash's low bits chose the ring.
func (r *ring) bucket(hash uint64) []uint64 {
	n := uint64(len(r.words) / ways)
	at := (hash >> 8 & (1<<32 - 1)) * n >> 32 * ways
	return r.words[at : at+ways : at+ways]
}

func tagOf(hash uint64) uint64 { return hash >> positionBits }

// there says whether a word's record has not been written over.
func (r *ring) there(word uint64) bool {
	return word != 0 && word&positionMask+r.size >= r.head
}

func (r *ring) record(word uint64) (key, val []byte) {
	at := word & positionMask % r.size * unit
	head := r.data[at : at+recordHead]
	k, v := int(binary.LittleEndian.Uint32(head)), int(binary.LittleEndian.Uint32(head[4:]))
	b := r.data[at+recordHead:]
	return b[:k:k], b[k : k+v : k+v]
}

// find is the word of a key's record, or nil.
func (r *ring) find(key []byte, hash uint64) *uint64 {
	tag := tagOf(hash)
	b := r.bucket(hash)
	for i, word := range b {
		if word>>positionBits == tag && r.there(word) {
			if k, _ := r.record(word); bytes.Equal(k, key) {
				return &b[i]
			}
		}
	}
	return nil
}

func unitsOf(key, val int) uint64 { return uint64(recordHead+key+val+unit-1) / unit }

// set says whether the key is a new one.
func (r *ring) set(key, val []byte, hash uint64) (added bool) {
	w := r.find(key, hash)
	if len(key)+len(val) > maxCached {
		if w != nil {
			*w = 0
		}
		return false
	}
	n := unitsOf(len(key), len(val))
	if w != nil {
		// In its place if it fits, so that what is written again and again does
		// not drive the rest out.
		if k, v := r.record(*w); unitsOf(len(k), len(v)) == n {
			at := *w & positionMask % r.size * unit
			r.put(at, key, val)
			return false
		}
	} else {
		w, added = r.victim(hash), true
	}
	at := r.take(n)
	r.put(at%r.size*unit, key, val)
	atomic.StoreUint64(w, tagOf(hash)<<positionBits|at)
	return added
}

func (r *ring) put(at uint64, key, val []byte) {
	b := r.data[at:]
	binary.LittleEndian.PutUint32(b, uint32(len(key)))
	binary.LittleEndian.PutUint32(b[4:], uint32(len(val)))
	copy(b[recordHead+copy(b[recordHead:], key):], val)
}

// take moves the head past n units in one piece, and returns where they begin.
func (r *ring) take(n uint64) uint64 {
	if left := r.size - r.head%r.size; left < n {
		r.head += left
	}
	if r.head+n > positionMask {
		// Positions begin again, so the old ones mean nothing any more.
		clear(r.words)
		r.head = r.size
	}
	at := r.head
	r.head += n
	return at
}

// victim is the word to use for a new record: a free one, or the oldest.
func (r *ring) victim(hash uint64) *uint64 {
	b := r.bucket(hash)
	oldest := 0
	for i, word := range b {
		if !r.there(word) {
			return &b[i]
		}
		if word&positionMask < b[oldest]&positionMask {
			oldest = i
		}
	}
	return &b[oldest]
}

func (r *ring) del(key []byte, hash uint64) {
	if w := r.find(key, hash); w != nil {
		*w = 0
	}
}

// near loads a key's bucket. Without the lock, which would end what the
// processor does ahead; what is read is not used.
func (r *ring) near(hash uint64) uint64 {
	b := r.bucket(hash)
	return atomic.LoadUint64(&b[0]) + atomic.LoadUint64(&b[ways/2])
}

// far loads the beginning of the record that a key's bucket has for its tag.
// Without the lock, as near. What it reads may be half of something else: it is
// not used either.
func (r *ring) far(hash uint64) (sum uint64) {
	tag := tagOf(hash)
	b := r.bucket(hash)
	for i := range b {
		if word := atomic.LoadUint64(&b[i]); word>>positionBits == tag && word != 0 {
			at := word & positionMask % r.size * unit
			sum += atomic.LoadUint64((*uint64)(unsafe.Pointer(&r.data[at])))
		}
	}
	return sum
}
