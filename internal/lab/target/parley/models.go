package parley

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/parleydb/parley/history"
	"github.com/parleydb/parley/internal/resp"
)

// model does an operation on what the keys hold. changed says whether what was
// sent last may have changed something.
type model func(ctx context.Context, c *client, op *history.Op) (changed bool, err error)

var models = map[string]model{
	"register": registerOp, "cas-register": registerOp, "kv": registerOp,
	"counter": counterOp, "set": setOp, "append": listOp, "queue": queueOp, "bank": bankOp,
}

// errNoSuch is an operation that a model does not have.
func errNoSuch(op *history.Op) error { return fmt.Errorf("no operation %q here", op.F) }

// errConflict: what was watched has changed, so that nothing was done.
var errConflict = errors.New("conflict")

// valueOf is a reply as a value.
func valueOf(r resp.Reply) history.Value {
	switch {
	case r.IsNull():
		return history.Nil
	case r.Kind == resp.KindInt:
		return history.Int(r.Int)
	}
	return history.String(r.Str)
}

// hasOnce says which operations are a single command, that can carry an id.
func hasOnce(f string) bool {
	switch f {
	case history.Write, history.Incr, history.Add, history.Remove, history.Append, history.Enqueue:
		return true
	}
	return false
}

// write sends one command that changes something.
func (c *client) write(ctx context.Context, op *history.Op, cmd ...string) (resp.Reply, error) {
	if op.ID != "" {
		cmd = append(command{"ONCE", op.ID}, cmd...)
	}
	r, err := c.call(ctx, cmd)
	if err != nil {
		return resp.Reply{}, err
	}
	return r[0], nil
}

func (c *client) get(ctx context.Context, key string) (resp.Reply, error) {
	r, err := c.call(ctx, command{"GET", key})
	if err != nil {
		return resp.Reply{}, err
	}
	return r[0], nil
}

// exec runs commands as one transaction and gives their replies. With keys
// watched it may be refused, which is errConflict.
func (c *client) exec(ctx context.Context, commands ...command) ([]resp.Reply, error) {
	all := append(append([]command{{"MULTI"}}, commands...), command{"EXEC"})
	r, err := c.call(ctx, all...)
	if err != nil {
		var said resp.ReplyError
		if last := len(r) - 1; last >= 0 && errors.As(r[last].Err(), &said) {
			return nil, said // what EXEC said counts
		}
		return nil, err
	}
	done := r[len(r)-1]
	if done.IsNull() {
		return nil, errConflict
	}
	if len(done.Elems) != len(commands) {
		return nil, errLost{fmt.Errorf("EXEC answered %s", done)}
	}
	for _, e := range done.Elems {
		if e.Err() != nil {
			return nil, errLost{e.Err()} // others may have been done
		}
	}
	return done.Elems, nil
}

// unwatch ends a transaction that was not needed.
func (c *client) unwatch(ctx context.Context) {
	if _, err := c.call(ctx, command{"UNWATCH"}); err != nil {
		c.giveUp()
	}
}

func registerOp(ctx context.Context, c *client, op *history.Op) (bool, error) {
	switch op.F {
	case history.Read:
		r, err := c.get(ctx, op.Key)
		op.Out = valueOf(r)
		return false, err
	case history.Write:
		_, err := c.write(ctx, op, "SET", op.Key, op.In.Text())
		return true, err
	case history.CAS:
		return casOp(ctx, c, op)
	}
	return false, errNoSuch(op)
}

func casOp(ctx context.Context, c *client, op *history.Op) (bool, error) {
	pair := op.In.Elems()
	if len(pair) != 2 {
		return false, errNoSuch(op)
	}
	if pair[0].IsNil() {
		r, err := c.write(ctx, op, "SET", op.Key, pair[1].Text(), "NX")
		op.Out = history.Bool(!r.IsNull())
		return true, err
	}
	r, err := c.call(ctx, command{"WATCH", op.Key}, command{"GET", op.Key})
	if err != nil {
		c.giveUp() // with a key watched
		return false, err
	}
	if valueOf(r[1]) != pair[0] {
		c.unwatch(ctx)
		op.Out = history.Bool(false)
		return false, nil
	}
	_, err = c.exec(ctx, command{"SET", op.Key, pair[1].Text()})
	op.Out = history.Bool(true)
	return true, err
}

