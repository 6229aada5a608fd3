package sim

import (
	"fmt"
	"strconv"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/parleydb/parley/internal/data"
	"github.com/parleydb/parley/internal/kv"
	"github.com/parleydb/parley/internal/node"
)

// client runs one operation after another, at nodes of its choice.
type client struct {
	w    *workload
	id   int
	busy bool
	req  *node.Request // the one that is waited for; answers to others come too late
	in   input
	at   time.Duration
	at2  *machine
}

// input is an operation of the history; output its reply.
type input struct {
	key, verb, value string
}

// workload makes clients' operations and records what came back.
type workload struct {
	c       *Cluster
	clients []*client
	left    int
	serial  int
	ops     []porcupine.Operation
	outcome map[kv.Outcome]int
}

const keys = 4

func newWorkload(c *Cluster, clients, ops int) *workload {
	w := &workload{c: c, left: ops, outcome: map[kv.Outcome]int{}}
	for i := range clients {
		cl := &client{w: w, id: i}
		w.clients = append(w.clients, cl)
		c.events.push(time.Duration(i)*time.Millisecond, cl.next)
	}
	return w
}

func (cl *client) next() {
	w := cl.w
	c := w.c
	if w.left <= 0 {
		return
	}
	s := c.nodes[c.rng.IntN(len(c.nodes))]
	if !s.up || s.paused {
		c.events.push(c.now+20*time.Millisecond, cl.next)
		return
	}
	w.left--
	w.serial++
	cl.in = input{key: "k" + strconv.Itoa(c.rng.IntN(keys)), value: "v" + strconv.Itoa(w.serial)}
	args := [][]byte{nil, []byte(cl.in.key)}
	switch c.rng.IntN(6) {
	case 0, 1:
		cl.in.verb = "set"
		args = append(args, []byte(cl.in.value))
	case 2:
		cl.in.verb = "append"
		args = append(args, []byte(cl.in.value))
	case 3:
		cl.in.verb = "del"
	default:
		cl.in.verb = "get"
	}
	args[0] = []byte(cl.in.verb)
	r := &node.Request{Calls: []node.Call{{Command: data.Lookup(args[0]), Args: args}}, Done: cl}
	if c.rng.IntN(3) == 0 && cl.in.verb != "get" {
		r.Once = []byte("id" + strconv.Itoa(w.serial))
	}
	cl.busy, cl.at, cl.req = true, c.now, r
	boot := s.boot
	cl.at2 = s
	s.step(func(n *node.Node) { n.Submit(r) })
	// A client whose node died learns nothing, after a while.
	c.events.push(c.now+7*time.Second, func() {
		if cl.busy && cl.req == r && (s.boot != boot || !s.up || s.paused) {
			cl.record(kv.OutcomeUnknown, "")
		}
	})
}

// Complete implements node.Completer.
func (cl *client) Complete(r *node.Request, reply []byte, _ kv.Receipt, err error) {
	if cl.busy && cl.req == r && cl.at2.alive() {
		cl.record(kv.OutcomeOf(err), string(reply))
	}
}

func (cl *client) record(outcome kv.Outcome, reply string) {
	c := cl.w.c
	cl.busy = false
	cl.w.outcome[outcome]++
	c.note("client %d %v %v %q", cl.id, cl.in, outcome, reply)
	end := int64(c.now)
	if outcome == kv.OutcomeUnknown {
		end = 1 << 62
	}
	if outcome != kv.OutcomeFailed && !(outcome == kv.OutcomeUnknown && cl.in.verb == "get") {
		cl.w.ops = append(cl.w.ops, porcupine.Operation{
			ClientId: cl.id, Input: cl.in, Call: int64(cl.at), Output: result{reply, outcome == kv.OutcomeUnknown}, Return: end,
		})
	}
	if outcome == kv.OutcomeUnknown {
		cl.id += 1000 // its operation may still be under way
	}
	c.events.push(c.now+time.Duration(c.rng.IntN(300))*time.Millisecond, cl.next)
}

type result struct {
	reply   string
	unknown bool
}

// model is a string key: the value, or absent.
var model = porcupine.Model{
	Partition: func(h []porcupine.Operation) [][]porcupine.Operation {
		byKey := make([][]porcupine.Operation, keys)
		for _, o := range h {
			i := o.Input.(input).key[1] - '0'
			byKey[i] = append(byKey[i], o)
		}
		return byKey
	},
	Init: func() any { return "" },
	Step: func(state, in, out any) (bool, any) {
		s, i, o := state.(string), in.(input), out.(result)
		want, next := "", s
		switch i.verb {
		case "get":
			want = "_\r\n"
			if s != "" {
				want = fmt.Sprintf("$%d\r\n%s\r\n", len(s), s)
			}
		case "set":
			want, next = "+OK\r\n", i.value
		case "append":
			next = s + i.value
			want = fmt.Sprintf(":%d\r\n", len(next))
		case "del":
			want, next = fmt.Sprintf(":%d\r\n", min(len(s), 1)), ""
		}
		return o.unknown || o.reply == want, next
	},
}
