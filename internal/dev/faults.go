package dev

import (
	"maps"
	"slices"
	"time"
)

// faults are those of one node: what it does to its traffic to others, to its
// clock and to its disk. The zero value is a healthy node.
type faults struct {
	cut       map[string]bool
	delay     map[string]time.Duration
	drop      map[string]int // percent
	duplicate map[string]int // percent
	slow      map[string]int // bytes a second
	clock     time.Duration
	jump      time.Duration // how long the clock is off, and then right, in turn; 0: always off
	disk      string        // one of DiskFaults, "" if it is well
	sync      time.Duration // how much longer its syncs take
}

// DiskFaults are what a node's disk can be told to do, but for slow syncs.
var DiskFaults = []string{"full", "fsync"}

// faultBody is what a node's /faults takes: all its faults, replacing earlier
// ones.
type faultBody struct {
	Cut       []string          `json:"cut"`
	Delay     map[string]string `json:"delay"`
	Drop      map[string]int    `json:"drop"`
	Duplicate map[string]int    `json:"duplicate,omitempty"`
	Slow      map[string]int    `json:"slow,omitempty"`
	Clock     string            `json:"clock"`
	Jump      string            `json:"jump,omitempty"`
	Disk      string            `json:"disk,omitempty"`
	Sync      string            `json:"sync,omitempty"`
}

func (f *faults) none() bool {
	return len(f.cut) == 0 && len(f.delay) == 0 && len(f.drop) == 0 && len(f.duplicate) == 0 && len(f.slow) == 0 &&
		f.clock == 0 && f.disk == "" && f.sync == 0
}

func (f *faults) setCut(to string)                    { set(&f.cut, to, true) }
func (f *faults) endCut(to string)                    { set(&f.cut, to, false) }
func (f *faults) setDelay(to string, d time.Duration) { set(&f.delay, to, d) }
func (f *faults) setDrop(to string, percent int)      { set(&f.drop, to, percent) }
func (f *faults) setDuplicate(to string, percent int) { set(&f.duplicate, to, percent) }
func (f *faults) setSlow(to string, bytes int)        { set(&f.slow, to, bytes) }

// set sets a fault of the traffic to another node; the zero value ends it.
func set[V comparable](m *map[string]V, to string, v V) {
	var zero V
	if v == zero {
		delete(*m, to)
		return
	}
	if *m == nil {
		*m = map[string]V{}
	}
	(*m)[to] = v
}

func (f *faults) body() faultBody {
	b := faultBody{
		Cut: slices.Sorted(maps.Keys(f.cut)), Delay: map[string]string{}, Drop: maps.Clone(f.drop),
		Duplicate: maps.Clone(f.duplicate), Slow: maps.Clone(f.slow), Clock: f.clock.String(), Disk: f.disk,
	}
	if f.jump != 0 {
		b.Jump = f.jump.String()
	}
	if f.sync != 0 {
		b.Sync = f.sync.String()
	}
	if b.Cut == nil {
		b.Cut = []string{}
	}
	if b.Drop == nil {
		b.Drop = map[string]int{}
	}
	for to, d := range f.delay {
		b.Delay[to] = d.String()
	}
	return b
}
