package loop

import (
	"cmp"
	"errors"
	"slices"
)

// ErrMemory closes a connection because those that CountMemory need more than
// Config.Memory together, and this one had the most.
var ErrMemory = errors.New("the memory of all connections is used up, and this one used the most")

// Evicter is a Receiver that has something to say when its connection is
// closed with ErrMemory. Evicted is called before that, when the memory of the
// connection is free already. It may Write, and owes a Close or
// CloseAfterFlush.
type Evicter interface {
	Evicted(c *Conn)
}

// CountMemory makes the connection share Config.Memory with others that are
// counted, and be one of those to close when it is used up.
func (c *Conn) CountMemory() {
	if !c.counted {
		c.counted = true
		c.loop.memory += c.memory
	}
}

// Charge says how many bytes the owner keeps in memory for the connection,
// besides the connection's own buffers.
func (c *Conn) Charge(n int) {
	if c.state < dead {
		c.charged = n
		c.recount()
	}
}

// recount notes what the connection holds, after that has changed.
func (c *Conn) recount() {
	// A block of output is counted as what is in it: all but the last are full.
	n := cap(c.kept) + cap(c.out) + c.behind + c.charged
	if c.counted {
		c.loop.memory += n - c.memory
	}
	c.memory = n
}

// Memory is what the connections that are counted hold now, in bytes.
func (l *Loop) Memory() int { return l.memory }

// relieve closes connections, those that hold most first, until an eighth of
// the memory is free: not one by one, since each look goes over all.
func (l *Loop) relieve() {
	if l.memory <= l.cfg.Memory || l.cfg.Memory == 0 {
		return
	}
	var large []*Conn
	for _, c := range l.conns {
		if c.counted && c.memory > 0 && c.state < dead {
			large = append(large, c)
		}
	}
	slices.SortFunc(large, func(a, b *Conn) int { return cmp.Compare(b.memory, a.memory) })
	for _, c := range large {
		if l.memory <= l.cfg.Memory-l.cfg.Memory/8 {
			return
		}
		c.evict()
	}
}

func (c *Conn) evict() {
	c.loop.stats.Evicted++
	unread := c.Buffered() > 0
	c.dropKept()
	c.dropOutput()
	c.Charge(0)
	if e, ok := c.receiver.(Evicter); ok && c.state == open && !unread {
		e.Evicted(c)
		return
	}
	c.fail(ErrMemory)
}
