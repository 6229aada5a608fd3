package workload

import "github.com/parleydb/parley/history"

var register = Workload{
	Name: "register", About: "reads, writes and compare-and-sets of a few keys",
	Model: "cas-register", Levels: []string{"linearizable"},
	keys: 8, search: true,
	next: func(c *Client) history.Op {
		key := c.key()
		switch n := c.rng.IntN(100); {
		case n < 50:
			return history.Op{F: history.Read, Key: key}
		case n < 85:
			return history.Op{F: history.Write, Key: key, In: c.value()}
		}
		return history.Op{F: history.CAS, Key: key, In: history.List(c.seen[key], c.value())}
	},
	done: remember,
}

// remember keeps what a register is known to have held last.
func remember(c *Client, op *history.Op) {
	if op.Outcome != history.OK {
		return
	}
	switch op.F {
	case history.Read:
		c.seen[op.Key] = op.Out
	case history.Write:
		c.seen[op.Key] = op.In
	case history.CAS:
		if op.Out == history.Bool(true) {
			c.seen[op.Key] = op.In.Elems()[1]
		}
	}
}

var counter = Workload{
	Name: "counter", About: "increments and reads of counters; each increment counts once",
	Model: "counter", Levels: []string{"counter"}, IDs: true,
	keys: 4, rotate: 1000,
	next: func(c *Client) history.Op {
		if c.percent(30) {
			return history.Op{F: history.Read, Key: c.key()}
		}
		return history.Op{F: history.Incr, Key: c.key(), In: history.Int(1 + c.rng.Int64N(3))}
	},
}

var session = Workload{
	Name: "session", About: "sessions that write and read registers and move between nodes",
	Model: "register", Levels: []string{"ryw", "mr", "mw", "wfr"}, Moves: true,
	keys: 4,
	next: func(c *Client) history.Op {
		// Often the key of just now: what was written or read there is what a
		// session must not miss.
		key := c.lastKey
		if key == "" || c.percent(30) {
			key = c.key()
		}
		if c.percent(35) {
			return history.Op{F: history.Write, Key: key, In: c.value()}
		}
		return history.Op{F: history.Read, Key: key}
	},
}
