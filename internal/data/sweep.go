package data

// NextExpiry is a lower bound, in Unix ms, of the earliest deadline of a stored
// key, and 0 if no key has one. When it has passed, Sweep has work, or finds out
// the exact bound.
func (s *Store) NextExpiry() int64 {
	if !s.nextKnown {
		s.next, s.nextKnown = 0, true
		s.scanDeadlines(func(deadline int64, _ []byte) bool {
			s.next = deadline
			return false
		})
	}
	return s.next
}

// Sweep deletes up to limit keys that have expired by env.Stamp, earliest
// deadline first, and returns how many it deleted. It is deterministic, and must
// run at the same point of the log on every copy.
func (s *Store) Sweep(env *Env, limit int) int {
	now := env.Stamp.Millis()
	if next := s.NextExpiry(); next == 0 || next > now {
		return 0 // a scan for every entry would be dear
	}
	var due []byte // keys of table 'k', each after its length
	var ends []int
	s.next, s.nextKnown = 0, true
	s.scanDeadlines(func(deadline int64, pos []byte) bool {
		if deadline > now || len(ends) >= limit {
			s.next = deadline
			return false
		}
		due = append(append(due, tableKey), pos...)
		ends = append(ends, len(due))
		return true
	})
	from := 0
	for _, end := range ends {
		var e entry
		s.load(&e, due[from:end], now)
		s.remove(e)
		from = end
	}
	s.saveCount()
	s.trim()
	return len(ends)
}

// scanDeadlines visits table 'x', earliest deadline first. pos is a key of
// table 'k' without its table.
func (s *Store) scanDeadlines(fn func(deadline int64, pos []byte) bool) {
	s.m.Scan([]byte{tableExpiry}, []byte{tableExpiry + 1}, func(x, _ []byte) bool {
		return fn(deadlineOf(x))
	})
}

// liveKeys is the number of keys that have not expired. Its cost is that of
// visiting those that have and still wait to be swept.
func (c *call) liveKeys() int64 {
	n := c.Keys()
	if next := c.NextExpiry(); next == 0 || next > max(c.now, c.env.Wall) {
		return n
	}
	c.scanDeadlines(func(deadline int64, _ []byte) bool {
		h := header{deadline: deadline}
		if h.expired(c.now) {
			n--
			return true
		}
		c.note(h.deadline)
		return h.expired(c.env.Wall)
	})
	return n
}
