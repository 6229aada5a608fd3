package verify

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/parleydb/parley/history"
	"github.com/parleydb/parley/internal/lab"
	"github.com/parleydb/parley/internal/lab/workload"
)

// counts are how operations ended so far.
type counts struct {
	ok, failed, unknown atomic.Int64
	withID              atomic.Int64
}

func (c *counts) add(op *history.Op) {
	switch op.Outcome {
	case history.OK:
		c.ok.Add(1)
	case history.Fail:
		c.failed.Add(1)
	default:
		c.unknown.Add(1)
	}
}

// client is one client of the run: a process that does one operation at a time.
type client struct {
	*run
	gen     *workload.Client
	node    int
	level   string
	process int64
	session lab.Client // nil while there is none
	tape    tape
	tries   *rand.Rand
	ids     int
	doubts  []doubt
	nextAsk time.Time
}

// doubt is an operation with an identity whose outcome is not known.
type doubt struct {
	op     history.Op
	number int64 // of its identity, among all of the run
}

func (r *run) newClient(number int) *client {
	return &client{
		run: r, gen: r.o.Workload.Client(r.o.Seed, number, r.o.Clients), node: number % len(r.target.Nodes()), level: r.o.At,
		process: r.process(), tape: tape{r: r.rec}, tries: rand.New(rand.NewPCG(r.o.Seed, uint64(number)|1<<63)),
	}
}

// redialAfter is the pause after a session could not be opened.
const redialAfter = 100 * time.Millisecond

// work does operations until ctx ends.
func (c *client) work(ctx context.Context, every time.Duration) {
	defer c.end()
	next := time.Now().Add(time.Duration(c.tries.Int64N(int64(every) + 1)))
	for ctx.Err() == nil {
		if wait := time.Until(next); wait > 0 {
			if !sleep(ctx, wait) {
				return
			}
		} else if -wait > redialAfter {
			next = time.Now() // what could not be done in time is not made up for
		}
		next = next.Add(every)
		if c.gen.Move() {
			c.move()
		}
		op := c.gen.Next()
		c.do(&op)
		c.gen.Done(&op)
		if c.session == nil && op.Outcome == history.Fail && !sleep(ctx, redialAfter) {
			return
		}
		c.ask()
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// opContext bounds one operation. An interrupt does not cut it short.
func (c *client) opContext() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), c.o.OpTimeout)
}

// do does one operation and records it. It opens a session first if there is
// none; if that fails, so does the operation.
func (c *client) do(op *history.Op) {
	ctx, cancel := c.opContext()
	defer cancel()
	op.Process, op.Level, op.Node = c.process, c.level, c.target.Nodes()[c.node]
	if c.o.Workload.IDs && identified(op.F) {
		c.ids++
		op.ID = fmt.Sprintf("%s-%d-%d", c.tag, c.process, c.ids)
	}
	op.Call = c.rec.now()
	if c.session == nil {
		c.open(ctx, "")
	}
	if c.session == nil {
		op.Outcome = history.Fail
	} else {
		c.session.Do(ctx, op)
	}
	end := c.rec.now()
	op.Return = end
	if op.Outcome == history.Info {
		op.Return = history.Never
	}
	c.counts.add(op)
	c.tape.add(record{op: *op, end: end})
	c.after(op)
}

// identified are the operations that may carry an identity.
func identified(f string) bool {
	switch f {
	case history.Write, history.Incr, history.Add, history.Remove, history.Append, history.Enqueue:
		return true
	}
	return false
}

// after ends a session that an operation has broken, and remembers doubts.
func (c *client) after(op *history.Op) {
	if op.ID != "" {
		number := c.counts.withID.Add(1)
		if op.Outcome == history.Info {
			c.doubts = append(c.doubts, doubt{*op, number})
		}
	}
	if c.session == nil || op.Outcome == history.OK {
		return
	}
	b, tells := c.session.(lab.Breaker)
	if op.Outcome == history.Info || !tells || b.Broken() {
		c.drop()
	}
}

// drop ends the session; what comes next is a process of its own.
func (c *client) drop() {
	if c.session != nil {
		_ = c.session.Close() // it is of no more use
		c.session = nil
	}
	c.process = c.run.process()
}

func (c *client) open(ctx context.Context, token string) bool {
	s, err := c.target.Open(ctx, lab.Session{
		Name: fmt.Sprint(c.process), Process: c.process, Node: c.node, Level: c.level, Model: c.o.Workload.Model, Token: token,
	})
	if err != nil {
		c.failedOpen(err)
		return false
	}
	c.session = s
	return true
}

// move goes on at another node, with what the session must bring along. If that
// fails the session is over.
func (c *client) move() {
	if c.session == nil {
		return
	}
	ctx, cancel := c.opContext()
	defer cancel()
	token := ""
	if carrier, ok := c.session.(lab.Carrier); ok {
		var err error
		if token, err = carrier.Token(ctx); err != nil {
			c.drop()
			return
		}
	}
	n := len(c.target.Nodes())
	c.node = (c.node + 1 + c.tries.IntN(max(1, n-1))) % n
	_ = c.session.Close()
	c.session = nil
	if !c.open(ctx, token) {
		c.drop()
	}
}

// askEvery is the least time between questions about a doubt.
const askEvery = 200 * time.Millisecond

// ask tries to settle the oldest doubt.
func (c *client) ask() {
	if len(c.doubts) == 0 || c.session == nil || time.Now().Before(c.nextAsk) {
		return
	}
	resolver, ok := c.session.(lab.Resolver)
	if !ok {
		c.doubts = nil
		return
	}
	d := c.doubts[0]
	if c.counts.withID.Load()-d.number > int64(resolver.Remembers()) {
		c.doubts = c.doubts[1:] // too late: it stays unknown
		return
	}
	c.nextAsk = time.Now().Add(askEvery)
	ctx, cancel := c.opContext()
	defer cancel()
	resolver.Resolve(ctx, &d.op)
	if d.op.Outcome != history.Info {
		end := c.rec.now()
		c.doubts = c.doubts[1:]
		c.counts.unknown.Add(-1)
		c.counts.add(&d.op)
		c.settled.Add(1)
		c.tape.add(record{op: d.op, end: end, settled: true})
		return
	}
	if b, ok := c.session.(lab.Breaker); ok && b.Broken() {
		c.drop()
	}
}

// end gives up the session and hands over what is recorded.
func (c *client) end() {
	if c.session != nil {
		_ = c.session.Close()
		c.session = nil
	}
	c.tape.flush()
}
