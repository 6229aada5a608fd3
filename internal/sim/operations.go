package sim

import (
	"strconv"
	"strings"
	"time"

	"github.com/parleydb/parley/internal/kv"
	"github.com/parleydb/parley/internal/node"
)

// operation is a kind of thing that clients do.
type operation struct {
	name string
	run  func(cl *client)
}

// workload makes clients' operations and records what came back.
type workload struct {
	c       *Cluster
	p       *profile
	h       *history
	clients []*client
	left    int
	serial  int
	leases  []string
	outcome map[kv.Outcome]int
	acked   func() // told of every write that was acknowledged; may be nil
}

func newWorkload(c *Cluster, p *profile, ops int) *workload {
	w := &workload{c: c, p: p, h: &history{final: map[string]string{}}, left: ops, outcome: map[kv.Outcome]int{}}
	for i := range p.clients {
		cl := &client{w: w, id: i + 1}
		w.clients = append(w.clients, cl)
		cl.next()
	}
	return w
}

// crashed tells the clients of a node that their connections broke.
func (w *workload) crashed(m *machine) {
	for _, cl := range w.clients {
		if a := cl.wait; a != nil && a.at == m {
			w.c.events.push(w.c.now+time.Millisecond, a.lost)
		}
	}
}

func (w *workload) key(kind string) string { return kind + strconv.Itoa(w.c.rng.IntN(w.p.keys)) }

var (
	doAppend = operation{"append", func(cl *client) { cl.append(false) }}
	doOnce   = operation{"append with an id", func(cl *client) { cl.append(true) }}
	doFill   = operation{"fill", (*client).fill}
	doRead   = operation{"read", func(cl *client) { cl.read(verbLog, cl.w.key("log"), cl.w.p.level(cl.w.c)) }}
	doIncr   = operation{"incr", (*client).incr}
	doCount  = operation{"count", func(cl *client) { cl.read(verbCount, cl.w.key("count"), cl.w.p.level(cl.w.c)) }}
	doPair   = operation{"pair", (*client).pair}
	doCAS    = operation{"cas", (*client).cas}
	doLease  = operation{"lease", (*client).lease}
	doLook   = operation{"look", (*client).look}
)

func (cl *client) append(withID bool) {
	r := cl.begin(verbAppend, cl.w.key("log"))
	r.value = cl.w.word()
	if withID {
		r.id = "id" + r.value
		cl.persist(r, 0)
		return
	}
	cl.ask(command("append", r.key, r.value), func(got answer) { cl.finish(r, got) })
}

// fill writes something long, so that logs grow.
func (cl *client) fill() {
	r := cl.begin(verbFill, "fill")
	cl.ask(command("set", r.key, strings.Repeat("x", 3000)), func(got answer) { cl.finish(r, got) })
}

func (cl *client) incr() {
	r := cl.begin(verbIncr, cl.w.key("count"))
	r.value = "+1"
	cl.ask(command("incr", r.key), func(got answer) { cl.finish(r, got) })
}

func (cl *client) read(v verb, key string, l kv.Level) {
	r := cl.begin(v, key)
	r.level = l
	q := command("get", key)
	q.Level = l
	q.InLog = l == kv.Linearizable && cl.w.c.rng.IntN(8) == 0
	cl.ask(q, func(got answer) { cl.finish(r, got) })
}

// tries is how often an operation with an id is sent before its client gives up.
const tries = 8

// persist sends an operation with an id, again and through other nodes while
// its outcome is unknown, or asks for the outcome instead.
func (cl *client) persist(r *record, try int) {
	q := command("append", r.key, r.value)
	q.Once = []byte(r.id)
	if cl.w.c.rng.IntN(2) == 0 {
		q.Timeout = 100*time.Millisecond + cl.w.c.within(time.Second)
	}
	cl.ask(q, func(got answer) {
		switch {
		case got.outcome == kv.OutcomeOK:
			cl.repeat(r, got)
		case got.outcome == kv.OutcomeFailed && try == 0:
			cl.finish(r, got)
		case try == tries:
			cl.finish(r, answer{outcome: kv.OutcomeUnknown})
		case cl.w.c.rng.IntN(3) == 0:
			cl.again(func() { cl.resolve(r, try+1) })
		default:
			cl.again(func() { cl.persist(r, try+1) })
		}
	})
}

// again waits a little and goes to another node.
func (cl *client) again(do func()) {
	c := cl.w.c
	c.events.push(c.now+c.within(300*time.Millisecond), func() {
		if cl.at = c.nodes[c.rng.IntN(len(c.nodes))]; !cl.at.up {
			cl.again(do)
			return
		}
		do()
	})
}

