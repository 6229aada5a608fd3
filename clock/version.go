package clock

import (
	"slices"
	"strings"
)

// Version is a version vector: for each replica, how many of its events a
// state includes (Parker et al., "Detection of Mutual Inconsistency in
// Distributed Systems", TSE 1983). Unlike Vector it needs no fixed set of
// replicas, and it times states, not events. The zero value includes nothing.
// It is kept sorted, so that equal versions are equal byte for byte in every
// run.
type Version struct {
	entries []Dot // one per replica: its latest event; ascending by replica
}

func (v *Version) find(replica uint64) (int, bool) {
	return slices.BinarySearchFunc(v.entries, replica, func(d Dot, r uint64) int { return compare(d.Replica, r) })
}

// Counter is how many events of a replica are included.
func (v Version) Counter(replica uint64) uint64 {
	if i, ok := v.find(replica); ok {
		return v.entries[i].Counter
	}
	return 0
}

// Contains says whether an event is included. The zero dot always is.
func (v Version) Contains(d Dot) bool { return d.Counter <= v.Counter(d.Replica) }

// Next makes the replica's next event, includes it and names it.
func (v *Version) Next(replica uint64) Dot {
	d := Dot{replica, v.Counter(replica) + 1}
	v.Include(d)
	return d
}

// Include raises v to include an event and all earlier ones of its replica.
func (v *Version) Include(d Dot) {
	i, ok := v.find(d.Replica)
	switch {
	case d.IsZero():
	case ok:
		v.entries[i].Counter = max(v.entries[i].Counter, d.Counter)
	default:
		v.entries = slices.Insert(v.entries, i, d)
	}
}

// Merge raises v to include all that o includes.
func (v *Version) Merge(o Version) {
	for _, d := range o.entries {
		v.Include(d)
	}
}

// Compare says how the state at v stands to the one at o.
func (v Version) Compare(o Version) Order {
	less, more := false, false
	for _, d := range v.entries {
		more = more || !o.Contains(d)
	}
	for _, d := range o.entries {
		less = less || !v.Contains(d)
	}
	return orderOf(less, more)
}

// Dots are the latest included event of each replica, ascending by replica.
func (v Version) Dots() []Dot { return slices.Clone(v.entries) }

// Clone is a copy that does not share memory.
func (v Version) Clone() Version { return Version{slices.Clone(v.entries)} }

// String is "{1:4 2:7}".
func (v Version) String() string {
	var b strings.Builder
	b.WriteByte('{')
	for i, d := range v.entries {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(d.String())
	}
	b.WriteByte('}')
	return b.String()
}
