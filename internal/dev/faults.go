package dev

import (
	"maps"
	"slices"
	"time"
)

// faults are those of one node: what it does to its traffic to others, and to
// its clock. The zero value is a healthy node.
type faults struct {
	cut   map[string]bool
	delay map[string]time.Duration
	drop  map[string]int // percent
	clock time.Duration
}

// faultBody is what a node's /faults takes: all its faults, replacing earlier
// ones.
type faultBody struct {
	Cut   []string          `json:"cut"`
	Delay map[string]string `json:"delay"`
	Drop  map[string]int    `json:"drop"`
	Clock string            `json:"clock"`
}

func (f *faults) none() bool {
	return len(f.cut) == 0 && len(f.delay) == 0 && len(f.drop) == 0 && f.clock == 0
}

func (f *faults) setCut(to string) {
	if f.cut == nil {
		f.cut = map[string]bool{}
	}
	f.cut[to] = true
}

// setDelay delays traffic; 0 ends that.
func (f *faults) setDelay(to string, d time.Duration) {
	if f.delay == nil {
		f.delay = map[string]time.Duration{}
	}
	f.delay[to] = d
	if d == 0 {
		delete(f.delay, to)
	}
}

// setDrop loses a percentage of messages; 0 ends that.
func (f *faults) setDrop(to string, percent int) {
	if f.drop == nil {
		f.drop = map[string]int{}
	}
	f.drop[to] = percent
	if percent == 0 {
		delete(f.drop, to)
	}
}

func (f *faults) body() faultBody {
	b := faultBody{Cut: slices.Sorted(maps.Keys(f.cut)), Delay: map[string]string{}, Drop: maps.Clone(f.drop), Clock: f.clock.String()}
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