// resolve asks what became of an operation.
func (cl *client) resolve(r *record, try int) {
	q := &node.Request{Kind: node.KindOutcome, Once: []byte(r.id), Calls: []node.Call{{Args: [][]byte{[]byte(r.key)}}}}
	cl.ask(q, func(got answer) {
		const applied, neverRan = "*2\r\n$7\r\napplied\r\n", "*1\r\n$5\r\nnever\r\n"
		switch {
		case got.outcome != kv.OutcomeOK && try < tries:
			cl.again(func() { cl.resolve(r, try+1) })
		case got.outcome != kv.OutcomeOK:
			cl.finish(r, answer{outcome: kv.OutcomeUnknown})
		case len(got.reply) > len(applied) && got.reply[:len(applied)] == applied:
			got.reply = got.reply[len(applied):]
			cl.finish(r, got)
		case got.reply != neverRan:
			cl.finish(r, answer{outcome: kv.OutcomeUnknown}) // its id was dropped
		default:
			r.outcast = true
			got.outcome = kv.OutcomeFailed
			cl.finish(r, got)
		}
	})
}

// repeat finishes an operation that was answered, and now and then sends it
// once more later: the reply must be the same, and nothing more happen.
func (cl *client) repeat(r *record, got answer) {
	c := cl.w.c
	cl.record(r, got)
	if c.rng.IntN(2) == 0 {
		cl.next()
		return
	}
	c.events.push(c.now+c.within(4*time.Second), func() {
		if !cl.connect() {
			cl.next()
			return
		}
		q := command("append", r.key, r.value)
		q.Once = []byte(r.id)
		cl.ask(q, func(second answer) {
			if second.outcome == kv.OutcomeOK {
				r.again = append(r.again, second.reply)
			}
			c.note("client %d again %s %s %q", cl.id, r.id, second.outcome, second.reply)
			cl.next()
		})
	})
}

// pair does something with one of the pairs of keys.
func (cl *client) pair() {
	c := cl.w.c
	pair := cl.w.key("pair")
	one := "{" + pair + "}" + []string{"a", "b"}[c.rng.IntN(2)]
	var r *record
	var q *node.Request
	switch c.rng.IntN(6) {
	case 0:
		r = cl.begin(verbSet, one)
		r.value = cl.w.word()
		q = command("set", one, r.value)
	case 1:
		r = cl.begin(verbDel, one)
		q = command("del", one)
	case 2:
		r = cl.begin(verbBoth, pair)
		r.value = cl.w.word()
		q = &node.Request{Kind: node.KindTx, Calls: []node.Call{
			call("set", "{"+pair+"}a", r.value), call("set", "{"+pair+"}b", r.value)}}
	case 3:
		r = cl.begin(verbPair, pair)
		q = &node.Request{Kind: node.KindTx, Calls: []node.Call{call("get", "{"+pair+"}a"), call("get", "{"+pair+"}b")}}
	default:
		r = cl.begin(verbGet, one)
		q = command("get", one)
	}
	cl.ask(q, func(got answer) { cl.finish(r, got) })
}

// cas is what a Redis client does with WATCH: it notes the key's version, reads
// it, and changes it if it is still the same.
func (cl *client) cas() {
	key := "{" + cl.w.key("pair") + "}a"
	skip := func() { cl.next() }
	cl.ask(&node.Request{Kind: node.KindVersions, Calls: []node.Call{{Args: [][]byte{[]byte(key)}}}}, func(got answer) {
		version, ok := parseVersion(got)
		if !ok {
			skip()
			return
		}
		read := cl.begin(verbGet, key)
		cl.ask(command("get", key), func(got answer) {
			cl.record(read, got)
			if !read.ok() || !cl.at.up {
				skip()
				return
			}
			cl.swap(key, text(read.reply), version)
		})
	})
}

func (cl *client) swap(key, old string, version uint64) {
	r := cl.begin(verbCAS, key)
	r.old, r.value = old, cl.w.word()
	q := &node.Request{Kind: node.KindTx, Calls: []node.Call{call("set", key, r.value)},
		Watches: []node.Watch{{Key: []byte(key), Version: version}}}
	cl.ask(q, func(got answer) { cl.finish(r, got) })
}

// lease sets a key that will expire, and that nobody changes again.
func (cl *client) lease() {
	r := cl.begin(verbLease, "lease"+strconv.Itoa(len(cl.w.leases)))
	cl.w.leases = append(cl.w.leases, r.key)
	r.ttl = time.Duration(50+cl.w.c.rng.IntN(3000)) * time.Millisecond
	r.value = cl.w.word()
	cl.ask(command("set", r.key, r.value, "px", strconv.FormatInt(r.ttl.Milliseconds(), 10)), func(got answer) { cl.finish(r, got) })
}

// look reads one of the latest leases.
func (cl *client) look() {
	w := cl.w
	if len(w.leases) == 0 {
		cl.lease()
		return
	}
	recent := min(len(w.leases), 4)
	cl.read(verbLook, w.leases[len(w.leases)-1-w.c.rng.IntN(recent)], w.p.level(w.c))
}
