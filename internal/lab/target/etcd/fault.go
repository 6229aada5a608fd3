package etcd

import (
	"context"
	"errors"

	"github.com/parleydb/parley/internal/lab"
	"github.com/parleydb/parley/internal/lab/proxy"
)

// Faults are what can be done to members that the lab started.
func (t *Target) Faults() []lab.FaultKind {
	if t.cluster == nil {
		return nil
	}
	return append(proxy.Kinds(), lab.FaultKill, lab.FaultPause)
}

// Inject makes a fault.
func (t *Target) Inject(_ context.Context, f lab.Fault) (heal func(context.Context) error, err error) {
	if t.cluster == nil {
		return nil, errors.New("no faults can be made on an etcd that the lab did not start")
	}
	switch f.Kind {
	case lab.FaultKill:
		return t.cluster.kill(f.Nodes)
	case lab.FaultPause:
		resume, err := t.cluster.group.Pause(f.Nodes...)
		return func(context.Context) error { resume(); return nil }, err
	}
	rule, err := proxy.RuleFor(f, len(t.names))
	if err != nil {
		return nil, err
	}
	lift := t.cluster.net.Impose(rule)
	return func(context.Context) error { lift(); return nil }, nil
}

// kill ends members. Healing starts those again that still do not run.
func (c *cluster) kill(nodes []int) (heal func(context.Context) error, err error) {
	if err := c.group.Kill(nodes...); err != nil {
		return nil, err
	}
	return func(ctx context.Context) (err error) {
		for _, i := range nodes {
			if c.group.Runs(i) {
				continue
			}
			if e := c.run(i); e != nil {
				err = errors.Join(err, e)
				continue
			}
			err = errors.Join(err, c.listens(ctx, i))
		}
		return err
	}, nil
}
