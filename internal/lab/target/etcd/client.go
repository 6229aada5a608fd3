package etcd

import (
	"context"
	"errors"
	"net"
	"slices"

	"github.com/parleydb/parley/history"
)

// client is a session with one member.
type client struct {
	gate  *gateway
	node  string
	level string
	lost  bool // the last operation got no answer
}

// Do performs an operation; see lab.Client.
func (c *client) Do(ctx context.Context, op *history.Op) {
	op.Node, op.Level = c.node, c.level
	op.Out = history.Nil
	err := c.do(ctx, op)
	var doubt uncertain
	var network net.Error
	c.lost = errors.As(err, &network)
	switch {
	case err == nil:
		op.Outcome = history.OK
	case errors.As(err, &doubt) && !reads(op):
		op.Outcome = history.Info
	default:
		op.Outcome = history.Fail
	}
}

// Broken says that the member was not there.
func (c *client) Broken() bool { return c.lost }

// Close ends the session.
func (c *client) Close() error {
	c.gate.close()
	return nil
}

// reads says that an operation has no effect, whatever came of it.
func reads(op *history.Op) bool {
	if op.F == history.Txn {
		return !slices.ContainsFunc(op.Txn, func(s history.Step) bool { return s.F != history.Read })
	}
	return op.F == history.Read
}

func (c *client) do(ctx context.Context, op *history.Op) error {
	switch op.F {
	case history.Read:
		return c.read(ctx, op)
	case history.Write:
		return c.write(ctx, op)
	case history.Delete:
		return c.delete(ctx, op)
	case history.CAS:
		return c.cas(ctx, op)
	}
	return c.update(ctx, op)
}

func (c *client) read(ctx context.Context, op *history.Op) error {
	if op.In.IsList() { // the accounts of a bank, all at one moment
		return c.update(ctx, op)
	}
	var res rangeResponse
	if err := c.gate.post(ctx, "/v3/kv/range", rangeRequest{[]byte(op.Key), c.level == Serializable}, &res); err != nil {
		return err
	}
	if len(res.KVs) > 0 {
		op.Out, op.Version = decode(res.KVs[0].Value), res.KVs[0].Revision
	}
	return nil
}

func (c *client) write(ctx context.Context, op *history.Op) error {
	var res putResponse
	if err := c.gate.post(ctx, "/v3/kv/put", putRequest{[]byte(op.Key), encode(op.In)}, &res); err != nil {
		return err
	}
	op.Version = res.Header.Revision
	return nil
}

func (c *client) delete(ctx context.Context, op *history.Op) error {
	var res deleteResponse
	if err := c.gate.post(ctx, "/v3/kv/deleterange", keyRequest{[]byte(op.Key)}, &res); err != nil {
		return err
	}
	op.Out = history.Int(res.Deleted)
	return nil
}

// cas is a transaction of etcd: if the key has the value, put.
func (c *client) cas(ctx context.Context, op *history.Op) error {
	e := op.In.Elems()
	if len(e) != 2 || e[1].IsNil() {
		return errors.New("cas needs [expected, new]")
	}
	key := []byte(op.Key)
	when := compare{Key: key, Target: "VALUE", Result: "EQUAL", Value: encode(e[0])}
	if e[0].IsNil() {
		when = compare{Key: key, Target: "VERSION", Result: "EQUAL", Version: new(int64)}
	}
	var res txnResponse
	err := c.gate.post(ctx, "/v3/kv/txn", txnRequest{
		Compare: []compare{when},
		Success: []request{{Put: &putRequest{key, encode(e[1])}}},
	}, &res)
	if err != nil {
		return err
	}
	if op.Out = history.Bool(res.Succeeded); res.Succeeded {
		op.Version = res.Header.Revision
	}
	return nil
}

// update performs an operation that etcd does not have: read, compute, and put
// if nothing has changed since. It goes on after a refused compare, which did
// nothing; every other error ends it.
func (c *client) update(ctx context.Context, op *history.Op) error {
	keys, err := keysOf(op)
	if err != nil {
		return err
	}
	var seen txnResponse
	if err := c.gate.post(ctx, "/v3/kv/txn", txnRequest{Success: ranges(keys, c.level == Serializable && reads(op))}, &seen); err != nil {
		return readError(err)
	}
	for {
		s := newStore(keys, &seen)
		if err := s.apply(op); err != nil {
			return err
		}
		if len(s.changed) == 0 {
			return nil
		}
		var res txnResponse
		if err := c.gate.post(ctx, "/v3/kv/txn", s.commit(), &res); err != nil {
			return err
		}
		if res.Succeeded {
			if op.F != history.Txn && op.F != history.Transfer {
				op.Version = res.Header.Revision
			}
			return nil
		}
		seen = res
		if err := ctx.Err(); err != nil {
			return err // after a refusal: nothing happened
		}
	}
}

// readError is an error of a request without effect: never in doubt.
func readError(err error) error {
	var doubt uncertain
	if errors.As(err, &doubt) {
		return doubt.error
	}
	return err
}

func ranges(keys []string, serializable bool) []request {
	rs := make([]request, len(keys))
	for i, k := range keys {
		rs[i].Range = &rangeRequest{[]byte(k), serializable}
	}
	return rs
}
