package disk

import "github.com/VictoriaMetrics/fastcache"

// valueCache holds clean values by their Pebble keys. It may forget any of
// them at any time.
type valueCache interface {
	// get appends the value to dst.
	get(dst, key []byte) ([]byte, bool)
	// set must not leave an older value when it cannot keep the new one.
	set(key, val []byte)
	del(key []byte)
	close()
}

func newValueCache(o *Options) valueCache {
	if o.Inline {
		return &mapCache{max: o.CacheBytes / 2, m: map[string][]byte{}}
	}
	return sharedCache{fastcache.New(int(o.CacheBytes - o.CacheBytes/4))}
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

// sharedCache is used by the loop and the background goroutine.
type sharedCache struct{ c *fastcache.Cache }

// maxCached is below fastcache's bound, where it ignores a value but keeps the
// older one.
const maxCached = 32 << 10

func (s sharedCache) get(dst, key []byte) ([]byte, bool) { return s.c.HasGet(dst, key) }

func (s sharedCache) set(key, val []byte) {
	if len(key)+len(val) > maxCached {
		s.c.Del(key)
		return
	}
	s.c.Set(key, val)
}

func (s sharedCache) del(key []byte) { s.c.Del(key) }
func (s sharedCache) close()         { s.c.Reset() }

// mapCache is the simulator's: small, and a function of the calls only. When
// it is full it forgets all.
type mapCache struct {
	m         map[string][]byte
	size, max int64
}

func (c *mapCache) get(dst, key []byte) ([]byte, bool) {
	v, ok := c.m[string(key)]
	return append(dst, v...), ok
}

func (c *mapCache) set(key, val []byte) {
	if c.size += int64(len(key) + len(val)); c.size > c.max {
		clear(c.m)
		c.size = 0
	}
	c.m[string(key)] = append([]byte(nil), val...)
}

func (c *mapCache) del(key []byte) { delete(c.m, string(key)) }
func (c *mapCache) close()         { clear(c.m) }
