package workload

import (
	"slices"

	"github.com/parleydb/parley/history"
)

var set = Workload{
	Name: "set", About: "elements added to sets, and whole sets read",
	Model: "set", Levels: []string{"set-full", "exactly-once"},
	keys: 4, rotate: 200,
	next: func(c *Client) history.Op {
		if c.percent(20) {
			return history.Op{F: history.Read, Key: c.key()}
		}
		return history.Op{F: history.Add, Key: c.key(), In: c.value()}
	},
}

var cart = Workload{
	Name: "cart", About: "several clients put items into shared carts and take some out; what was put in must be there",
	Model: "set", Levels: []string{"exactly-once", "linearizable"}, IDs: true,
	keys: 4, rotate: 60, search: true,
	next: func(c *Client) history.Op {
		key := c.key()
		items := c.items[key]
		switch n := c.rng.IntN(100); {
		case n < 25:
			return history.Op{F: history.Read, Key: key}
		case n < 50 && len(items) > 0:
			i := c.rng.IntN(len(items))
			item := items[i]
			c.items[key] = slices.Delete(items, i, i+1)
			return history.Op{F: history.Remove, Key: key, In: item}
		}
		return history.Op{F: history.Add, Key: key, In: c.value()}
	},
	done: func(c *Client, op *history.Op) {
		// Only what this client put in itself, so that an item is put in and taken
		// out once, in this order.
		if op.F == history.Add && op.Outcome == history.OK {
			c.items[op.Key] = append(c.items[op.Key], op.In)
		}
	},
}

var appends = Workload{
	Name: "append", About: "transactions that append to lists and read them",
	Model: "append", Levels: []string{"strict-serializable"},
	keys: 4, rotate: 60,
	next: func(c *Client) history.Op {
		op := history.Op{F: history.Txn}
		for range 1 + c.rng.IntN(4) {
			if c.percent(50) {
				op.Txn = append(op.Txn, history.Step{F: history.Read, Key: c.key()})
			} else {
				op.Txn = append(op.Txn, history.Step{F: history.Append, Key: c.key(), In: c.value()})
			}
		}
		return op
	},
}

var queue = Workload{
	Name: "queue", About: "elements put into queues and taken out; none is lost, none comes twice",
	Model: "queue", Levels: []string{"exactly-once"}, IDs: true, Drain: true,
	keys: 6,
	next: func(c *Client) history.Op {
		if c.percent(55) {
			return history.Op{F: history.Dequeue, Key: c.key()}
		}
		return history.Op{F: history.Enqueue, Key: c.key(), In: c.value()}
	},
}

// The bank: few accounts, so that transfers meet.
var accounts = []string{"account0", "account1", "account2", "account3", "account4", "account5"}

const balance = 100

func readBank(tag string) history.Op {
	names := make([]history.Value, len(accounts))
	for i, a := range accounts {
		names[i] = history.String(a + tag)
	}
	return history.Op{F: history.Read, In: history.List(names...)}
}

var bank = Workload{
	Name: "bank", About: "transfers between accounts; the total never changes",
	Model: "bank", Levels: []string{"bank"},
	setup: func(tag string) (ops []history.Op, initials map[string]history.Value) {
		initials = make(map[string]history.Value)
		for _, a := range accounts {
			initials[a+tag] = history.Int(balance)
			ops = append(ops, history.Op{F: history.Write, Key: a + tag, In: history.Int(balance)})
		}
		return ops, initials
	},
	next: func(c *Client) history.Op {
		if c.percent(40) {
			return readBank(c.w.tag)
		}
		from := c.rng.IntN(len(accounts))
		to := (from + 1 + c.rng.IntN(len(accounts)-1)) % len(accounts)
		return history.Op{F: history.Transfer, In: history.List(
			history.String(accounts[from]+c.w.tag), history.String(accounts[to]+c.w.tag), history.Int(1+c.rng.Int64N(20)))}
	},
}
