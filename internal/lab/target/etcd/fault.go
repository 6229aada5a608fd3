package etcd

import (
	"context"
	"errors"

	"github.com/parleydb/parley/internal/lab"
	"github.com/parleydb/parley/internal/lab/servers"
)

// Faults are what can be done to members that the lab started.
func (t *Target) Faults() []lab.FaultKind {
	if t.cluster == nil {
		return nil
	}
	return servers.Faults()
}

// Inject makes a fault.
func (t *Target) Inject(_ context.Context, f lab.Fault) (heal func(context.Context) error, err error) {
	if t.cluster == nil {
		return nil, errors.New("no faults can be made on an etcd that the lab did not start")
	}
	return t.cluster.Inject(f, t.cluster.again)
}
