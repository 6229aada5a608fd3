package servers

import (
	"context"
	"errors"
	"fmt"

	"github.com/parleydb/parley/internal/lab"
	"github.com/parleydb/parley/internal/lab/proxy"
)

// Faults are the kinds that Inject makes.
func Faults() []lab.FaultKind { return append(proxy.Kinds(), lab.FaultKill, lab.FaultPause) }

// Inject makes a fault. After a kill, healing runs those members again that
// still do not run, by calling again.
func (c *Cluster) Inject(f lab.Fault, again func(ctx context.Context, i int) error) (heal func(context.Context) error, err error) {
	switch f.Kind {
	case lab.FaultKill:
		return func(ctx context.Context) error { return c.revive(ctx, f, again) }, c.kill(f.Nodes)
	case lab.FaultPause:
		resume, err := c.pause(f.Nodes)
		return func(context.Context) error { resume(); return nil }, err
	}
	c.mu.Lock()
	nodes := c.nodesLocked()
	c.mu.Unlock()
	rule, err := proxy.RuleFor(f, nodes)
	if err != nil {
		return nil, err
	}
	lift := c.net.Impose(rule)
	return func(context.Context) error { lift(); return nil }, nil
}

func (c *Cluster) revive(ctx context.Context, f lab.Fault, again func(ctx context.Context, i int) error) (err error) {
	c.mu.Lock()
	nodes := c.nodesLocked()
	c.mu.Unlock()
	for i := range nodes {
		if f.Hits(i) && !c.Runs(i) {
			err = errors.Join(err, again(ctx, i))
		}
	}
	return err
}

// kill ends members as a crash does; all, if none is named. If one of them does
// not run, it does nothing but say so.
func (c *Cluster) kill(members []int) error {
	ps, err := c.running(members)
	if err != nil {
		return fmt.Errorf("kill: %w", err)
	}
	for _, p := range ps {
		p.Kill()
	}
	return nil
}

// pause makes members stand still, all if none is named, until resume, which
// does nothing to those that have ended. If one of them does not run, it does
// nothing but say so.
func (c *Cluster) pause(members []int) (resume func(), err error) {
	ps, err := c.running(members)
	if err != nil {
		return nil, fmt.Errorf("pause: %w", err)
	}
	resume = func() {
		for _, p := range ps {
			_ = p.Resume() // an error says that it has ended
		}
	}
	for _, p := range ps {
		if err := p.Pause(); err != nil {
			resume()
			return nil, err
		}
	}
	return resume, nil
}

// running are the processes of members, all of which must run.
func (c *Cluster) running(members []int) (ps []*Process, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	nodes := c.nodesLocked()
	if len(members) == 0 {
		for i := range nodes {
			members = append(members, i)
		}
	}
	for _, i := range members {
		if i < 0 || i >= nodes {
			return nil, fmt.Errorf("there is no node %d; there are %d, counted from 0", i, nodes)
		}
		m := c.mu.members[i]
		if !m.runs() {
			return nil, fmt.Errorf("%s does not run", m.name)
		}
		ps = append(ps, m.process)
	}
	return ps, nil
}
