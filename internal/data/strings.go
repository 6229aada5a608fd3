package data

import "github.com/parleydb/parley/internal/resp"

func cmdGet(c *call) {
	if e, ok := c.findString(c.args[1]); ok {
		c.value(e)
	}
}

// value replies with a string, or null when there is none.
func (c *call) value(e entry) {
	if !e.alive {
		c.null()
		return
	}
	c.bulk(e.body)
}

func cmdMGet(c *call) {
	c.out = resp.AppendArray(c.out, len(c.args)-1)
	for _, key := range c.args[1:] {
		if e := c.find(key); e.alive && e.kind == TypeString {
			c.bulk(e.body)
		} else {
			c.null()
		}
		if c.long {
			return
		}
	}
}

func cmdMSet(c *call) {
	if c.checkPairs() {
		c.setPairs()
		c.ok()
	}
}

func cmdMSetNX(c *call) {
	if !c.checkPairs() {
		return
	}
	for i := 1; i < len(c.args); i += 2 {
		if c.find(c.args[i]).alive {
			c.int(0)
			return
		}
	}
	c.setPairs()
	c.int(1)
}

// checkPairs looks at all keys and values before the first is stored, because a
// command that errors may change nothing.
func (c *call) checkPairs() bool {
	if len(c.args)%2 == 0 {
		c.wrongArity(c.cmd.Name)
		return false
	}
	for i := 2; i < len(c.args); i += 2 {
		if !c.fits(0, int64(len(c.args[i]))) {
			return false
		}
	}
	return true
}

func (c *call) setPairs() {
	for i := 1; i < len(c.args); i += 2 {
		c.put(c.find(c.args[i]), c.fresh(0), c.args[i+1])
	}
}

func cmdSetNX(c *call) {
	if !c.fits(0, int64(len(c.args[2]))) {
		return
	}
	e := c.find(c.args[1])
	if !e.alive {
		c.put(e, c.fresh(0), c.args[2])
	}
	c.bool(!e.alive)
}

func cmdGetSet(c *call) {
	e, ok := c.findString(c.args[1])
	if !ok || !c.fits(0, int64(len(c.args[2]))) {
		return
	}
	c.value(e)
	c.put(e, c.fresh(0), c.args[2])
}

func cmdGetDel(c *call) {
	if e, ok := c.findString(c.args[1]); ok {
		c.value(e)
		c.remove(e)
	}
}

func cmdStrLen(c *call) {
	if e, ok := c.findString(c.args[1]); ok {
		c.int(c.length(e))
	}
}

// length is that of the string which the command sees.
func (c *call) length(e entry) int64 {
	if !e.alive {
		return 0
	}
	return int64(len(e.body))
}

func cmdAppend(c *call) {
	e, ok := c.findString(c.args[1])
	more := c.args[2]
	n := c.length(e)
	if !ok || !c.fits(n, int64(len(more))) {
		return
	}
	if e.alive && len(more) == 0 {
		c.int(n)
		return
	}
	h := c.changed(e)
	val := append(c.copyOf(e, h), more...)
	c.save(e, h, val)
	c.int(n + int64(len(more)))
}

// copyOf is a stored value in the scratch buffer that begins with h and has the
// body that the command sees, for it to change and save.
func (c *call) copyOf(e entry, h header) []byte {
	val := c.begin(h)
	if e.alive {
		val = append(val, e.body...)
	}
	return val
}

// widen extends the body in val with zeros to at least n bytes.
func widen(val []byte, headerLen, n int) []byte {
	if missing := headerLen + n - len(val); missing > 0 {
		return append(val, make([]byte, missing)...)
	}
	return val
}

func cmdSetRange(c *call) {
	offset, ok := c.integer(2)
	if !ok {
		return
	}
	if offset < 0 {
		c.err("ERR offset is out of range")
		return
	}
	e, ok := c.findString(c.args[1])
	if !ok {
		return
	}
	patch := c.args[3]
	if len(patch) == 0 {
		c.int(c.length(e))
		return
	}
	if !c.fits(offset, int64(len(patch))) {
		return
	}
	h := c.changed(e)
	val := c.copyOf(e, h)
	head := len(val) - int(c.length(e))
	val = widen(val, head, int(offset)+len(patch))
	copy(val[head+int(offset):], patch)
	c.save(e, h, val)
	c.int(int64(len(val) - head))
}

// cmdGetRange is GETRANGE and its old name SUBSTR.
func cmdGetRange(c *call) {
	from, ok := c.integer(2)
	if !ok {
		return
	}
	to, ok := c.integer(3)
	if !ok {
		return
	}
	e, ok := c.findString(c.args[1])
	if !ok {
		return
	}
	from, to, ok = span(from, to, c.length(e))
	if !ok {
		c.bulk(nil)
		return
	}
	c.bulk(e.body[from : to+1])
}

// span turns a client's range, where negative numbers count from the end, into
// one with 0 <= from <= to < n. When ok is false the range is empty.
func span(from, to, n int64) (lo, hi int64, ok bool) {
	if from < 0 && to < 0 && from > to {
		return 0, 0, false
	}
	from, to = fromEnd(from, n), min(fromEnd(to, n), n-1)
	return from, to, from <= to
}

// fromEnd resolves a negative index, which counts from the end.
func fromEnd(i, n int64) int64 {
	if i < 0 {
		return max(i+n, 0)
	}
	return i
}
