package data

import (
	"math"

	"github.com/parleydb/parley/internal/resp"
)

type overflow uint8

const (
	overflowWrap overflow = iota
	overflowSat
	overflowFail
)

// fieldOp is one operation of BITFIELD on an integer of some bits at an offset.
type fieldOp struct {
	name     byte // 'g'et, 's'et or 'i'ncrby
	signed   bool
	width    int64 // 1 to 64, and to 63 if unsigned
	at       int64
	operand  int64
	overflow overflow
}

// cmdBitField is BITFIELD, and BITFIELD_RO where the command is not for writing.
func cmdBitField(c *call) {
	ops, need, ok := c.parseFieldOps()
	if !ok {
		return
	}
	if need != 0 && c.cmd.Flags&Write == 0 {
		c.err("ERR BITFIELD_RO only supports the GET subcommand")
		return
	}
	e, ok := c.findString(c.args[1])
	if !ok {
		return
	}
	if need == 0 {
		var body []byte
		if e.alive {
			body = e.body
		}
		c.out = resp.AppendArray(c.out, len(ops))
		for _, op := range ops {
			c.runField(body, op)
		}
		return
	}
	if !c.fits(need, 0) {
		return
	}
	h := c.changed(e)
	val := c.copyOf(e, h)
	had := c.length(e)
	head := len(val) - int(had)
	val = widen(val, head, int(need))
	// As in Redis the string grows even when every operation fails.
	dirty := need > had
	c.out = resp.AppendArray(c.out, len(ops))
	for _, op := range ops {
		if c.runField(val[head:], op) {
			dirty = true
		}
	}
	if dirty {
		c.save(e, h, val)
	}
}

// parseFieldOps reads all operations before any runs. need is how many bytes the
// string must have for those that write; 0 if none does.
func (c *call) parseFieldOps() (ops []fieldOp, need int64, ok bool) {
	mode := overflowWrap
	for i := 2; i < len(c.args); {
		left := len(c.args) - i - 1
		op := fieldOp{overflow: mode}
		switch arg := c.args[i]; {
		case is(arg, "get") && left >= 2:
			op.name = 'g'
		case is(arg, "set") && left >= 3:
			op.name = 's'
		case is(arg, "incrby") && left >= 3:
			op.name = 'i'
		case is(arg, "overflow") && left >= 1:
			if mode, ok = c.overflowMode(c.args[i+1]); !ok {
				return nil, 0, false
			}
			i += 2
			continue
		default:
			c.err(errSyntax)
			return nil, 0, false
		}
		if op.signed, op.width, ok = c.fieldType(c.args[i+1]); !ok {
			return nil, 0, false
		}
		if op.at, ok = c.bitOffset(c.args[i+2], op.width); !ok {
			return nil, 0, false
		}
		i += 3
		if op.name != 'g' {
			if op.operand, ok = c.integer(i); !ok {
				return nil, 0, false
			}
			need = max(need, (op.at+op.width+7)/8)
			i++
		}
		ops = append(ops, op)
	}
	return ops, need, true
}

func (c *call) overflowMode(arg []byte) (overflow, bool) {
	switch {
	case is(arg, "wrap"):
		return overflowWrap, true
	case is(arg, "sat"):
		return overflowSat, true
	case is(arg, "fail"):
		return overflowFail, true
	}
	c.err("ERR Invalid OVERFLOW type specified")
	return 0, false
}

func (c *call) fieldType(arg []byte) (signed bool, width int64, ok bool) {
	if len(arg) > 0 {
		width, ok = parseInt(arg[1:])
		signed = arg[0] == 'i'
		if ok && width >= 1 && (signed && width <= 64 || arg[0] == 'u' && width <= 63) {
			return signed, width, true
		}
	}
	c.err("ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.")
	return false, 0, false
}

// runField runs one operation, replies, and says whether it changed b.
func (c *call) runField(b []byte, op fieldOp) (changed bool) {
	old := op.read(b)
	if op.name == 'g' {
		c.int(old)
		return false
	}
	base := old
	if op.name == 's' {
		base = 0
	}
	now, over := op.result(base)
	if over && op.overflow == overflowFail {
		c.null()
		return false
	}
	op.write(b, now)
	// What does not fit a width is cut by write; read it back as the client would.
	now = op.read(b)
	if op.name == 's' {
		c.int(old)
	} else {
		c.int(now)
	}
	return now != old
}

// result is base plus the operand, brought into the field's range as the
// overflow mode says, and whether that was needed. Wrapping is left to write,
// which cuts to the width.
func (op fieldOp) result(base int64) (v int64, over bool) {
	lo, hi := int64(0), int64(1)<<(op.width&63)-1 // unsigned, width up to 63
	if op.signed {
		hi = math.MaxInt64 >> (64 - op.width)
		lo = -hi - 1
	}
	switch {
	case op.operand > 0 && base > hi-op.operand, !op.signed && op.name == 's' && op.operand < 0:
		v, over = hi, true // an unsigned SET takes a negative number for a huge one
	case op.operand < 0 && (base >= 0 && base+op.operand < lo || base < 0 && op.operand < lo-base):
		v, over = lo, true
	default:
		return base + op.operand, false
	}
	if op.overflow == overflowWrap {
		v = base + op.operand
	}
	return v, over
}

// read is the field's value; what lies beyond the string is zeros.
func (op fieldOp) read(b []byte) int64 {
	v := uint64(0)
	for at := op.at; at < op.at+op.width; at++ {
		v <<= 1
		if at/8 < int64(len(b)) && bitAt(b, at) {
			v |= 1
		}
	}
	if op.signed && v>>(op.width-1) == 1 {
		v |= math.MaxUint64 << (op.width - 1)
	}
	return int64(v)
}

// write stores the low bits of v.
func (op fieldOp) write(b []byte, v int64) {
	for i := range op.width {
		at := op.at + op.width - 1 - i
		mask := byte(0x80) >> (at % 8)
		b[at/8] &^= mask
		if uint64(v)>>i&1 == 1 {
			b[at/8] |= mask
		}
	}
}
