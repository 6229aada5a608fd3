package data

// Prefetch tells the Map of keys that commands will soon look up. A Map that
// waits for memory then waits for many keys at the same time. It costs about as
// much as it saves where the processor's caches have what it loads: see Cold.
func (s *Store) Prefetch(keys [][]byte) {
	p, ok := s.m.(Prefetcher)
	if !ok || len(keys) < 2 {
		return
	}
	s.aux = s.aux[:0]
	s.ahead = s.ahead[:0]
	for _, k := range keys {
		from := len(s.aux)
		s.aux = appendPosition(s.aux, k)
		s.ahead = append(s.ahead, s.aux[from:len(s.aux):len(s.aux)])
	}
	p.Prefetch(s.ahead)
	clear(s.ahead)
	s.trim()
}

// Cold says whether there is so much in the Map that the caches hardly have it.
func (s *Store) Cold() bool {
	p, ok := s.m.(Prefetcher)
	return ok && p.Cold()
}
