package check

import "fmt"

// stale tells that t3 read key from t1, although t2, which came into the
// session's past by via, is newer.
func (p *prepared) stale(kind pastKind, t3, key, t1, t2, via int32) Violation {
	x, c := p.x, p.c
	ops := []int{int(x.op[t3]), int(x.op[t2])}
	how, because := p.known(kind, t2, t3, via)
	for _, t := range because {
		ops = append(ops, int(x.op[t]))
	}
	text := fmt.Sprintf("%s, although %s", tell(x.opOf(t3)), how)
	if t1 == fromInit {
		text += fmt.Sprintf("; what came back is what %s held at first", x.keys[key])
	} else {
		ops = append(ops, int(x.op[t1]))
		text += "; " + p.older(t1, t2, key)
		if c.before(t1, t2) {
			for _, t := range c.path(t1, t2) {
				ops = append(ops, int(x.op[t]))
			}
		}
	}
	return Violation{"stale read", x.keys[key], unique(ops), text}
}

// known says how t2 is in the past of t3, and by which other transactions.
func (p *prepared) known(kind pastKind, t2, t3, via int32) (string, []int32) {
	x := p.x
	write := tell(x.opOf(t2))
	switch kind {
	case ownWrites:
		return "the same session had written before: " + write, nil
	case ownReads:
		return fmt.Sprintf("the same session had read the newer value of %s before: %s", write, tell(x.opOf(via))), []int32{via}
	case theirWrites, theirReads:
		return p.knownByOthers(kind, t2, via)
	}
	path := p.c.path(t2, t3) // from t3 back to t2
	last := path[len(path)-2]
	switch {
	case x.sess[t2] == x.sess[t3]:
		return "the same session had written before: " + write, path
	case x.sess[last] == x.sess[t3] && last != t3:
		return fmt.Sprintf("the same session had read the newer value of %s before: %s", write, tell(x.opOf(last))), path
	}
	return "the session already knew of what came after this: " + write, path
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
	a, b := tell(x.opOf(t1)), tell(x.opOf(t2))
	i, _ := x.writesKey(t1, key)
	j, _ := x.writesKey(t2, key)
	switch {
	case x.wVer != nil && x.wVer[i] != 0 && x.wVer[i] < x.wVer[j]:
		return fmt.Sprintf("version %d, which came back, is older than version %d", x.wVer[i], x.wVer[j])
	case x.sess[t1] == x.sess[t2]:
		return fmt.Sprintf("that one was written after what came back, by the same session: %s", a)
	}
	return fmt.Sprintf("what came back is older, because the writer of the newer value knew it: %s, then %s", a, b)
}
