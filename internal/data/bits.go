package data

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// Bit 0 is the most significant bit of a string's first byte.

// bitOffset reads an offset in bits; "#3" is 3 times width, where width is not 0.
// When ok is false the error is the reply.
func (c *call) bitOffset(arg []byte, width int64) (at int64, ok bool) {
	times := int64(1)
	if width != 0 && len(arg) > 0 && arg[0] == '#' {
		arg, times = arg[1:], width
	}
	at, ok = parseInt(arg)
	// Dividing first keeps the product from overflowing.
	if !ok || at < 0 || at/8 >= c.MaxValue || at*times/8 >= c.MaxValue {
		c.err(errBitOffset)
		return 0, false
	}
	return at * times, true
}

func cmdGetBit(c *call) {
	at, ok := c.bitOffset(c.args[2], 0)
	if !ok {
		return
	}
	if e, ok := c.findString(c.args[1]); ok {
		c.bool(at/8 < c.length(e) && bitAt(e.body, at))
	}
}

func bitAt(b []byte, at int64) bool { return b[at/8]&(0x80>>(at%8)) != 0 }

func cmdSetBit(c *call) {
	at, ok := c.bitOffset(c.args[2], 0)
	if !ok {
		return
	}
	bit, ok := parseInt(c.args[3])
	if !ok || bit&^1 != 0 {
		c.err("ERR bit is not an integer or out of range")
		return
	}
	e, ok := c.findString(c.args[1])
	if !ok {
		return
	}
	inside := at/8 < c.length(e)
	old := inside && bitAt(e.body, at)
	if on := bit == 1; !inside || on != old {
		h := c.changed(e)
		val := c.copyOf(e, h)
		head := len(val) - int(c.length(e))
		val = widen(val, head, int(at/8)+1)
		mask := byte(0x80) >> (at % 8)
		val[head+int(at/8)] &^= mask
		if on {
			val[head+int(at/8)] |= mask
		}
		c.save(e, h, val)
	}
	c.bool(old)
}

// unit reads the BYTE or BIT at argument i, where it is given. bits is how many
// bits the unit has.
func (c *call) unit(i int) (bits int64, ok bool) {
	switch {
	case i >= len(c.args) || is(c.args[i], "byte"):
		return 8, true
	case is(c.args[i], "bit"):
		return 1, true
	}
	c.err(errSyntax)
	return 0, false
}

func cmdBitCount(c *call) {
	e, ok := c.findString(c.args[1])
	if !ok {
		return
	}
	if !e.alive {
		c.int(0)
		return
	}
	switch len(c.args) {
	case 2:
		c.int(countBits(e.body, 0, int64(len(e.body))*8))
		return
	case 4, 5:
	default:
		c.err(errSyntax)
		return
	}
	from, ok := c.integer(2)
	if !ok {
		return
	}
	to, ok := c.integer(3)
	if !ok {
		return
	}
	if from < 0 && to < 0 && from > to {
		c.int(0) // before the unit is looked at, as in Redis
		return
	}
	unit, ok := c.unit(4)
	if !ok {
		return
	}
	if from, to, ok = span(from, to, int64(len(e.body))*8/unit); !ok {
		c.int(0)
		return
	}
	c.int(countBits(e.body, from*unit, (to+1)*unit))
}

// countBits counts the ones in bits [from,to).
func countBits(b []byte, from, to int64) int64 {
	n := 0
	for from < to {
		if from%8 == 0 && from+64 <= to {
			n += bits.OnesCount64(binary.NativeEndian.Uint64(b[from/8:]))
			from += 64
			continue
		}
		if bitAt(b, from) {
			n++
		}
		from++
	}
	return int64(n)
}

func cmdBitPos(c *call) {
	want, ok := c.integer(2)
	if !ok {
		return
	}
	if want&^1 != 0 {
		c.err("ERR The bit argument must be 1 or 0.")
		return
	}
	e, ok := c.findString(c.args[1])
	if !ok {
		return
	}
	if !e.alive {
		c.int(-want) // endless zeros: the first zero is at 0, a one is nowhere
		return
	}
	from, to, ok := c.bitRange(int64(len(e.body)))
	if !ok {
		return
	}
	at := findBit(e.body, want == 1, from, to)
	if at < 0 && want == 0 && from < to && len(c.args) < 5 {
		at = to // without an end, zeros follow the string
	}
	c.int(at)
}

// bitRange reads BITPOS' optional start, end and unit, as bits [from,to) of a
// string of n bytes. When ok is false the error is the reply.
func (c *call) bitRange(n int64) (from, to int64, ok bool) {
	if len(c.args) == 3 {
		return 0, n * 8, true
	}
	if len(c.args) > 6 {
		c.err(errSyntax)
		return 0, 0, false
	}
	if from, ok = c.integer(3); !ok {
		return 0, 0, false
	}
	unit, ok := c.unit(5)
	if !ok {
		return 0, 0, false
	}
	n = n * 8 / unit
	to = n - 1
	if len(c.args) > 4 {
		if to, ok = c.integer(4); !ok {
			return 0, 0, false
		}
	}
	from, to = fromEnd(from, n), min(fromEnd(to, n), n-1)
	if from > to {
		return 0, 0, true // and no product that might overflow
	}
	return from * unit, (to + 1) * unit, true
}

// findBit is the first bit in [from,to) that is on, or off; -1 if there is none.
func findBit(b []byte, on bool, from, to int64) int64 {
	skip := uint64(math.MaxUint64)
	if on {
		skip = 0
	}
	for from < to {
		if from%8 == 0 && from+64 <= to && binary.NativeEndian.Uint64(b[from/8:]) == skip {
			from += 64
			continue
		}
		if bitAt(b, from) == on {
			return from
		}
		from++
	}
	return -1
}
