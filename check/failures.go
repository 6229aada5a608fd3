package check

// failures is the set of configurations that a search has found to lead
// nowhere: open addressing over fingerprints, which are their own hashes. A
// search spends much of its time here, and Go's map takes thrice as long.
type failures struct {
	slots [][2]uint64 // the zero fingerprint is an empty slot; a power of two
	n     int
}

func (f *failures) has(k [2]uint64) bool {
	if f.n == 0 {
		return false
	}
	return f.slots[f.find(k)] == k
}

func (f *failures) add(k [2]uint64) {
	if 2*f.n >= len(f.slots) {
		f.grow()
	}
	if i := f.find(k); f.slots[i] != k {
		f.slots[i] = k
		f.n++
	}
}

// find is where k is, or the empty slot where it would be.
func (f *failures) find(k [2]uint64) uint64 {
	mask := uint64(len(f.slots) - 1)
	i := k[0] & mask
	for f.slots[i] != k && f.slots[i] != [2]uint64{} {
		i = (i + 1) & mask
	}
	return i
}

func (f *failures) grow() {
	old := f.slots
	f.slots = make([][2]uint64, max(256, 2*len(old)))
	for _, k := range old {
		if k != [2]uint64{} {
			f.slots[f.find(k)] = k
		}
	}
}
