package disk

// coldFrom is how many keys in memory are more than the processor's caches hold.
const coldFrom = 1 << 16

// prefetchAtOnce is about how many loads a processor has under way.
const prefetchAtOnce = 16

// Prefetch is told of keys that Get will soon be called for. It makes the loads
// that they will need, of many keys at the same time: a processor waits for
// memory once for all loads that do not depend on each other, and Get's depend
// on each other. It changes nothing.
func (s *State) Prefetch(keys [][]byte) {
	if s.d.failed() {
		return
	}
	var hashes [prefetchAtOnce]uint64
	for len(keys) > 0 {
		n := min(len(keys), prefetchAtOnce)
		for i, k := range keys[:n] {
			hashes[i] = s.hash(k)
		}
		s.load(hashes[:n])
		keys = keys[n:]
	}
}

// Cold says whether there are so many keys in memory that the processor's caches
// hardly have what Get looks at. With fewer Prefetch pays off only for one who has
// given the caches to something else meanwhile.
func (s *State) Cold() bool {
	n := s.cur.count
	for _, f := range s.frozen {
		n += f.count
	}
	return max(n, int(s.d.cache.added())) >= coldFrom // most keys are in both
}

func (s *State) load(hashes []uint64) {
	var sum uint64
	var slots [prefetchAtOnce]*slot
	c := s.d.cache
	for _, h := range hashes {
		sum += s.cur.table.near(h) + c.near(h)
		for _, f := range s.frozen {
			sum += f.table.near(h)
		}
	}
	for i, h := range hashes {
		if slots[i] = s.cur.likely(h); slots[i] == nil {
			sum += c.far(h)
		}
	}
	for _, sl := range slots[:len(hashes)] {
		if sl != nil && len(sl.key) > 0 {
			sum += uint64(sl.key[0])
		}
	}
	s.loaded = sum // so that the loads are not left out as useless
}
