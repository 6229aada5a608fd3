package data

import "math"

// term is how an option gives a key's deadline.
type term uint8

const (
	termNone term = iota
	termEX        // seconds from now
	termPX        // milliseconds from now
	termEXAT      // Unix seconds
	termPXAT      // Unix milliseconds
)

// setOptions are the options of SET and GETEX.
type setOptions struct {
	nx, xx, get, keepTTL, persist bool
	term                          term
	amount                        []byte
}

func cmdSet(c *call) {
	o, ok := c.parseSet(3)
	if !ok {
		return
	}
	c.set(o, c.args[2])
}

func cmdSetEX(c *call)  { c.set(setOptions{term: termEX, amount: c.args[2]}, c.args[3]) }
func cmdPSetEX(c *call) { c.set(setOptions{term: termPX, amount: c.args[2]}, c.args[3]) }

func (c *call) set(o setOptions, val []byte) {
	deadline, ok := c.deadline(o)
	if !ok || !c.fits(0, int64(len(val))) {
		return
	}
	e := c.find(c.args[1])
	if o.get {
		if e.alive && e.kind != TypeString {
			c.err(errWrongType)
			return
		}
		c.value(e)
	}
	if o.nx && e.alive || o.xx && !e.alive {
		if !o.get {
			c.null()
		}
		return
	}
	if o.keepTTL && e.alive {
		deadline = e.deadline
	}
	c.put(e, c.fresh(deadline), val)
	if !o.get {
		c.ok()
	}
}

func cmdGetEX(c *call) {
	o, ok := c.parseSet(2)
	if !ok {
		return
	}
	e, ok := c.findString(c.args[1])
	if !ok {
		return
	}
	if !e.alive {
		c.null()
		return
	}
	deadline, ok := c.deadline(o)
	if !ok {
		return
	}
	c.bulk(e.body)
	if o.term != termNone || o.persist && e.deadline != 0 {
		c.put(e, c.withDeadline(e, deadline), e.body)
	}
}

// withDeadline is e's header after a change of its deadline alone.
func (c *call) withDeadline(e entry, deadline int64) header {
	h := e.header
	h.version, h.deadline = c.env.Version, deadline
	return h
}

// parseSet reads the options from argument i on: those of SET where a value
// comes before them, and else those of GETEX. When ok is false the error is the
// reply.
func (c *call) parseSet(i int) (o setOptions, ok bool) {
	isSet := i == 3
	for ; i < len(c.args); i++ {
		arg := c.args[i]
		t := termOf(arg)
		switch {
		case isSet && is(arg, "nx") && !o.xx:
			o.nx = true
		case isSet && is(arg, "xx") && !o.nx:
			o.xx = true
		case isSet && is(arg, "get"):
			o.get = true
		case isSet && is(arg, "keepttl") && o.term == termNone:
			o.keepTTL = true
		case !isSet && is(arg, "persist") && o.term == termNone:
			o.persist = true
		case t != termNone && (o.term == termNone || o.term == t) && !o.keepTTL && !o.persist && i+1 < len(c.args):
			i++
			o.term, o.amount = t, c.args[i]
		default:
			c.err(errSyntax)
			return o, false
		}
	}
	return o, true
}

func termOf(arg []byte) term {
	switch {
	case is(arg, "ex"):
		return termEX
	case is(arg, "px"):
		return termPX
	case is(arg, "exat"):
		return termEXAT
	case is(arg, "pxat"):
		return termPXAT
	}
	return termNone
}

// deadline is what the options ask for in Unix ms, 0 for none. When ok is false
// the error is the reply.
func (c *call) deadline(o setOptions) (ms int64, ok bool) {
	if o.term == termNone {
		return 0, true
	}
	ms, ok = parseInt(o.amount)
	if !ok {
		c.err(errNotInt)
		return 0, false
	}
	if o.term == termEX || o.term == termEXAT {
		if ms > math.MaxInt64/1000 {
			return 0, c.badExpireTime()
		}
		ms *= 1000
	}
	if ms <= 0 {
		return 0, c.badExpireTime()
	}
	if o.term == termEX || o.term == termPX {
		if ms > math.MaxInt64-c.now {
			return 0, c.badExpireTime()
		}
		ms += c.now
	}
	return ms, true
}

// badExpireTime replies with the error and returns false.
func (c *call) badExpireTime() bool {
	c.err("ERR invalid expire time in '" + c.cmd.Name + "' command")
	return false
}