func counterOp(ctx context.Context, c *client, op *history.Op) (bool, error) {
	switch op.F {
	case history.Read:
		r, err := c.get(ctx, op.Key)
		op.Out = valueOf(r)
		return false, err
	case history.Incr:
		by := op.In.Text()
		if by == "" {
			by = "1"
		}
		r, err := c.write(ctx, op, "INCRBY", op.Key, by)
		op.Out = valueOf(r)
		return true, err
	}
	return false, errNoSuch(op)
}

func setOp(ctx context.Context, c *client, op *history.Op) (bool, error) {
	switch op.F {
	case history.Read:
		r, err := c.get(ctx, op.Key)
		op.Out = setOf(r.Str)
		return false, err
	case history.Add, history.Remove:
		sign := "+"
		if op.F == history.Remove {
			sign = "-"
		}
		_, err := c.write(ctx, op, "APPEND", op.Key, sign+op.In.Text()+",")
		return true, err
	}
	return false, errNoSuch(op)
}

// setOf is what is left of "+1,+2,-1,". What was added twice is there twice.
func setOf(text string) history.Value {
	var there []history.Value
	for _, part := range elements(text) {
		if part == "" {
			there = append(there, history.String("")) // nobody put that in: a checker will tell
			continue
		}
		v := history.String(part[1:])
		if part[0] == '+' {
			there = append(there, v)
			continue
		}
		kept := there[:0]
		for _, e := range there {
			if e != v {
				kept = append(kept, e)
			}
		}
		there = kept
	}
	return history.List(there...)
}

func elements(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, ","), ",")
}

func listOf(text string) history.Value {
	var vs []history.Value
	for _, e := range elements(text) {
		vs = append(vs, history.String(e))
	}
	return history.List(vs...)
}

func listOp(ctx context.Context, c *client, op *history.Op) (bool, error) {
	switch op.F {
	case history.Read:
		r, err := c.get(ctx, op.Key)
		op.Out = listOf(r.Str)
		return false, err
	case history.Append:
		_, err := c.write(ctx, op, "APPEND", op.Key, op.In.Text()+",")
		return true, err
	case history.Txn:
		return txnOp(ctx, c, op)
	}
	return false, errNoSuch(op)
}

func txnOp(ctx context.Context, c *client, op *history.Op) (changed bool, err error) {
	commands := make([]command, len(op.Txn))
	for i, s := range op.Txn {
		switch s.F {
		case history.Read:
			commands[i] = command{"GET", s.Key}
		case history.Append:
			commands[i] = command{"APPEND", s.Key, s.In.Text() + ","}
			changed = true
		default:
			return false, errNoSuch(op)
		}
	}
	r, err := c.exec(ctx, commands...)
	if err != nil {
		return changed, err
	}
	op.Txn = append([]history.Step(nil), op.Txn...)
	for i := range op.Txn {
		if op.Txn[i].F == history.Read {
			op.Txn[i].Out = listOf(r[i].Str)
		}
	}
	return changed, nil
}

func queueOp(ctx context.Context, c *client, op *history.Op) (bool, error) {
	switch op.F {
	case history.Enqueue:
		_, err := c.write(ctx, op, "APPEND", op.Key, op.In.Text()+",")
		return true, err
	case history.Dequeue:
	default:
		return false, errNoSuch(op)
	}
	r, err := c.call(ctx, command{"WATCH", op.Key}, command{"GET", op.Key})
	if err != nil {
		c.giveUp()
		return false, err
	}
	first, rest, found := strings.Cut(r[1].Str, ",")
	if !found {
		c.unwatch(ctx)
		return false, nil
	}
	_, err = c.exec(ctx, command{"SET", op.Key, rest})
	op.Out = history.String(first)
	return true, err
}
