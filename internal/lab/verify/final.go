package verify

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/parleydb/parley/history"
	"github.com/parleydb/parley/internal/lab"
)

// settleTime is how long a target may take to answer again when all faults are
// ended, and how long the last reads may take.
const settleTime = time.Minute

// heal ends all faults and waits until the nodes answer, by reading a key. It
// gives those that do.
func (r *run) heal(ctx context.Context, key string) (nodes []int) {
	r.say("all faults are ended; the last reads\n")
	for _, heal := range r.nemesis.heals {
		if err := heal(ctx); err != nil {
			r.problem("a fault could not be ended: %v", err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	for n, name := range r.target.Nodes() {
		if r.nemesis.gone[n] {
			continue
		}
		if err := r.answers(ctx, n, key); err != nil {
			r.problem("%s does not answer, %v after all faults were ended: %v", name, settleTime, err)
			continue
		}
		nodes = append(nodes, n)
	}
	return nodes
}

// finish settles what can be settled, and reads what is there in the end.
func (r *run) finish(ctx context.Context, nodes []int, keys []string) {
	if len(nodes) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	r.rec.note("last reads")
	workers := min(len(keys), 4*len(nodes))
	var group sync.WaitGroup
	work := make(chan string)
	for i := range workers {
		c := r.newClient(i)
		c.node, c.level = nodes[i%len(nodes)], ""
		if i == 0 {
			c.doubts = r.doubts
		}
		group.Go(func() { c.lastReads(ctx, work) })
	}
	for _, k := range keys {
		work <- k
	}
	close(work)
	group.Wait()
	if err := ctx.Err(); err != nil {
		r.problem("the last reads could not be completed: %v", err)
	}
}

// answers waits until a node answers. What drains is not read for that, since
// that would take something out.
func (r *run) answers(ctx context.Context, node int, key string) error {
	for {
		var op *history.Op
		if !r.o.Workload.Drain {
			final := r.o.Workload.Final(key)
			op = &final
		}
		if err := r.try(ctx, node, op); err == nil || ctx.Err() != nil {
			return err
		}
		sleep(ctx, redialAfter)
	}
}

// try opens a session and does op in it, if there is one, without recording it.
func (r *run) try(ctx context.Context, node int, op *history.Op) error {
	ctx, cancel := context.WithTimeout(ctx, r.o.OpTimeout)
	defer cancel()
	s, err := r.target.Open(ctx, lab.Session{Node: node, Model: r.o.Workload.Model})
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	if op == nil {
		return nil
	}
	if s.Do(ctx, op); op.Outcome != history.OK {
		return fmt.Errorf("%s %s: %s", op.F, op.Key, op.Outcome)
	}
	return nil
}

// lastReads reads keys until there are no more, or drains them.
func (c *client) lastReads(ctx context.Context, keys <-chan string) {
	defer c.end()
	for len(c.doubts) > 0 && ctx.Err() == nil {
		before := len(c.doubts)
		c.settle(ctx)
		if len(c.doubts) == before && !sleep(ctx, askEvery) {
			break
		}
	}
	for key := range keys {
		for ctx.Err() == nil {
			op := c.o.Workload.Final(key)
			c.do(&op)
			if op.Outcome == history.OK && (!c.o.Workload.Drain || op.Out.IsNil()) {
				break
			}
			if op.Outcome != history.OK && !sleep(ctx, redialAfter) {
				break
			}
		}
	}
}

// settle asks about a doubt, in a session that it opens if there is none.
func (c *client) settle(ctx context.Context) {
	if c.session == nil {
		opening, cancel := context.WithTimeout(ctx, c.o.OpTimeout)
		c.open(opening, "")
		cancel()
	}
	c.nextAsk = time.Time{}
	c.ask()
}
