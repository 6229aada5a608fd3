package disk

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// ranked is a slot's number with the beginning of its key, which nearly always
// decides the order without a look at the key.
type ranked struct {
	prefix uint64
	number int
}

// ascend visits all slots in key order, as Pebble wants them in the end: it then
// only confirms the order of a large batch, where its own sort would miss the
// processor's caches at every comparison.
func (d *delta) ascend(fn func(*slot) error) error {
	order := make([]ranked, d.count)
	for i := range order {
		order[i] = ranked{keyPrefix(d.at(i).key), i}
	}
	slices.SortFunc(order, func(a, b ranked) int {
		if a.prefix != b.prefix {
			return cmp.Compare(a.prefix, b.prefix)
		}
		return cmp.Compare(d.at(a.number).key, d.at(b.number).key)
	})
	var slots [prefetchAtOnce]*slot
	for len(order) > 0 {
		n := min(len(order), prefetchAtOnce)
		d.loaded = d.gather(slots[:n], order)
		for _, sl := range slots[:n] {
			if err := fn(sl); err != nil {
				return err
			}
		}
		order = order[n:]
	}
	return nil
}

// gather loads slots with their keys and values, all at the same time: see
// State.Prefetch.
func (d *delta) gather(slots []*slot, order []ranked) (sum int) {
	for i := range slots {
		slots[i] = d.at(order[i].number)
		sum += len(slots[i].key)
	}
	for _, sl := range slots {
		if len(sl.key) > 0 {
			sum += int(sl.key[0])
		}
		if n := len(sl.val); n > 0 {
			sum += int(sl.val[n-1])
		}
	}
	return sum
}

// keyPrefix is the beginning of a key as a number: of two keys whose prefixes
// differ, the one with the smaller prefix is the smaller.
func keyPrefix(key string) uint64 {
	var b [8]byte
	copy(b[:], key)
	return binary.BigEndian.Uint64(b[:])
}
