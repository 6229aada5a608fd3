package data

import (
	"math"

	"github.com/parleydb/parley/internal/resp"
)

// cmdDel is DEL and UNLINK.
func cmdDel(c *call) {
	n := int64(0)
	for _, key := range c.args[1:] {
		e := c.find(key)
		if e.alive {
			n++
		}
		c.remove(e)
	}
	c.int(n)
}

// cmdExists is EXISTS, and TOUCH, since no time of access is kept.
func cmdExists(c *call) {
	n := int64(0)
	for _, key := range c.args[1:] {
		if c.find(key).alive {
			n++
		}
	}
	c.int(n)
}

func cmdType(c *call) {
	name := "none"
	if e := c.find(c.args[1]); e.alive {
		name = e.kind.String()
	}
	c.out = resp.AppendSimple(c.out, name)
}

func cmdRename(c *call) {
	if c.rename(true) {
		c.ok()
	}
}

func cmdRenameNX(c *call) {
	same := string(c.args[1]) == string(c.args[2])
	done := len(c.out)
	if c.rename(false) {
		c.bool(!same)
	} else if len(c.out) == done {
		c.int(0)
	}
}

// rename moves args[1] to args[2] with its deadline. When it returns false it
// did not: there is no such key, which is the reply, or the new name is taken.
func (c *call) rename(replace bool) bool {
	from := c.find(c.args[1])
	if !from.alive {
		c.err(errNoSuchKey)
		return false
	}
	if string(c.args[1]) == string(c.args[2]) {
		return true
	}
	h := c.withDeadline(from, from.deadline)
	to := c.find(c.args[2])
	if to.alive && !replace {
		return false
	}
	c.put(to, h, from.body)
	c.remove(c.find(c.args[1]))
	return true
}

func cmdCopy(c *call) {
	replace := false
	for i := 3; i < len(c.args); i++ {
		switch {
		case is(c.args[i], "replace"):
			replace = true
		case is(c.args[i], "db") && i+1 < len(c.args):
			i++
			if !c.isThisDB(c.args[i]) {
				return
			}
		default:
			c.err(errSyntax)
			return
		}
	}
	if string(c.args[1]) == string(c.args[2]) {
		c.err(errSameObject)
		return
	}
	from := c.find(c.args[1])
	if !from.alive {
		c.int(0)
		return
	}
	h := c.withDeadline(from, from.deadline)
	to := c.find(c.args[2])
	if to.alive && !replace {
		c.int(0)
		return
	}
	c.put(to, h, from.body)
	c.int(1)
}

// isThisDB refuses a copy into another keyspace, which is other groups' data.
func (c *call) isThisDB(arg []byte) bool {
	n, ok := parseInt(arg)
	switch {
	case !ok:
		c.err(errNotInt)
		return false
	case n < math.MinInt32 || n > math.MaxInt32:
		c.err("ERR value is out of range, value must between -2147483648 and 2147483647")
		return false
	case n != int64(c.env.DB):
		c.err("ERR COPY to another keyspace is not supported: read the value and write it there")
		return false
	}
	return true
}

func cmdDBSize(c *call) { c.int(c.liveKeys()) }

func cmdFlushDB(c *call) {
	if len(c.args) > 2 || len(c.args) == 2 && !is(c.args[1], "async") && !is(c.args[1], "sync") {
		c.err(errSyntax)
		return
	}
	c.flush()
	c.ok()
}
