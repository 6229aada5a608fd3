package parley

import (
	"context"
	"strconv"

	"github.com/parleydb/parley/history"
)

// bankOp keeps each account's balance under its own key.
func bankOp(ctx context.Context, c *client, op *history.Op) (bool, error) {
	switch op.F {
	case history.Write:
		_, err := c.write(ctx, op, "SET", op.Key, op.In.Text())
		return true, err
	case history.Read:
		get := command{"MGET"}
		for _, a := range op.In.Elems() {
			get = append(get, a.Text())
		}
		r, err := c.call(ctx, get)
		if err != nil {
			return false, err
		}
		var all []history.Value
		for i, e := range r[0].Elems {
			if !e.IsNull() {
				all = append(all, history.List(history.String(get[i+1]), history.String(e.Str)))
			}
		}
		op.Out = history.List(all...)
		return false, nil
	case history.Transfer:
		return transferOp(ctx, c, op)
	}
	return false, errNoSuch(op)
}

func transferOp(ctx context.Context, c *client, op *history.Op) (bool, error) {
	in := op.In.Elems()
	if len(in) != 3 {
		return false, errNoSuch(op)
	}
	from, to := in[0].Text(), in[1].Text()
	amount, _ := in[2].Int()
	r, err := c.call(ctx, command{"WATCH", from, to}, command{"MGET", from, to})
	if err != nil {
		c.giveUp()
		return false, err
	}
	var has [2]int64
	for i, e := range r[1].Elems {
		if has[i], err = strconv.ParseInt(e.Str, 10, 64); err != nil {
			c.unwatch(ctx)
			return false, err
		}
	}
	if has[0] < amount {
		c.unwatch(ctx)
		op.Out = history.Bool(false)
		return false, nil
	}
	_, err = c.exec(ctx, command{"SET", from, strconv.FormatInt(has[0]-amount, 10)}, command{"SET", to, strconv.FormatInt(has[1]+amount, 10)})
	op.Out = history.Bool(true)
	return true, err
}
