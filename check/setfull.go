package check

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/parleydb/parley/history"
)

// SetFull checks a set that only grows, element by element over all reads, as
// Jepsen's set-full: an element is known from when its add returned, or a read
// that saw it did, whichever is first. It is lost if a read that was called
// after that, and after every read that ever saw it, does not have it. It is
// stale if a read called after it was known does not have it, and a later one
// has: allowed, unless linearizable is asked for. Ambiguous adds may be seen or
// not, but not lost once seen. Linear in the sum of what was read, but for sorting.
func SetFull(h *history.History, linearizable bool) Result {
	const level = "set-full"
	s := &fullSet{h: h, elems: make(map[elemName]*fullElem), index: make(map[keyName]int32), res: holds(level, len(h.Ops))}
	for _, i := range byCall(h.Ops) {
		if why := s.collect(i); why != "" {
			return unknown(level, len(h.Ops), "%s", why)
		}
	}
	for k := range s.keys {
		s.observe(int32(k))
	}
	if s.res.Verdict != Violated && (len(s.order) == 0 || s.reads == 0) {
		return unknown(level, len(h.Ops), "nothing was added, or nothing was read")
	}
	for _, e := range s.order {
		s.judge(e, linearizable)
	}
	return s.res
}

type fullElem struct {
	name  elemName
	add   int
	known int64
	by    int   // the operation by which it is known
	seen  []int // places in its key's reads
}

type fullSet struct {
	h     *history.History
	elems map[elemName]*fullElem
	order []*fullElem
	index map[keyName]int32
	keys  [][]int // reads by key, by call
	names []string
	reads int
	res   Result
}

func (s *fullSet) collect(i int) (why string) {
	op := &s.h.Ops[i]
	name := keyName{op.Keyspace, op.Key}
	k, ok := s.index[name]
	if !ok {
		k = int32(len(s.keys))
		s.index[name] = k
		s.keys, s.names = append(s.keys, nil), append(s.names, op.Key)
	}
	switch {
	case op.F == history.Read:
		if op.Outcome == history.OK {
			s.keys[k] = append(s.keys[k], i)
			s.reads++
		}
	case op.F == history.Add:
		e := elemName{k, op.In}
		if other := s.elems[e]; other != nil {
			return fmt.Sprintf("%s is added twice%s: elements must be different", op.In, inLine(op))
		}
		f := &fullElem{name: e, add: i, known: history.Never, by: i}
		if op.Outcome == history.OK {
			f.known = op.Return
		}
		s.elems[e] = f
		s.order = append(s.order, f)
	default:
		return fmt.Sprintf("set-full is for sets that only grow, but there is %q%s", op.F, inLine(op))
	}
	return ""
}

// observe goes through the reads of a key.
func (s *fullSet) observe(k int32) {
	for place, i := range s.keys[k] {
		op := &s.h.Ops[i]
		for _, v := range op.Out.Elems() {
			e := s.elems[elemName{k, v}]
			switch {
			case e == nil:
				s.res.add(Violation{"phantom value", s.names[k], []int{i}, fmt.Sprintf("%s: nobody ever added %s", tell(op), v)})
				continue
			case s.h.Ops[e.add].Outcome == history.Fail:
				s.res.add(Violation{"failed write seen", s.names[k], unique([]int{e.add, i}), fmt.Sprintf("%s: %s is there, but its add failed: %s", tell(op), v, tell(&s.h.Ops[e.add]))})
				continue
			case s.h.Ops[e.add].Call > op.Return:
				s.res.add(Violation{"value from the future", s.names[k], unique([]int{e.add, i}), fmt.Sprintf("%s: %s is there before it was added: %s", tell(op), v, tell(&s.h.Ops[e.add]))})
				continue
			case len(e.seen) > 0 && e.seen[len(e.seen)-1] == place:
				s.res.add(Violation{"doubled", s.names[k], unique([]int{e.add, i}), fmt.Sprintf("%s: %s is there twice", tell(op), v)})
				continue
			}
			e.seen = append(e.seen, place)
			if op.Return < e.known {
				e.known, e.by = op.Return, i
			}
		}
	}
}

// judge finds the first read that misses an element although it was known.
func (s *fullSet) judge(e *fullElem, linearizable bool) {
	if e.known == history.Never || s.h.Ops[e.add].Outcome == history.Fail {
		return
	}
	reads := s.keys[e.name.key]
	lastSeen := int64(-1) // when the last read that saw it returned
	for _, p := range e.seen {
		lastSeen = max(lastSeen, s.h.Ops[reads[p]].Return)
	}
	from, _ := slices.BinarySearchFunc(reads, e.known+1, func(i int, t int64) int { return cmp.Compare(s.h.Ops[i].Call, t) })
	at, _ := slices.BinarySearch(e.seen, from)
	missing := -1
	for p := from; p < len(reads); p++ { // as many steps as it was seen, plus one
		if at < len(e.seen) && e.seen[at] == p {
			at++
			continue
		}
		missing = p
		break
	}
	if missing < 0 {
		return
	}
	value := e.name.elem
	after, _ := slices.BinarySearchFunc(reads, max(e.known, lastSeen)+1, func(i int, t int64) int { return cmp.Compare(s.h.Ops[i].Call, t) })
	kind, read := "stale read", reads[missing]
	if after < len(reads) {
		kind, read = "lost", reads[after]
	} else if !linearizable {
		return
	}
	by := e.by
	if add := &s.h.Ops[e.add]; add.Outcome == history.OK && add.Before(&s.h.Ops[read]) {
		by = e.add // the shorter story
	}
	s.res.add(Violation{kind, s.names[e.name.key], unique([]int{e.add, by, read}), fmt.Sprintf(
		"%s: %s is missing, although it was known before: %s", tell(&s.h.Ops[read]), value, tell(&s.h.Ops[by]))})
}
