package data

import (
	"strconv"

	"github.com/parleydb/parley/internal/resp"
)

// scanDefault is how many keys SCAN visits when COUNT does not say.
const scanDefault = 10

// scanOptions are those of SCAN.
type scanOptions struct {
	count    int64
	match    []byte
	kind     []byte
	anything bool // no MATCH
}

// cmdScan visits keys in the order of slot and hash. The cursor is the place to
// go on at, so whatever stays in the store during a whole scan is returned
// exactly once, and no state is kept between the calls.
func cmdScan(c *call) {
	cursor, ok := parseUint(c.args[1])
	if !ok {
		c.err(errCursor)
		return
	}
	o, ok := c.parseScan()
	if !ok {
		return
	}
	next, visited, found := uint64(0), int64(0), 0
	list := c.aux[:0]
	c.eachKey(cursor, func(key []byte, at uint64, h header) bool {
		// Keys of one place share a cursor, so they all go into one reply.
		if visited >= o.count && at != cursor {
			next = at
			return false
		}
		visited++
		cursor = at
		if o.kind != nil && !is(o.kind, h.kind.String()) || !o.anything && !match(o.match, key) {
			return true
		}
		c.note(h.deadline)
		found++
		list = resp.AppendBulk(list, key)
		return c.room(len(list))
	})
	c.aux = list
	c.out = resp.AppendArray(c.out, 2)
	var buf [20]byte
	c.bulk(strconv.AppendUint(buf[:0], next, 10))
	c.out = resp.AppendArray(c.out, found)
	c.out = append(c.out, list...)
}

func (c *call) parseScan() (o scanOptions, ok bool) {
	o = scanOptions{count: scanDefault, anything: true}
	for i := 2; i < len(c.args); i += 2 {
		more := i+1 < len(c.args)
		switch arg := c.args[i]; {
		case is(arg, "count") && more:
			if o.count, ok = c.integer(i + 1); !ok {
				return o, false
			}
			if o.count < 1 {
				c.err(errSyntax)
				return o, false
			}
		case is(arg, "match") && more:
			o.match = c.args[i+1]
			o.anything = string(o.match) == "*"
		case is(arg, "type") && more:
			o.kind = c.args[i+1]
		default:
			c.err(errSyntax)
			return o, false
		}
	}
	return o, true
}

// eachKey visits the keys that have not expired, from a cursor on, until fn
// returns false.
func (c *call) eachKey(cursor uint64, fn func(key []byte, cursor uint64, h header) bool) {
	c.pos = appendPlace(c.pos[:0], cursor)
	c.m.Scan(c.pos, []byte{tableKey + 1}, func(pos, val []byte) bool {
		h, _ := mustDecode(pos, val)
		if h.expired(c.now) {
			return true
		}
		key, at := keyOf(pos)
		return fn(key, at, h)
	})
}

func cmdKeys(c *call) {
	pattern := c.args[1]
	anything := string(pattern) == "*"
	list, found := c.aux[:0], 0
	c.eachKey(0, func(key []byte, _ uint64, h header) bool {
		if anything || match(pattern, key) {
			c.note(h.deadline)
			found++
			list = resp.AppendBulk(list, key)
		}
		return c.room(len(list))
	})
	c.aux = list
	c.out = resp.AppendArray(c.out, found)
	c.out = append(c.out, list...)
}

// cmdRandomKey draws a slot and then a place in it, because keys with one hash
// tag share a slot. Keys after wide gaps are drawn more often than others.
func cmdRandomKey(c *call) {
	first := mix(c.env.Seed)
	_, at, ok := c.firstKey(first % (Slots << hashBits))
	if !ok {
		if _, at, ok = c.firstKey(0); !ok {
			c.null()
			return
		}
	}
	slot := at >> hashBits << hashBits
	// Mixed anew, since the first draw led to this slot.
	inSlot := mix(first) >> (64 - hashBits)
	key, at, ok := c.firstKey(slot | inSlot)
	if !ok || at>>hashBits != slot>>hashBits {
		key, _, _ = c.firstKey(slot)
	}
	c.bulk(key)
}

// firstKey is the first key at a cursor or after it.
func (c *call) firstKey(cursor uint64) (key []byte, at uint64, ok bool) {
	c.eachKey(cursor, func(k []byte, place uint64, h header) bool {
		c.note(h.deadline)
		c.aux = append(c.aux[:0], k...)
		key, at, ok = c.aux, place, true
		return false
	})
	return key, at, ok
}

// mix is the finalizer of Steele, Lea and Flood, "Fast Splittable Pseudorandom
// Number Generators" (OOPSLA 2014), section 7.
func mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
