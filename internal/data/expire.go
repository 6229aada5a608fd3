package data

import "math"

func cmdExpire(c *call)    { c.expire(1000, true) }
func cmdPExpire(c *call)   { c.expire(1, true) }
func cmdExpireAt(c *call)  { c.expire(1000, false) }
func cmdPExpireAt(c *call) { c.expire(1, false) }

// expireOptions are the conditions of EXPIRE.
type expireOptions struct{ nx, xx, gt, lt bool }

// expire is all of the EXPIRE family. unit is that of the argument in ms, which
// counts from now if relative and else from the Unix epoch.
func (c *call) expire(unit int64, relative bool) {
	o, ok := c.parseExpire()
	if !ok {
		return
	}
	when, ok := c.integer(2)
	if !ok {
		return
	}
	if when > math.MaxInt64/unit || when < math.MinInt64/unit {
		c.badExpireTime()
		return
	}
	when *= unit
	if relative {
		if when > math.MaxInt64-c.now {
			c.badExpireTime()
			return
		}
		when += c.now
	}
	e := c.find(c.args[1])
	if !e.alive || !o.allow(e.deadline, when) {
		c.int(0)
		return
	}
	if when <= c.now {
		c.remove(e)
	} else {
		c.put(e, c.withDeadline(e, when), e.body)
	}
	c.int(1)
}

// allow compares with the present deadline, where none counts as endless.
func (o expireOptions) allow(present, when int64) bool {
	switch {
	case o.nx && present != 0, o.xx && present == 0:
		return false
	case o.gt && (present == 0 || when <= present):
		return false
	case o.lt && present != 0 && when >= present:
		return false
	}
	return true
}

func (c *call) parseExpire() (o expireOptions, ok bool) {
	for _, arg := range c.args[3:] {
		switch {
		case is(arg, "nx"):
			o.nx = true
		case is(arg, "xx"):
			o.xx = true
		case is(arg, "gt"):
			o.gt = true
		case is(arg, "lt"):
			o.lt = true
		default:
			c.err("ERR Unsupported option " + clip(arg))
			return o, false
		}
	}
	switch {
	case o.nx && (o.xx || o.gt || o.lt):
		c.err("ERR NX and XX, GT or LT options at the same time are not compatible")
		return o, false
	case o.gt && o.lt:
		c.err("ERR GT and LT options at the same time are not compatible")
		return o, false
	}
	return o, true
}

func cmdPersist(c *call) {
	e := c.find(c.args[1])
	had := e.alive && e.deadline != 0
	if had {
		c.put(e, c.withDeadline(e, 0), e.body)
	}
	c.bool(had)
}

func cmdTTL(c *call)  { c.remaining(1000) }
func cmdPTTL(c *call) { c.remaining(1) }

// remaining replies with the time to live. The serving node's clock may be
// behind the stamp, but never shows more than the stamp would.
func (c *call) remaining(unit int64) {
	now := max(c.env.Wall, c.now)
	c.time(func(deadline int64) int64 { return max(deadline-now, 0) }, unit)
}

func cmdExpireTime(c *call)  { c.time(func(deadline int64) int64 { return deadline }, 1000) }
func cmdPExpireTime(c *call) { c.time(func(deadline int64) int64 { return deadline }, 1) }

// time replies with what show makes of a key's deadline, in units of some ms,
// rounded: -2 without a key and -1 without a deadline.
func (c *call) time(show func(deadline int64) int64, unit int64) {
	switch e := c.find(c.args[1]); {
	case !e.alive:
		c.int(-2)
	case e.deadline == 0:
		c.int(-1)
	default:
		ms := show(e.deadline)
		c.int(ms/unit + ms%unit*2/unit) // half a unit counts as one
	}
}
