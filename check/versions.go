package check

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/parleydb/parley/history"
)

// byVersion reads a history of single operations of which the database told
// the versions: the one that each write made and each read saw, rising along
// the order of the key's writes. An ambiguous write gets its version from who
// saw it. O(n log n).
func byVersion(h *history.History, level string) *chains {
	v := &versioned{chains: newChains(h, level)}
	for _, i := range byCall(h.Ops) {
		if v.why = v.collect(int32(i)); v.why != "" {
			return v.chains
		}
	}
	for k := range v.keys {
		v.order(int32(k))
	}
	slices.SortFunc(v.live, func(a, b int32) int { return cmp.Or(cmp.Compare(h.Ops[a].Call, h.Ops[b].Call), cmp.Compare(a, b)) })
	return v.chains
}

type versioned struct {
	*chains
	keys []versionedKey
}

type versionedKey struct {
	writes []versionedOp
	reads  []versionedOp
	maybe  []versionedOp // ambiguous writes
}

type versionedOp struct {
	version uint64
	op      int32
	value   history.Value // what was written, or read
	access  access
}

func (v *versioned) collect(i int32) (why string) {
	op := &v.g.h.Ops[i]
	if op.F == history.Txn {
		return "versions are recorded for single operations only" + inLine(op)
	}
	a, known := accessOf(op.F, op.In, op.Out, op.Outcome == history.OK)
	if !known {
		return fmt.Sprintf("this level is defined for reads and writes, not for %q%s", op.F, inLine(op))
	}
	n := v.key(op.Keyspace, op.Key)
	if int(n) == len(v.keys) {
		v.keys = append(v.keys, versionedKey{})
	}
	k := &v.keys[n]
	initial := v.g.h.Header.InitialOf(op.Key)
	switch {
	case op.Outcome == history.Info && a.write:
		k.maybe = append(k.maybe, versionedOp{op: i, value: a.in})
	case op.Outcome != history.OK:
	case op.Version == 0 && (a.write || a.read && a.out != initial):
		return fmt.Sprintf("%s: the database told no version%s", tell(op), inLine(op))
	case a.write && a.in == initial:
		return fmt.Sprintf("%s: that is the initial value again, and reads of it do not say which they saw%s", tell(op), inLine(op))
	case a.write:
		k.writes = append(k.writes, versionedOp{op.Version, i, a.in, a})
		v.live = append(v.live, i)
	case a.read:
		k.reads = append(k.reads, versionedOp{op.Version, i, a.out, a})
		v.live = append(v.live, i)
	}
	return ""
}

// order puts the writes of a key in order and finds what each read saw.
func (v *versioned) order(n int32) {
	k := &v.keys[n]
	v.adopt(k)
	slices.SortFunc(k.writes, func(a, b versionedOp) int {
		return cmp.Or(cmp.Compare(a.version, b.version), cmp.Compare(a.op, b.op))
	})
	writers := make([]int32, len(k.writes))
	for i, w := range k.writes {
		writers[i] = w.op
		v.follows(n, k, i)
	}
	var at []readAt
	for _, r := range k.reads {
		if r.version == 0 {
			at = append(at, readAt{r.op, 0})
			continue
		}
		i, ok := findVersion(k.writes, r.version)
		switch {
		case !ok:
			v.fault("phantom value", n, fmt.Sprintf("%s as version %d, but no write made that version", v.tell(r), r.version), r)
		case k.writes[i].value != r.value:
			v.fault("wrong value", n, fmt.Sprintf("%s as version %d, but that version is: %s", v.tell(r), r.version, v.tell(k.writes[i])), r, k.writes[i])
		default:
			at = append(at, readAt{r.op, i + 1})
		}
	}
	v.chain(n, writers, at, nil)
}

func findVersion(ws []versionedOp, version uint64) (int, bool) {
	return slices.BinarySearchFunc(ws, version, func(w versionedOp, v uint64) int { return cmp.Compare(w.version, v) })
}

// adopt gives ambiguous writes the version under which their value was read.
func (v *versioned) adopt(k *versionedKey) {
	if len(k.maybe) == 0 {
		return
	}
	have := make(map[uint64]bool, len(k.writes))
	for _, w := range k.writes {
		have[w.version] = true
	}
	byValue := make(map[history.Value]versionedOp, len(k.maybe))
	for _, m := range k.maybe {
		byValue[m.value] = m
	}
	for _, r := range k.reads {
		m, ok := byValue[r.value]
		if !ok || r.version == 0 || have[r.version] {
			continue
		}
		have[r.version] = true
		m.version = r.version
		k.writes = append(k.writes, m)
		v.live = append(v.live, m.op)
	}
}

// follows checks the i-th write against the one before it: versions differ, and
// a compare-and-set or swap found what that one left, unless an ambiguous write
// may have come between.
func (v *versioned) follows(n int32, k *versionedKey, i int) {
	w := k.writes[i]
	before := v.g.h.Header.InitialOf(v.g.h.Ops[w.op].Key)
	with := []versionedOp{w}
	if i > 0 {
		before = k.writes[i-1].value
		with = append(with, k.writes[i-1])
		if k.writes[i-1].version == w.version {
			v.fault("one version twice", n, fmt.Sprintf("%s, and %s: both are version %d", v.tell(k.writes[i-1]), v.tell(w), w.version), with...)
		}
	}
	if !w.access.read || w.access.out == before {
		return
	}
	for _, m := range k.maybe {
		if m.value == w.access.out {
			return
		}
	}
	v.fault("lost update", n, fmt.Sprintf("%s, finding %s as version %d, but the version before it was %s", v.tell(w), w.access.out, w.version, before), with...)
}

func (v *versioned) tell(o versionedOp) string { return tell(&v.g.h.Ops[o.op]) }

func (v *versioned) fault(kind string, key int32, text string, ops ...versionedOp) {
	var is []int
	for _, o := range ops {
		is = append(is, int(o.op))
	}
	v.res.add(Violation{kind, v.g.keys[key], unique(is), text})
}
