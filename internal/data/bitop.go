package data

import "encoding/binary"

// bitwise is one of BITOP's operations, on the bits of one byte or of many.
type bitwise func(a, b uint64) uint64

func cmdBitOp(c *call) {
	var op bitwise
	switch name := c.args[1]; {
	case is(name, "and"):
		op = func(a, b uint64) uint64 { return a & b }
	case is(name, "or"):
		op = func(a, b uint64) uint64 { return a | b }
	case is(name, "xor"):
		op = func(a, b uint64) uint64 { return a ^ b }
	case is(name, "not"):
		if len(c.args) != 4 {
			c.err("ERR BITOP NOT must be called with a single source key.")
			return
		}
	default:
		c.err(errSyntax)
		return
	}
	sources, longest := make([][]byte, 0, len(c.args)-3), 0
	for _, key := range c.args[3:] {
		e, ok := c.findString(key)
		if !ok {
			return
		}
		var body []byte
		if e.alive {
			body = e.body
		}
		sources = append(sources, body)
		longest = max(longest, len(body))
	}
	h := c.fresh(0)
	val := c.begin(h)
	head := len(val)
	val = widen(append(val, sources[0]...), head, longest)
	combine(val[head:], sources[1:], op)
	dest := c.find(c.args[2])
	if longest == 0 {
		c.remove(dest)
	} else {
		c.save(dest, h, val)
	}
	c.int(int64(longest))
}

// combine folds the others into acc, which is the longest of all; what they lack
// counts as zeros. A nil op inverts acc.
func combine(acc []byte, others [][]byte, op bitwise) {
	if op == nil {
		for i := range acc {
			acc[i] = ^acc[i]
		}
	}
	for _, src := range others {
		i := 0
		for ; i+8 <= len(src); i += 8 {
			word := op(binary.NativeEndian.Uint64(acc[i:]), binary.NativeEndian.Uint64(src[i:]))
			binary.NativeEndian.PutUint64(acc[i:], word)
		}
		for ; i < len(src); i++ {
			acc[i] = byte(op(uint64(acc[i]), uint64(src[i])))
		}
		if op(1, 0) == 0 { // AND; the others leave the rest as it is
			clear(acc[i:])
		}
	}
}
