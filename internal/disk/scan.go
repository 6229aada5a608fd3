package disk

import (
	"errors"
	"unsafe"

	"github.com/RaduBerinde/btreemap"
	"github.com/cockroachdb/pebble/v2"
)

// Scan calls fn with the keys in [lo, hi) in ascending order, until it returns
// false. hi nil means to the end. key and val are valid during the call only
// and must not be changed; fn must not write the State.
func (s *State) Scan(lo, hi []byte, fn func(key, val []byte) bool) {
	if s.d.failed() {
		return
	}
	var m merge
	m.add(s.cur, lo, hi)
	for i := len(s.frozen) - 1; i >= 0; i-- {
		if s.frozen[i].epoch == s.epoch {
			m.add(s.frozen[i], lo, hi)
		}
	}
	if s.stored {
		it, err := s.d.engine.db.NewIter(rangeOptions(s.key[:dataPrefix], lo, hi))
		if err != nil {
			s.d.fail(s.d.engine.explain(err))
			return
		}
		m.store(it)
	}
	for m.next() && fn(m.key, m.val) {
	}
	if err := m.close(s.d.engine); err != nil {
		s.d.fail(s.d.engine.explain(err))
	}
}

// rangeOptions bound a Pebble iterator to [lo, hi) of a prefix.
func rangeOptions(prefix, lo, hi []byte) *pebble.IterOptions {
	o := &pebble.IterOptions{LowerBound: append(append([]byte(nil), prefix...), lo...)}
	if hi == nil {
		o.UpperBound = prefixEnd(prefix)
	} else {
		o.UpperBound = append(append([]byte(nil), prefix...), hi...)
	}
	return o
}

// merge walks deltas and a Pebble iterator in key order. Of several values of a
// key the newest counts; a deletion hides the older ones.
type merge struct {
	layers []*layer // newest first
	it     *pebble.Iterator
	itOK   bool
	itKey  []byte

	started  bool
	key, val []byte
}

func (m *merge) add(d *delta, lo, hi []byte) {
	if d.count == 0 {
		return
	}
	l := &layer{index: d.ordered(), stop: btreemap.Max[string](), take: layerFirst}
	if hi != nil {
		l.stop = btreemap.LT(string(hi))
	}
	if l.fill(btreemap.GE(string(lo))) {
		m.layers = append(m.layers, l)
	}
}

func (m *merge) store(it *pebble.Iterator) {
	m.it = it
	m.itOK = it.First()
	m.setKey()
}

func (m *merge) setKey() {
	if m.itOK {
		m.itKey = m.it.Key()[dataPrefix:]
	}
}

// next moves to the next key that has a value.
func (m *merge) next() bool {
	m.step()
	for {
		low := m.lowest()
		if low == nil {
			if !m.itOK {
				return false
			}
			v, err := m.it.ValueAndErr()
			m.key, m.val = m.itKey, v
			return err == nil // close reports the error
		}
		if !low.dead {
			m.key, m.val = unsafe.Slice(unsafe.StringData(low.key), len(low.key)), low.val
			return true
		}
		m.key = unsafe.Slice(unsafe.StringData(low.key), len(low.key))
		m.step()
	}
}

// lowest is the newest slot with the lowest key, or nil if Pebble's key is
// lower than all slots'.
func (m *merge) lowest() *slot {
	var low *slot
	for _, l := range m.layers {
		if sl := l.slot(); sl != nil && (low == nil || sl.key < low.key) {
			low = sl
		}
	}
	if low != nil && m.itOK && string(m.itKey) < low.key {
		return nil
	}
	return low
}

// step moves every source that stands at the present key past it.
func (m *merge) step() {
	if !m.started {
		m.started = true
		return
	}
	// Pebble's key may be the present one's memory: it moves last.
	for _, l := range m.layers {
		if sl := l.slot(); sl != nil && sl.key == string(m.key) {
			l.move()
		}
	}
	if m.itOK && string(m.itKey) == string(m.key) {
		m.itOK = m.it.Next()
		m.setKey()
	}
}

func (m *merge) err() error {
	if m.it == nil {
		return nil
	}
	return m.it.Error()
}

func (m *merge) close(e *engine) error {
	err := m.err()
	if m.it != nil {
		err = errors.Join(err, e.done(m.it))
	}
	return err
}

// layer reads a delta's index a little at a time, since most scans end early.
type layer struct {
	index *btreemap.BTreeMap[string, *slot]
	stop  btreemap.UpperBound[string]
	slots []*slot
	at    int
	take  int
}

const (
	layerFirst = 16
	layerLimit = 1024
)

func (l *layer) slot() *slot {
	if l.at == len(l.slots) {
		return nil
	}
	return l.slots[l.at]
}

func (l *layer) move() {
	last := l.slots[l.at].key
	if l.at++; l.at < len(l.slots) {
		return
	}
	if len(l.slots) < l.take {
		return // the index had no more
	}
	l.take = min(4*l.take, layerLimit)
	l.fill(btreemap.GT(last))
}

func (l *layer) fill(from btreemap.LowerBound[string]) bool {
	l.slots, l.at = l.slots[:0], 0
	l.index.AscendFunc(from, l.stop, func(_ string, sl *slot) bool {
		l.slots = append(l.slots, sl)
		return len(l.slots) < l.take
	})
	return len(l.slots) > 0
}
