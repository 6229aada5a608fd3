package disk

import (
	"errors"
	"unsafe"

	"github.com/cockroachdb/pebble/v2"
)

// State is one group's state machine: an ordered map of bytes. Reads see all
// changes at once; changes are durable, together with the applied index that
// covers them, some time later, or are made again from the log.
//
// After an I/O error reads find nothing and Disk.Err is set: it is to be
// checked before any reply is released.
type State struct {
	d     *Disk
	group uint64
	epoch uint32
	next  uint32 // the next epoch to give out

	cur    *delta
	frozen []*delta // oldest first
	stored bool     // Pebble has, or will have, keys of this epoch

	applied, appliedTerm uint64
	durable              uint64 // applied index that is durable
	open                 bool   // changes were made after the last SetApplied
	listed               bool   // in d.touched

	key    []byte     // scratch: the key in Pebble
	loaded uint64     // by Prefetch
	reads  readBuffer // what Get has given out since the last change
}

// Get returns a key's value, valid until the next Set, Delete or Clear; it must
// not be changed.
func (s *State) Get(key []byte) (val []byte, ok bool) {
	hash := s.hash(key)
	if sl := s.cur.find(key, hash); sl != nil {
		return sl.value()
	}
	for i := len(s.frozen) - 1; i >= 0; i-- {
		if f := s.frozen[i]; f.epoch == s.epoch {
			if sl := f.find(key, hash); sl != nil {
				return sl.value()
			}
		}
	}
	return s.getClean(hash)
}

// hash puts key behind the prefix in s.key.
func (s *State) hash(key []byte) uint64 {
	s.key = append(s.key[:dataPrefix], key...)
	return hashOf(s.key)
}

func (sl *slot) value() ([]byte, bool) {
	if sl.dead {
		return nil, false
	}
	return sl.val, true
}

// getClean reads the key in s.key, which no delta has.
func (s *State) getClean(hash uint64) ([]byte, bool) {
	if s.d.failed() {
		return nil, false
	}
	rest := s.reads.rest()
	if v, ok := s.d.cache.get(rest, s.key, hash); ok {
		s.d.metrics.CacheHits++
		s.reads.used(rest, v)
		return v[:len(v):len(v)], true
	}
	v, closer, err := s.d.engine.db.Get(s.key)
	if err != nil {
		if !errors.Is(err, pebble.ErrNotFound) {
			s.d.fail(s.d.engine.explain(err))
		}
		return nil, false
	}
	s.d.metrics.CacheMisses++
	s.d.cache.set(s.key, v, hash)
	out := s.reads.copy(v)
	if err := s.d.engine.done(closer); err != nil {
		s.d.fail(s.d.engine.explain(err))
		return nil, false
	}
	return out, true
}

// Set copies key and value into the map.
func (s *State) Set(key, val []byte) {
	s.change()
	hash, before := s.hash(key), s.cur.bytes
	sl, added := s.cur.set(key, val, hash)
	s.d.dirty += s.cur.bytes - before
	if s.pass(sl, added) {
		s.d.cache.set(s.key, val, hash)
	}
}

// Delete removes a key; it may be absent.
func (s *State) Delete(key []byte) {
	s.change()
	hash, before := s.hash(key), s.cur.bytes
	sl, added := s.cur.remove(key, hash)
	s.d.dirty += s.cur.bytes - before
	if s.pass(sl, added) {
		s.d.cache.del(s.key, hash)
	}
}

// pass says whether a change is to be made in the value cache now. A key's
// first change in a generation is: the cache's record of it was just looked at,
// so it is near, and no second way through memory is needed later. The further
// ones of a key that changes often come late, all at once, when the generation
// is written behind (delta.fill). So do all changes of a key that an older
// generation, still in the background, will bring late: they must not come in
// between.
func (s *State) pass(sl *slot, added bool) bool {
	if added && !s.lateBefore(sl) {
		return true
	}
	if !sl.late {
		sl.late = true
		s.cur.late++
	}
	return false
}

func (s *State) lateBefore(sl *slot) bool {
	for _, f := range s.frozen {
		if f.epoch == s.epoch && f.late > 0 {
			if old := f.find(unsafe.Slice(unsafe.StringData(sl.key), len(sl.key)), sl.hash); old != nil && old.late {
				return true
			}
		}
	}
	return false
}

// Clear removes all keys, at no cost per key: their epoch ends.
func (s *State) Clear() {
	s.change()
	s.replace(s.allot())
}

// allot gives out an epoch that no key carries.
func (s *State) allot() uint32 {
	e := s.next
	s.next++
	return e
}

// replace makes the state that of another epoch; the present one's keys are
// deleted with the next generation.
func (s *State) replace(epoch uint32) {
	old := s.cur
	s.d.dirty -= old.bytes
	s.cur = newDelta(s, epoch, nil)
	s.cur.dead = old.dead
	if s.stored {
		s.cur.dead = append(s.cur.dead, s.epoch)
	}
	s.setEpoch(epoch, false)
}

func (s *State) setEpoch(epoch uint32, stored bool) {
	s.epoch, s.stored = epoch, stored
	s.key = appendDataPrefix(s.key[:0], s.group, epoch)
	s.next = max(s.next, epoch+1)
}

func (s *State) change() {
	s.reads.off = 0
	if !s.open {
		s.open = true
		s.d.unapplied++
		s.touch()
	}
}

func (s *State) touch() {
	if !s.listed {
		s.listed = true
		s.d.touched = append(s.d.touched, s)
	}
}

// SetApplied says that all changes so far are those of the log up to index:
// they become durable together with it. It must be called after an entry's
// changes and before Tick; index never goes down.
func (s *State) SetApplied(index, term uint64) {
	s.applied, s.appliedTerm = index, term
	if s.open {
		s.open = false
		s.d.unapplied--
	}
	s.touch()
}

// Applied is the index and term that the state is at: right after Open, of the
// last durable change. Raft applies the entries after it again.
func (s *State) Applied() (index, term uint64) { return s.applied, s.appliedTerm }

// readBuffer holds the values that Get copied, until the next change. A full
// buffer is left to those who still hold values in it.
type readBuffer struct {
	buf []byte
	off int
}

const (
	readBufferFirst = 1 << 10
	readBufferLimit = 64 << 10
)

func (b *readBuffer) grow() {
	b.buf = make([]byte, max(readBufferFirst, min(2*len(b.buf), readBufferLimit)))
	b.off = 0
}

// rest is the free memory as an empty slice.
func (b *readBuffer) rest() []byte {
	if len(b.buf)-b.off < 64 {
		b.grow()
	}
	return b.buf[b.off:b.off:len(b.buf)]
}

// used says that v was appended to rest; it may have outgrown it.
func (b *readBuffer) used(rest, v []byte) {
	if unsafe.SliceData(v) == unsafe.SliceData(rest) {
		b.off += len(v)
	}
}

func (b *readBuffer) copy(v []byte) []byte {
	rest := b.rest()
	out := append(rest, v...)
	b.used(rest, out)
	return out[:len(out):len(out)]
}
