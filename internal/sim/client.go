package sim

import (
	"strconv"
	"time"

	"github.com/parleydb/parley/internal/data"
	"github.com/parleydb/parley/internal/kv"
	"github.com/parleydb/parley/internal/node"
)

// client runs one operation after another, as one session, at nodes of its
// choice.
type client struct {
	w     *workload
	id    int
	token kv.Token
	at    *machine // the node that it is connected to
	wait  *attempt
}

// attempt is one request and what is done with its answer.
type attempt struct {
	cl   *client
	at   *machine
	boot uint64
	then func(answer)
}

type answer struct {
	outcome kv.Outcome
	reply   string
	receipt kv.Receipt
}

// patience is how long a client waits for a node that does not answer: longer
// than any deadline.
const patience = 7 * time.Second

// ask sends a request; then is called once, with unknown if the node dies.
func (cl *client) ask(r *node.Request, then func(answer)) {
	c := cl.w.c
	r.Token, r.Keyspace = &cl.token, c.keyspace
	a := &attempt{cl: cl, at: cl.at, boot: cl.at.boot, then: then}
	r.Done = a
	cl.wait = a
	c.events.push(c.now+patience, a.lost)
	cl.at.step(func(n *node.Node) { n.Submit(r) })
}

// lost ends an attempt without an answer.
func (a *attempt) lost() {
	if a.cl.wait == a {
		a.end(answer{outcome: kv.OutcomeUnknown})
	}
}

func (a *attempt) end(got answer) {
	a.cl.wait = nil
	// Not at once: the node is in the middle of a round.
	a.cl.w.c.events.push(a.cl.w.c.now, func() { a.then(got) })
}

// Complete implements node.Completer.
func (a *attempt) Complete(_ *node.Request, reply []byte, rc kv.Receipt, err error) {
	if a.cl.wait != a || a.at.boot != a.boot || !a.at.alive() {
		return // given up, or said by a process that is no more
	}
	outcome := kv.OutcomeOf(err)
	if err == nil && len(reply) > 0 && reply[0] == '-' {
		outcome = kv.OutcomeFailed
	}
	a.end(answer{outcome, string(reply), rc})
}

// next begins the next operation after a pause.
func (cl *client) next() {
	c := cl.w.c
	c.events.push(c.now+c.within(cl.w.p.think), func() {
		if cl.w.left <= 0 {
			return
		}
		if !cl.connect() {
			cl.next()
			return
		}
		cl.w.left--
		cl.w.p.pick(c).run(cl)
	})
}

// connect stays with the node or moves on, and reports whether there is one.
func (cl *client) connect() bool {
	c := cl.w.c
	if cl.at == nil || !cl.at.up || c.rng.IntN(100) < cl.w.p.move {
		cl.at = c.nodes[c.rng.IntN(len(c.nodes))]
	}
	return cl.at.up
}

// call is one command.
func call(args ...string) node.Call {
	c := node.Call{}
	for _, a := range args {
		c.Args = append(c.Args, []byte(a))
	}
	c.Command = data.Lookup(c.Args[0])
	return c
}

func command(args ...string) *node.Request { return &node.Request{Calls: []node.Call{call(args...)}} }

// begin starts a record of an operation.
func (cl *client) begin(v verb, key string) *record {
	r := &record{session: cl.id, verb: v, key: key, call: cl.w.c.now, ret: never, node: cl.at.id, level: kv.Linearizable}
	cl.w.h.records = append(cl.w.h.records, r)
	return r
}

// record completes a record.
func (cl *client) record(r *record, got answer) {
	w := cl.w
	r.outcome, r.reply, r.stamp, r.staleness = got.outcome, got.reply, got.receipt.Stamp, got.receipt.Staleness
	if got.outcome != kv.OutcomeUnknown {
		r.ret = w.c.now
	}
	w.outcome[got.outcome]++
	w.c.note("client %d n%d %s %s %s %v %s %q", r.session, r.node, r.verb, r.key, r.value, r.level, r.outcome, r.reply)
	if r.ok() && r.value != "" && w.acked != nil {
		w.acked()
	}
}

// finish completes a record and goes on with the next operation.
func (cl *client) finish(r *record, got answer) {
	cl.record(r, got)
	cl.next()
}

func (w *workload) word() string {
	w.serial++
	return "w" + strconv.Itoa(w.serial) + ";"
}
