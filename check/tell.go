package check

import (
	"fmt"

	"github.com/parleydb/parley/history"
)

// stale tells that t3 read key from t1, although t2, which came into the
// session's past by via, is newer.
func (p *prepared) stale(kind pastKind, t3, key, t1, t2, via int32) Violation {
	x, c := p.x, p.c
	ops := []int{int(x.op[t3]), int(x.op[t2])}
	how, because := p.known(kind, t2, t3, key, via)
	for _, t := range because {
		ops = append(ops, int(x.op[t]))
	}
	text := fmt.Sprintf("%s, although %s", tell(x.opOf(t3)), how)
	if t1 == fromInit {
		text += fmt.Sprintf("; that is what %s held at first", x.keys[key])
	} else {
		ops = append(ops, int(x.op[t1]))
		text += "; " + p.older(t1, t2, key)
		if kind == causalPast && c.before(t1, t2) {
			for _, t := range c.path(t1, t2) {
				ops = append(ops, int(x.op[t]))
			}
		}
	}
	return Violation{"stale read", x.keys[key], unique(ops), text}
}

// known says how t2 is in the past of t3, and by which other transactions.
func (p *prepared) known(kind pastKind, t2, t3, key, via int32) (string, []int32) {
	x := p.x
	wrote := fmt.Sprintf("the same session had written %s%s", p.item(t2, key), at(x.opOf(t2)))
	read := func(t int32) string {
		return fmt.Sprintf("the same session had read %s%s", p.item(t2, key), at(x.opOf(t)))
	}
	switch kind {
	case ownWrites:
		return wrote, nil
	case ownReads:
		if _, direct := x.readsFrom(via, t2, key); direct {
			return read(via), []int32{via}
		}
		return fmt.Sprintf("the same session had seen the transaction that wrote %s: %s", p.item(t2, key), tell(x.opOf(via))), []int32{via}
	case theirWrites, theirReads:
		return p.knownByOthers(kind, t2, via)
	}
	path := p.c.path(t2, t3) // from t3 back to t2
	if x.sess[t2] == x.sess[t3] {
		return wrote, path
	}
	last := path[len(path)-2]
	if len(path) == 2 {
		return "it saw something else of what this wrote: " + tell(x.opOf(t2)), path
	}
	if _, direct := x.readsFrom(last, t2, key); direct && x.sess[last] == x.sess[t3] && last != t3 {
		return read(last), path
	}
	return "the session already knew of what came after this: " + tell(x.opOf(t2)), path
}

// readsFrom says whether t read key from w.
func (x *txns) readsFrom(t, w, key int32) (int32, bool) {
	lo, hi := x.reads(t)
	for i := lo; i < hi; i++ {
		if x.rKey[i] == key && x.rFrom[i] == w {
			return i, true
		}
	}
	return 0, false
}

// value is what t left in key.
func (p *prepared) value(t, key int32) history.Value {
	op := p.x.opOf(t)
	out := history.Nil
	eachStep(op, func(name string, a access) {
		if op.Keyspace != "" {
			name = op.Keyspace + "/" + name
		}
		if a.write && name == p.x.keys[key] {
			out = a.in
		}
	})
	return out
}

// item is a key with what t left in it, as x=2.
func (p *prepared) item(t, key int32) string {
	return fmt.Sprintf("%s=%s", p.x.keys[key], p.value(t, key))
}

// knownByOthers finds the write that via read, and that its session made after
// it had written, or read, t2.
func (p *prepared) knownByOthers(kind pastKind, t2, via int32) (string, []int32) {
	x := p.x
	lo, hi := x.reads(via)
	for _, f := range x.rFrom[lo:hi] {
		if f < 0 {
			continue
		}
		if kind == theirWrites {
			if x.sess[f] == x.sess[t2] && x.seq[f] > x.seq[t2] {
				return fmt.Sprintf("%s, which was written later by the same session as this: %s", tell(x.opOf(via)), tell(x.opOf(t2))), []int32{via, f}
			}
			continue
		}
		for _, u := range x.sessions[x.sess[f]][:x.seq[f]] {
			ulo, uhi := x.reads(u)
			for _, g := range x.rFrom[ulo:uhi] {
				if g == t2 {
					return fmt.Sprintf("%s, and its writer had before that read the newer value of %s", tell(x.opOf(via)), tell(x.opOf(t2))), []int32{via, f, u}
				}
			}
		}
	}
	return "the session had seen what came after this: " + tell(x.opOf(t2)), []int32{via}
}

// older says why t1's value of key is older than t2's.
func (p *prepared) older(t1, t2, key int32) string {
	x := p.x
	i, _ := x.writesKey(t1, key)
	j, _ := x.writesKey(t2, key)
	text := fmt.Sprintf("%s was written after %s", p.value(t2, key), p.value(t1, key))
	switch {
	case x.wVer != nil && x.wVer[i] != 0 && x.wVer[i] < x.wVer[j]:
		return fmt.Sprintf("%s (version %d after version %d)", text, x.wVer[j], x.wVer[i])
	case x.sess[t1] == x.sess[t2]:
		return fmt.Sprintf("%s, by the same %s", text, who(x.opOf(t1)))
	}
	return fmt.Sprintf("%s, by %s, which knew of it", text, who(x.opOf(t2)))
}
