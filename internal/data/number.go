package data

import (
	"math"
	"strconv"
)

func cmdIncr(c *call) { c.add(1) }
func cmdDecr(c *call) { c.add(-1) }

func cmdIncrBy(c *call) {
	if n, ok := c.integer(2); ok {
		c.add(n)
	}
}

func cmdDecrBy(c *call) {
	n, ok := c.integer(2)
	if !ok {
		return
	}
	if n == math.MinInt64 {
		c.err("ERR decrement would overflow")
		return
	}
	c.add(-n)
}

// add is all of the INCR family on integers.
func (c *call) add(n int64) {
	e, ok := c.findString(c.args[1])
	if !ok {
		return
	}
	old := int64(0)
	if e.alive {
		if old, ok = parseInt(e.body); !ok {
			c.err(errNotInt)
			return
		}
	}
	sum := old + n
	if (n > 0) != (sum > old) && n != 0 {
		c.err(errOverflow)
		return
	}
	h := c.changed(e)
	c.save(e, h, strconv.AppendInt(c.begin(h), sum, 10))
	c.int(sum)
}

func cmdIncrByFloat(c *call) {
	e, ok := c.findString(c.args[1])
	if !ok {
		return
	}
	body := []byte("0")
	if e.alive {
		body = e.body
	}
	old, ok1 := parseFloat(body)
	n, ok2 := parseFloat(c.args[2])
	if !ok1 || !ok2 {
		c.err(errNotFloat)
		return
	}
	sum, ok := addFloats(old, n)
	if !ok {
		c.err("ERR increment would produce NaN or Infinity")
		return
	}
	h := c.changed(e)
	val := c.begin(h)
	head := len(val)
	val = appendFloat(val, sum)
	if !c.fits(0, int64(len(val)-head)) {
		return
	}
	c.bulk(val[head:])
	c.save(e, h, val)
}
