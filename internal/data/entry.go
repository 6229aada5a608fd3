package data

import (
	"encoding/binary"
	"fmt"
)

// entry is what the Map holds for a key. It is good until the next lookup or
// write.
type entry struct {
	header
	pos     []byte // the key in table 'k'
	body    []byte // aliases the Map
	present bool   // the Map holds it
	alive   bool   // and it has not expired
}

func (s *Store) lookup(key []byte, now int64) (e entry) {
	s.fill(&e, key, now)
	return e
}

// fill is lookup into e, which is empty: an entry is large to be handed on.
func (s *Store) fill(e *entry, key []byte, now int64) {
	s.pos = appendPosition(s.pos[:0], key)
	s.load(e, s.pos, now)
}

func (s *Store) load(e *entry, pos []byte, now int64) {
	e.pos = pos
	var val []byte
	if val, e.present = s.m.Get(pos); e.present {
		e.header, e.body = mustDecode(pos, val)
		e.alive = !e.expired(now)
	}
}

func (h header) expired(now int64) bool { return h.deadline != 0 && h.deadline <= now }

// mustDecode stops the process on a value that no Store wrote: going on would
// let copies of the shard differ.
func mustDecode(pos, val []byte) (header, []byte) {
	h, body, err := decodeHeader(val)
	if err != nil {
		panic(fmt.Sprintf("data: the stored state is damaged at key %q: %v", pos, err))
	}
	return h, body
}

// find looks a key up for the command.
func (c *call) find(key []byte) (e entry) {
	c.fill(&e, key, c.now)
	if e.alive {
		c.note(e.deadline)
	}
	return e
}

// note records for Lagging that the command showed a key with that deadline.
func (c *call) note(deadline int64) {
	if deadline != 0 && deadline <= c.env.Wall {
		c.lag = max(c.lag, deadline)
	}
}

// findString is find for commands on strings. When ok is false the key has
// another type and the error is the reply.
func (c *call) findString(key []byte) (e entry, ok bool) {
	c.fill(&e, key, c.now)
	if e.alive {
		c.note(e.deadline)
	}
	if e.alive && e.kind != TypeString {
		c.err(errWrongType)
		return e, false
	}
	return e, true
}

// changed is the header that e gets when the command changes the string in it:
// its deadline stays, if it is alive.
func (c *call) changed(e entry) header {
	h := header{kind: TypeString, version: c.env.Version}
	if e.alive {
		h.deadline = e.deadline
	}
	return h
}

// fresh is the header of a string that replaces whatever is there.
func (c *call) fresh(deadline int64) header {
	return header{kind: TypeString, version: c.env.Version, deadline: deadline}
}

// begin starts a stored value with its header in the scratch buffer. The caller
// appends the body and hands the result to save.
func (c *call) begin(h header) []byte { return h.append(c.val[:0]) }

// put stores a header and a body for e's key.
func (c *call) put(e entry, h header, body []byte) {
	c.save(e, h, append(c.begin(h), body...))
}

// save stores val, which begins with h, for e's key. A deadline that has passed
// deletes the key instead.
func (c *call) save(e entry, h header, val []byte) {
	c.val = val
	if h.expired(c.now) {
		c.remove(e)
		return
	}
	c.m.Set(e.pos, val)
	if !e.present {
		c.addKeys(1)
	}
	if e.present && e.deadline == h.deadline {
		return
	}
	c.dropDeadline(e)
	if h.deadline != 0 {
		c.m.Set(c.expiryKey(h.deadline, e.pos), nil)
		if c.nextKnown && (c.next == 0 || h.deadline < c.next) {
			c.next = h.deadline
		}
	}
}

// remove deletes e's key, if the Map holds it.
func (s *Store) remove(e entry) {
	if !e.present {
		return
	}
	s.m.Delete(e.pos)
	s.dropDeadline(e)
	s.addKeys(-1)
}

func (s *Store) dropDeadline(e entry) {
	if e.present && e.deadline != 0 {
		s.m.Delete(s.expiryKey(e.deadline, e.pos))
	}
}

func (s *Store) expiryKey(deadline int64, pos []byte) []byte {
	s.aux = append(appendDeadline(s.aux[:0], deadline), pos[1:]...)
	return s.aux
}

// Keys is the number of keys in the Map, expired ones included.
func (s *Store) Keys() int64 {
	if !s.keysKnown {
		s.keys, s.keysKnown = 0, true
		if v, ok := s.m.Get(counterKeys); ok {
			s.keys = int64(binary.BigEndian.Uint64(v))
		}
	}
	return s.keys
}

func (s *Store) addKeys(n int64) {
	s.keys = s.Keys() + n
	s.keysDirty = true
}

// saveCount writes the number of keys once for all changes of a command. Zero
// is not stored, so that an emptied store equals a new one.
func (s *Store) saveCount() {
	if !s.keysDirty {
		return
	}
	s.keysDirty = false
	if s.keys == 0 {
		s.m.Delete(counterKeys)
		return
	}
	s.aux = binary.BigEndian.AppendUint64(s.aux[:0], uint64(s.keys))
	s.m.Set(counterKeys, s.aux)
}

// flush deletes all keys and keeps the tables of the Map's owner.
func (s *Store) flush() {
	var kept [][2][]byte
	s.m.Scan([]byte{ownerTablesFrom}, []byte{ownerTablesTo}, func(k, v []byte) bool {
		kept = append(kept, [2][]byte{append([]byte(nil), k...), append([]byte(nil), v...)})
		return true
	})
	s.m.Clear()
	for _, e := range kept {
		s.m.Set(e[0], e[1])
	}
	s.keys, s.keysKnown, s.keysDirty = 0, true, false
	s.next, s.nextKnown = 0, true
}
