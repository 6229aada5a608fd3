package check

import "github.com/parleydb/parley/history"

// lcg is a fixed sequence for benchmarks and large tests.
type lcg uint64

func (r *lcg) below(n int) int {
	*r = *r*6364136223846793005 + 1442695040888963407
	return int(uint64(*r>>33) % uint64(n))
}

// atomicRegisters records a correct run: processes work on keys that change
// atomically at a point inside each operation.
func atomicRegisters(n, processes, keys int, distinct bool) []history.Op {
	r := lcg(1)
	ops := make([]history.Op, 0, n)
	held := make([]history.Value, keys)
	free := make([]int64, processes)
	names := make([]string, keys)
	for i := range names {
		names[i] = "k" + history.Int(int64(i)).Text()
	}
	now := int64(0)
	for i := range n {
		now += 10
		p := r.below(processes)
		k := r.below(keys)
		call := max(free[p], now-int64(r.below(10*processes)))
		at := max(call, now) + 1
		now = at
		op := history.Op{Process: int64(p), Key: names[k], F: history.Read, Call: call, Return: at + int64(r.below(10*processes)), Outcome: history.OK, Node: "n1"}
		free[p] = op.Return + 1
		if r.below(2) == 0 {
			v := i + 1
			if !distinct {
				v = 1 + r.below(5)
			}
			op.F, op.In = history.Write, history.Int(int64(v))
			held[k] = op.In
		} else {
			op.Out = held[k]
		}
		ops = append(ops, op)
	}
	return ops
}

// causalRun records a correct causal run: each session has a replica of its own
// that takes in the others' writes in the order in which they were made.
func causalRun(n, sessions, keys int) *history.History {
	r := lcg(7)
	type write struct {
		key   int
		value int64
	}
	var log []write
	applied := make([]int, sessions)
	state := make([][]int64, sessions)
	for s := range state {
		state[s] = make([]int64, keys)
	}
	names := make([]string, keys)
	for i := range names {
		names[i] = "k" + history.Int(int64(i)).Text()
	}
	h := &history.History{Ops: make([]history.Op, 0, n)}
	for i := range n {
		s := r.below(sessions)
		for applied[s] < len(log) && (len(log)-applied[s] > 200 || r.below(4) > 0) {
			w := log[applied[s]]
			state[s][w.key] = w.value
			applied[s]++
		}
		k := r.below(keys)
		op := history.Op{Process: int64(s), Key: names[k], F: history.Read, Call: int64(10 * i), Return: int64(10*i + 5), Outcome: history.OK}
		if r.below(2) == 0 {
			for ; applied[s] < len(log); applied[s]++ {
				state[s][log[applied[s]].key] = log[applied[s]].value
			}
			op.F, op.In = history.Write, history.Int(int64(i+1))
			log = append(log, write{k, int64(i + 1)})
			state[s][k] = int64(i + 1)
			applied[s]++
		} else if v := state[s][k]; v != 0 {
			op.Out = history.Int(v)
		}
		h.Ops = append(h.Ops, op)
	}
	return h
}
