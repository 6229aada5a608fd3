package redis

import (
	"fmt"

	"github.com/parleydb/parley/history"
	"github.com/parleydb/parley/internal/resp"
)

// Scripts for what Redis has no command for. Each writes last, so that one that
// fails has done nothing.
const (
	// casScript: key; is there an old value, the old value, the new one.
	casScript = `local v = redis.call('GET', KEYS[1])
if (ARGV[1] == '1' and v == ARGV[2]) or (ARGV[1] == '0' and not v) then
  redis.call('SET', KEYS[1], ARGV[3])
  return 1
end
return 0`
	// transferScript: two accounts; an amount.
	transferScript = `local n = tonumber(ARGV[1])
local from, to = tonumber(redis.call('GET', KEYS[1])), tonumber(redis.call('GET', KEYS[2]))
if not from or not to then return redis.error_reply('ERR there is no such account') end
if from < n then return 0 end
redis.call('INCRBY', KEYS[2], n)
redis.call('DECRBY', KEYS[1], n)
return 1`
)

// compile is an operation as commands, the last of which gives its result. read
// says that it has no effect.
func compile(op *history.Op, model string) (commands [][]string, read bool, err error) {
	switch op.F {
	case history.Txn:
		commands, read = [][]string{{"MULTI"}}, true
		for _, s := range op.Txn {
			c, err := single(s.F, s.Key, s.In, model)
			if err != nil {
				return nil, false, err
			}
			read = read && s.F == history.Read
			commands = append(commands, c)
		}
		return append(commands, []string{"EXEC"}), read, nil
	case history.Transfer:
		e := op.In.Elems()
		if len(e) != 3 {
			return nil, false, fmt.Errorf("transfer needs [from, to, amount], not %s", op.In)
		}
		return [][]string{{"EVAL", transferScript, "2", e[0].Text(), e[1].Text(), e[2].Text()}}, false, nil
	case history.Read:
		if accounts := op.In.Elems(); len(accounts) > 0 {
			c := []string{"MGET"}
			for _, a := range accounts {
				c = append(c, a.Text())
			}
			return [][]string{c}, true, nil
		}
	}
	c, err := single(op.F, op.Key, op.In, model)
	return [][]string{c}, op.F == history.Read, err
}

// single is an operation on one key as a command.
func single(f, key string, in history.Value, model string) ([]string, error) {
	e := in.Elems()
	switch {
	case f == history.CAS && len(e) == 2 && !e[1].IsNil():
		there := "1"
		if e[0].IsNil() {
			there = "0"
		}
		return []string{"EVAL", casScript, "1", key, there, e[0].Text(), e[1].Text()}, nil
	case in.IsList():
		return nil, fmt.Errorf("redis cannot do %s with %s", f, in)
	case f == history.Read && model == "set":
		return []string{"SMEMBERS", key}, nil
	case f == history.Read && model == "append":
		return []string{"LRANGE", key, "0", "-1"}, nil
	case f == history.Incr && in.IsNil():
		return []string{"INCR", key}, nil
	}
	names := map[string]string{
		history.Read: "GET", history.Delete: "DEL", history.Dequeue: "LPOP",
		history.Write: "SET", history.Swap: "GETSET", history.Incr: "INCRBY", history.Concat: "APPEND",
		history.Add: "SADD", history.Remove: "SREM", history.Append: "RPUSH", history.Enqueue: "RPUSH",
	}
	name, ok := names[f]
	if !ok {
		return nil, fmt.Errorf("redis has no operation %q here", f)
	}
	if f == history.Read || f == history.Delete || f == history.Dequeue {
		return []string{name, key}, nil
	}
	return []string{name, key, in.Text()}, nil
}

// take puts a reply into the operation. It is false for a transaction of which
// a step failed.
func take(op *history.Op, r resp.Reply) bool {
	if op.F != history.Txn {
		op.Out = result(op.F, r)
		if accounts := op.In.Elems(); op.F == history.Read && len(accounts) > 0 {
			op.Out = pairs(accounts, op.Out.Elems())
		}
		return true
	}
	if len(r.Elems) != len(op.Txn) {
		return false
	}
	for i := range op.Txn {
		if r.Elems[i].Err() != nil {
			return false
		}
		op.Txn[i].Out = result(op.Txn[i].F, r.Elems[i])
	}
	return true
}

func pairs(accounts, balances []history.Value) history.Value {
	all := make([]history.Value, min(len(accounts), len(balances)))
	for i := range all {
		all[i] = history.List(accounts[i], balances[i])
	}
	return history.List(all...)
}

// result is what an operation gives for a reply.
func result(f string, r resp.Reply) history.Value {
	switch f {
	case history.Write, history.Enqueue:
		return history.Nil
	case history.CAS, history.Transfer:
		return history.Bool(r.Int == 1)
	}
	return value(r)
}

func value(r resp.Reply) history.Value {
	switch r.Kind {
	case resp.KindInt:
		return history.Int(r.Int)
	case resp.KindArray, resp.KindSet:
		elems := make([]history.Value, len(r.Elems))
		for i, e := range r.Elems {
			elems[i] = value(e)
		}
		return history.List(elems...)
	}
	if r.IsNull() {
		return history.Nil
	}
	return history.String(r.Str)
}
