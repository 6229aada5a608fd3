package workload

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/parleydb/parley/history"
)

// Workload is what clients do and how it is judged.
type Workload struct {
	Name   string
	About  string
	Model  string   // what the keys hold, as history.Header has it
	Levels []string // what it is judged by, in the names of package check
	IDs    bool     // writes carry an identity: each is to happen once
	Moves  bool     // sessions move between nodes
	Drain  bool     // the end takes everything out, instead of reading it

	keys   int  // at a time, see keysFor
	search bool // judged by a search, which many operations at once on one key make slow
	rotate int  // operations on a key before it is left behind; 0: never
	tag    string
	setup  func(tag string) ([]history.Op, map[string]history.Value)
	next   func(*Client) history.Op
	done   func(*Client, *history.Op)
}

var all = []Workload{register, set, appends, counter, bank, queue, session, cart}

// All are the workloads there are.
func All() []Workload { return all }

// Names are their names.
func Names() (names []string) {
	for _, w := range all {
		names = append(names, w.Name)
	}
	return names
}

// Named is the workload of that name.
func Named(name string) (Workload, error) {
	for _, w := range all {
		if w.Name == name {
			return w, nil
		}
	}
	return Workload{}, fmt.Errorf("unknown workload %q; there are %s", name, strings.Join(Names(), ", "))
}

// Tagged is the workload on keys of its own, whose names end with the tag: a
// database that runs already may hold those of other runs.
func (w Workload) Tagged(tag string) Workload {
	w.tag = tag
	return w
}

// Setup are the operations that must succeed before clients start, and what the
// keys hold after them. They are not a part of the history.
func (w *Workload) Setup() ([]history.Op, map[string]history.Value) {
	if w.setup == nil {
		return nil, nil
	}
	return w.setup(w.tag)
}

// Client draws the operations of one client. It belongs to one goroutine.
type Client struct {
	w          *Workload
	rng        *rand.Rand
	number, of int
	ops        int // drawn so far
	values     int64
	generation int
	seen       map[string]history.Value // by key: what this client saw or knows to be there
	items      map[string][]history.Value
	lastKey    string
}

// keysFor is how many keys so many clients use at a time. Where a search judges, two
// clients share a key at the most on average, however many there are.
func (w *Workload) keysFor(clients int) int {
	if w.search {
		return max(w.keys, clients/2)
	}
	return w.keys
}

// Client is the client of a number, of so many, whose operations come from seed.
func (w *Workload) Client(seed uint64, number, of int) *Client {
	c := &Client{w: w, rng: rand.New(rand.NewPCG(seed, uint64(number)+1)), number: number, of: of}
	c.clear()
	return c
}

func (c *Client) clear() {
	c.seen, c.items = make(map[string]history.Value), make(map[string][]history.Value)
}

// Next is the client's next operation: its F, Key, In and Txn are set.
func (c *Client) Next() history.Op {
	if r := c.w.rotate; r > 0 {
		perClient := max(1, r*c.w.keysFor(c.of)/c.of)
		if g := c.ops / perClient; g != c.generation {
			c.generation = g
			c.clear()
		}
	}
	c.ops++
	return c.w.next(c)
}

// Done tells the client what came of its operation.
func (c *Client) Done(op *history.Op) {
	if c.w.done != nil {
		c.w.done(c, op)
	}
}

// Move says whether the client should go on at another node before its next
// operation.
func (c *Client) Move() bool { return c.w.Moves && c.rng.IntN(3) == 0 }

// Keys are all keys that the client may have used.
func (c *Client) Keys() (keys []string) {
	if c.w.keys == 0 {
		return []string{""}
	}
	for i := range (c.generation + 1) * c.w.keysFor(c.of) {
		keys = append(keys, c.name(i))
	}
	return keys
}

func (c *Client) name(i int) string { return c.w.Name + strconv.Itoa(i) + c.w.tag }

// key draws one of the keys in use.
func (c *Client) key() string {
	keys := c.w.keysFor(c.of)
	c.lastKey = c.name(c.generation*keys + c.rng.IntN(keys))
	return c.lastKey
}

// value is one that no other call gives, of this client or another.
func (c *Client) value() history.Value {
	c.values++
	return history.Int(c.values*int64(c.of) + int64(c.number))
}

// percent is true in so many of 100 cases.
func (c *Client) percent(n int) bool { return c.rng.IntN(100) < n }

// Final is the operation that shows what a key holds in the end. For a workload
// that drains it is to be repeated until it finds nothing.
func (w *Workload) Final(key string) history.Op {
	switch {
	case w.Drain:
		return history.Op{F: history.Dequeue, Key: key}
	case w.Name == bank.Name:
		return readBank(w.tag)
	}
	return history.Op{F: history.Read, Key: key}
}
