package data

import (
	"slices"
	"strings"
)

// Mem is a Map in memory, for tests and the simulator: a Go map, and its keys in
// order. Inserting and deleting cost time in proportion to the number of keys.
type Mem struct {
	vals map[string]*[]byte
	keys []string // sorted
}

// NewMem returns an empty Mem.
func NewMem() *Mem { return &Mem{vals: map[string]*[]byte{}} }

// Get implements Map.
func (m *Mem) Get(key []byte) ([]byte, bool) {
	if v, ok := m.vals[string(key)]; ok {
		return *v, true
	}
	return nil, false
}

// Set implements Map.
func (m *Mem) Set(key, val []byte) {
	if v, ok := m.vals[string(key)]; ok {
		*v = append((*v)[:0], val...)
		return
	}
	k, v := string(key), append([]byte{}, val...)
	m.vals[k] = &v
	m.keys = slices.Insert(m.keys, m.search(key), k)
}

// Delete implements Map.
func (m *Mem) Delete(key []byte) {
	if _, ok := m.vals[string(key)]; !ok {
		return
	}
	delete(m.vals, string(key))
	i := m.search(key)
	m.keys = slices.Delete(m.keys, i, i+1)
}

// Scan implements Map.
func (m *Mem) Scan(lo, hi []byte, fn func(key, val []byte) bool) {
	for _, k := range m.keys[m.search(lo):] {
		if hi != nil && k >= string(hi) || !fn([]byte(k), *m.vals[k]) {
			return
		}
	}
}

// Clear implements Map.
func (m *Mem) Clear() {
	clear(m.vals)
	m.keys = nil
}

// Len is the number of entries, of all tables.
func (m *Mem) Len() int { return len(m.keys) }

// search is the index of the first key at or after key.
func (m *Mem) search(key []byte) int {
	i, _ := slices.BinarySearchFunc(m.keys, key, func(k string, key []byte) int {
		return strings.Compare(k, string(key))
	})
	return i
}
