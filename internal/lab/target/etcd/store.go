package etcd

import (
	"fmt"
	"slices"

	"github.com/parleydb/parley/history"
)

// store is what some keys hold at one moment, and what an operation makes of
// it.
type store struct {
	keys     []string
	values   map[string]history.Value
	revision map[string]uint64 // 0: the key does not exist
	changed  []string
}

func newStore(keys []string, res *txnResponse) *store {
	s := &store{keys: keys, values: make(map[string]history.Value), revision: make(map[string]uint64)}
	for i, k := range keys {
		if i < len(res.Responses) && len(res.Responses[i].Range.KVs) > 0 {
			kv := res.Responses[i].Range.KVs[0]
			s.values[k], s.revision[k] = decode(kv.Value), kv.Revision
		}
	}
	return s
}

func (s *store) set(key string, v history.Value) {
	s.values[key] = v
	if !slices.Contains(s.changed, key) {
		s.changed = append(s.changed, key)
	}
}

// commit puts what changed, if no key has changed meanwhile, and reads them all
// again if one has.
func (s *store) commit() txnRequest {
	req := txnRequest{Failure: ranges(s.keys, false)}
	for _, k := range s.keys {
		rev := int64(s.revision[k])
		req.Compare = append(req.Compare, compare{Key: []byte(k), Target: "MOD", Result: "EQUAL", Revision: &rev})
	}
	for _, k := range s.changed {
		if v := s.values[k]; v.IsNil() {
			req.Success = append(req.Success, request{Delete: &keyRequest{[]byte(k)}})
		} else {
			req.Success = append(req.Success, request{Put: &putRequest{[]byte(k), encode(v)}})
		}
	}
	return req
}

// keysOf are the keys that an operation reads or writes.
func keysOf(op *history.Op) ([]string, error) {
	e := op.In.Elems()
	var keys []string
	switch {
	case op.F == history.Txn:
		for _, s := range op.Txn {
			keys = append(keys, s.Key)
		}
	case op.F == history.Transfer && len(e) == 3:
		keys = []string{e[0].Text(), e[1].Text()}
	case op.F == history.Transfer:
		return nil, fmt.Errorf("transfer needs [from, to, amount], not %s", op.In)
	case op.F == history.Read:
		for _, account := range e {
			keys = append(keys, account.Text())
		}
	default:
		keys = []string{op.Key}
	}
	slices.Sort(keys)
	return slices.Compact(keys), nil
}

// apply performs an operation on the values, and sets what comes out of it.
func (s *store) apply(op *history.Op) (err error) {
	switch op.F {
	case history.Txn:
		for i := range op.Txn {
			st := &op.Txn[i]
			if st.Out, err = s.step(st.F, st.Key, st.In); err != nil {
				return err
			}
		}
	case history.Transfer:
		op.Out, err = s.transfer(op.In.Elems())
	case history.Read:
		var all []history.Value
		for _, account := range op.In.Elems() {
			all = append(all, history.List(account, s.values[account.Text()]))
		}
		op.Out = history.List(all...)
	default:
		op.Out, err = s.step(op.F, op.Key, op.In)
	}
	return err
}

// transfer moves an amount between accounts, if the first has it.
func (s *store) transfer(e []history.Value) (history.Value, error) {
	from, to := e[0].Text(), e[1].Text()
	amount, ok := e[2].Int()
	a, ok1 := s.values[from].Int()
	b, ok2 := s.values[to].Int()
	if !ok || !ok1 || !ok2 || from == to {
		return history.Nil, fmt.Errorf("cannot transfer %s from %s (%s) to %s (%s)", e[2], from, s.values[from], to, s.values[to])
	}
	if a < amount {
		return history.Bool(false), nil
	}
	s.set(from, history.Int(a-amount))
	s.set(to, history.Int(b+amount))
	return history.Bool(true), nil
}

// step performs one operation on one key.
func (s *store) step(f, key string, in history.Value) (out history.Value, err error) {
	old := s.values[key]
	switch f {
	case history.Read:
		return old, nil
	case history.Write:
		s.set(key, in)
		return history.Nil, nil
	case history.Swap:
		s.set(key, in)
		return old, nil
	case history.Incr:
		return s.incr(key, in)
	case history.Append, history.Enqueue, history.Add, history.Remove, history.Dequeue:
		if !old.IsNil() && !old.IsList() {
			return history.Nil, fmt.Errorf("%s holds %s, which is no list", key, old)
		}
		return s.list(f, key, in), nil
	}
	return history.Nil, fmt.Errorf("etcd has no operation %q here", f)
}

func (s *store) incr(key string, by history.Value) (history.Value, error) {
	n, d := int64(0), int64(1)
	ok, okBy := true, true
	if old := s.values[key]; !old.IsNil() {
		n, ok = old.Int()
	}
	if !by.IsNil() {
		d, okBy = by.Int()
	}
	if !ok || !okBy {
		return history.Nil, fmt.Errorf("cannot add %s to %s", by, s.values[key])
	}
	s.set(key, history.Int(n+d))
	return history.Int(n + d), nil
}

// list performs the operations of lists, queues and sets, which are all stored
// as a list.
func (s *store) list(f, key string, in history.Value) history.Value {
	elems := s.values[key].Elems()
	at := slices.Index(elems, in)
	switch {
	case f == history.Dequeue && len(elems) == 0:
		return history.Nil
	case f == history.Dequeue:
		s.set(key, history.List(elems[1:]...))
		return elems[0]
	case f == history.Remove && at < 0, f == history.Add && at >= 0:
		return history.Int(0)
	case f == history.Remove:
		s.set(key, history.List(slices.Delete(elems, at, at+1)...))
		return history.Int(1)
	}
	s.set(key, history.List(append(elems, in)...))
	switch f {
	case history.Add:
		return history.Int(1)
	case history.Append:
		return history.Int(int64(len(elems) + 1))
	}
	return history.Nil
}
