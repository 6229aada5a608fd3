package redis

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/parleydb/parley/internal/lab"
	"github.com/parleydb/parley/internal/lab/servers"
)

// Faults are what can be done to servers that the lab started.
func (t *Target) Faults() []lab.FaultKind {
	if t.cluster == nil {
		return nil
	}
	return servers.Faults()
}

// Inject makes a fault. To kill the primary is to fail over, unless that is
// Sentinel's business.
func (t *Target) Inject(ctx context.Context, f lab.Fault) (heal func(context.Context) error, err error) {
	if t.cluster == nil {
		return nil, errors.New("no faults can be made on a redis that the lab did not start")
	}
	heal, err = t.cluster.Inject(f, t.again)
	if err != nil || f.Kind != lab.FaultKill || len(t.cluster.sentinels) > 0 {
		return heal, err
	}
	primary, err := t.Primary(ctx)
	if err == nil && !t.cluster.Runs(primary) {
		err = t.failOver(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, heal(ctx))
	}
	return heal, nil
}

// again runs a server that was killed, and waits until it serves.
func (t *Target) again(ctx context.Context, i int) error {
	if err := t.run(i); err != nil {
		return err
	}
	return t.cluster.Until(ctx, i, func(ctx context.Context) error { _, err := t.role(ctx, i); return err })
}

// failOver makes the replica that is furthest the primary, if any answers, and
// has the others follow it.
func (t *Target) failOver(ctx context.Context) error {
	best, offset := -1, int64(-1)
	var others []int
	for i := range t.names {
		once, cancel := context.WithTimeout(ctx, time.Second) // it may stand still
		r, err := t.role(once, i)
		cancel()
		if err != nil {
			continue
		}
		if others = append(others, i); r.offset > offset {
			best, offset = i, r.offset
		}
	}
	if best < 0 {
		return nil // nobody is left: the primary stays the primary until it comes back
	}
	return t.promote(ctx, best, others)
}

// promote makes a server the primary of others.
func (t *Target) promote(ctx context.Context, best int, others []int) error {
	if _, err := t.command(ctx, best, "REPLICAOF", "NO", "ONE"); err != nil {
		return fmt.Errorf("failover to %s: %w", t.names[best], err)
	}
	t.mu.Lock()
	t.primary = best
	t.mu.Unlock()
	host, port, err := net.SplitHostPort(t.cluster.proxies[best])
	if err != nil {
		return err
	}
	for _, i := range others {
		if i == best {
			continue
		}
		if _, err := t.command(ctx, i, "REPLICAOF", host, port); err != nil {
			return fmt.Errorf("%s cannot follow %s: %w", t.names[i], t.names[best], err)
		}
	}
	return nil
}
