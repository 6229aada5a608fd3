package check

import (
	"github.com/parleydb/parley/history"
)

// chains is a history with the order of the versions of each key known: the
// writers of a key in the order of what they left, and who read which.
type chains struct {
	g     graph
	live  []int32 // the operations that took place, by call
	res   Result
	why   string
	index map[keyName]int32
}

func newChains(h *history.History, level string) *chains {
	c := &chains{res: holds(level, len(h.Ops)), index: make(map[keyName]int32)}
	c.g = graph{h: h, n: int32(len(h.Ops)), size: int32(len(h.Ops))}
	return c
}

func (c *chains) key(space, key string) int32 {
	k := keyName{space, key}
	n, ok := c.index[k]
	if !ok {
		n = int32(len(c.g.keys))
		c.index[k] = n
		c.g.keys = append(c.g.keys, key)
	}
	return n
}

// chain adds the dependencies of one key. writers are in version order; reads
// say after how many of these they read; tail are writers that come after all
// of these, in an order that is not known.
func (c *chains) chain(key int32, writers []int32, reads []readAt, tail []int32) {
	for i := 1; i < len(writers); i++ {
		c.g.add(writers[i-1], writers[i], depWW, key)
	}
	if len(writers) > 0 {
		for _, t := range tail {
			c.g.add(writers[len(writers)-1], t, depWW, key)
		}
	}
	for _, r := range reads {
		if r.after > 0 {
			c.g.add(writers[r.after-1], r.reader, depWR, key)
		}
		if r.after < len(writers) { // if that is its own write, what comes after that follows by it
			c.g.add(r.reader, writers[r.after], depRW, key)
			continue
		}
		for _, t := range tail {
			c.g.add(r.reader, t, depRW, key)
		}
	}
}

type readAt struct {
	reader int32
	after  int
}
