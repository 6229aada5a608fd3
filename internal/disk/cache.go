package disk

import (
	"bytes"
	"sync/atomic"
)

// valueCache holds clean values by their Pebble keys. It may forget any of
// them at any time. hash is hashOf the key.
type valueCache interface {
	// get appends the value to dst.
	get(dst, key []byte, hash uint64) ([]byte, bool)
	// set must not leave an older value when it cannot keep the new one.
	set(key, val []byte, hash uint64)
	del(key []byte, hash uint64)
	// near loads what get will look at first, and far, after it, what get will
	// look at next: see State.Prefetch.
	near(hash uint64) uint64
	far(hash uint64) uint64
	// added is how many keys it took in, those that it forgot included.
	added() int64
	close()
}

func newValueCache(o *Options) (valueCache, error) {
	if o.Inline {
		return &mapCache{max: o.CacheBytes / 2, m: map[string][]byte{}}, nil
	}
	return newRingCache(o.CacheBytes - o.CacheBytes/4)
}

// blockBytes is the part of CacheBytes that holds Pebble's blocks.
func (o *Options) blockBytes() int64 { return max(o.CacheBytes/4, 1<<20) }

// memTableBytes is Pebble's memtable. What it is given is large batches, which
// it takes as they are.
const memTableBytes = 16 << 20

// reservedBytes is what Pebble takes off its block cache for memtables and for
// batches that are not flushed: it is added to the cache, so that it takes
// nothing from the blocks.
func (o *Options) reservedBytes() int64 {
	const generations = 2 // one being flushed, and one in a burst
	return 2*memTableBytes + generations*o.GenerationBytes
}

// maxCached bounds a key and value together.
const maxCached = 32 << 10

// ringCache is used by the loop and the background goroutine. It is made for
// more keys than the processor's caches hold: a get misses them twice, once for
// the key's bucket and once for its record, and Prefetch takes both misses of
// many keys at the same time. It lives outside the heap, in large pages where
// the system has them.
type ringCache struct {
	rings  []ring
	memory []byte
	count  atomic.Int64
}

// ringShare is the memory of a ring from which the cache has several, each with
// its lock.
const (
	ringShare = 4 << 20
	mostRings = 16
)

func newRingCache(size int64) (*ringCache, error) {
	n := min(max(size/ringShare, 1), mostRings)
	buckets, data := ringSizes(max(size/n, 4*maxCached))
	memory, err := reserveMemory(int(n) * (buckets*bucketBytes + data))
	if err != nil {
		return nil, err
	}
	c := &ringCache{rings: make([]ring, n), memory: memory}
	for i := range c.rings {
		memory = c.rings[i].init(memory, buckets, data)
	}
	return c, nil
}

func (c *ringCache) ring(hash uint64) *ring { return &c.rings[hash%uint64(len(c.rings))] }

func (c *ringCache) get(dst, key []byte, hash uint64) ([]byte, bool) {
	r := c.ring(hash)
	r.mu.Lock()
	defer r.mu.Unlock()
	if w := r.find(key, hash); w != nil {
		_, val := r.record(*w)
		return append(dst, val...), true
	}
	return dst, false
}

func (c *ringCache) set(key, val []byte, hash uint64) {
	r := c.ring(hash)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.set(key, val, hash) {
		c.count.Add(1)
	}
}

func (c *ringCache) del(key []byte, hash uint64) {
	r := c.ring(hash)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.del(key, hash)
}

func (c *ringCache) near(hash uint64) uint64 { return c.ring(hash).near(hash) }
func (c *ringCache) far(hash uint64) uint64  { return c.ring(hash).far(hash) }

func (c *ringCache) added() int64 { return c.count.Load() }

// close gives the memory back: no call may follow.
func (c *ringCache) close() { releaseMemory(c.memory) }

// mapCache is the simulator's: small, and a function of the calls only. When
// it is full it forgets all.
type mapCache struct {
	m         map[string][]byte
	size, max int64
}

func (c *mapCache) get(dst, key []byte, _ uint64) ([]byte, bool) {
	v, ok := c.m[string(key)]
	return append(dst, v...), ok
}

func (c *mapCache) set(key, val []byte, _ uint64) {
	if c.size += int64(len(key) + len(val)); c.size > c.max {
		clear(c.m)
		c.size = 0
	}
	c.m[string(key)] = bytes.Clone(val)
}

func (c *mapCache) del(key []byte, _ uint64) { delete(c.m, string(key)) }
func (c *mapCache) near(uint64) uint64       { return 0 }
func (c *mapCache) far(uint64) uint64        { return 0 }
func (c *mapCache) added() int64             { return 0 }
func (c *mapCache) close()                   { clear(c.m) }
