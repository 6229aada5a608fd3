package disk

import (
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

const (
	// freezeAfter bounds how long a change waits in memory, and so the work of
	// a restart on a quiet node.
	freezeAfter = time.Minute
	// maxChain is how many frozen generations there may be: the one being
	// written, and one that a snapshot asked for.
	maxChain = 2
)

// Tick does the housekeeping: it takes note of what the background finished,
// writes behind when enough has changed, and deletes old log. The node calls it
// each round, after SetApplied; now is a monotonic clock. It is cheap when
// there is nothing to do. When changes come faster than they can be written, it
// waits.
func (d *Disk) Tick(now time.Duration) {
	if d.failed() {
		return
	}
	d.reap()
	if d.unapplied > 0 {
		return // a generation must end at an applied index
	}
	d.relieve()
	if len(d.touched) == 0 && len(d.drops) == 0 {
		d.frozeAt = now
		return
	}
	for d.dirty >= 2*d.opts.GenerationBytes && len(d.chain) > 0 && !d.failed() {
		d.metrics.Stalls++
		d.await()
	}
	if len(d.chain) == 0 && d.due(now) {
		d.frozeAt = now
		d.freeze(d.touched)
	}
}

func (d *Disk) due(now time.Duration) bool {
	return d.dirty >= d.opts.GenerationBytes ||
		d.since >= max(d.opts.SegmentBytes, d.opts.GenerationBytes) ||
		now-d.frozeAt >= freezeAfter
}

// freeze hands the states' changes over to be written behind. The log is synced
// first: a state must never be durable beyond its log.
func (d *Disk) freeze(states []*State) {
	if d.Sync(true) != nil {
		return
	}
	gen := &generation{done: make(chan struct{}), drops: d.drops}
	d.drops = nil
	for _, s := range states {
		f := s.cur
		f.applied, f.appliedTerm = s.applied, s.appliedTerm
		s.frozen = append(s.frozen, f)
		s.stored = s.stored || f.count > 0
		s.cur = newDelta(s, s.epoch, f)
		s.listed = false
		gen.deltas = append(gen.deltas, f)
		gen.bytes += f.bytes
	}
	d.touched = slices.DeleteFunc(d.touched, func(s *State) bool { return !s.listed })
	d.dirty -= gen.bytes
	d.since = 0
	d.chain = append(d.chain, gen)
	d.metrics.Generations++
	d.background(func() error { return d.writeBehind(gen) })
	if d.opts.Inline {
		d.reap()
	}
}

// background runs fn after all earlier ones; at once when inline.
func (d *Disk) background(fn func() error) {
	if d.worker != nil {
		d.worker.do(fn)
		return
	}
	if d.failed() {
		return
	}
	if err := fn(); err != nil {
		d.fail(err)
	}
}

// writeBehind makes a generation durable.
func (d *Disk) writeBehind(gen *generation) error {
	defer close(gen.done)
	if d.failed() {
		return d.Err()
	}
	begin := time.Now()
	b := d.engine.batch(gen.batchBytes())
	for _, f := range gen.deltas {
		if err := f.write(b); err != nil {
			return err
		}
	}
	for _, g := range gen.drops {
		if err := eraseGroup(b, g); err != nil {
			return err
		}
	}
	if err := d.engine.commit(b); err != nil {
		return err
	}
	for _, f := range gen.deltas {
		f.fill(d.cache)
	}
	if err := d.engine.flush(); err != nil {
		return err
	}
	if d.opts.Events.Flushed != nil {
		d.opts.Events.Flushed(gen.bytes, time.Since(begin))
	}
	return nil
}

// write puts a delta into a batch, with what makes it whole: the epoch and the
// applied index.
func (f *delta) write(b *pebble.Batch) error {
	group := f.state.group
	for _, e := range f.dead {
		if err := eraseStage(b, group, e); err != nil {
			return err
		}
	}
	if f.installed != 0 {
		if err := b.Delete(stageKey(group, f.installed), nil); err != nil {
			return err
		}
	}
	key := appendDataPrefix(nil, group, f.epoch)
	err := f.ascend(func(sl *slot) error {
		key = append(key[:dataPrefix], sl.key...)
		if sl.dead {
			return b.Delete(key, nil)
		}
		return b.Set(key, sl.val, nil)
	})
	if err != nil {
		return err
	}
	m := stateMeta{epoch: f.epoch, applied: f.applied, term: f.appliedTerm}
	return b.Set(metaKey(group), m.encode(), nil)
}

// fill brings the cache up to date where it is late, before the loop stops
// looking into the delta.
func (f *delta) fill(c valueCache) {
	key := appendDataPrefix(nil, f.state.group, f.epoch)
	var slots [prefetchAtOnce]*slot
	for i, left := 0, f.late; left > 0; {
		n := 0
		for ; n < min(left, len(slots)); i++ {
			if sl := f.at(i); sl.late {
				slots[n] = sl
				n++
			}
		}
		left -= n
		f.approach(c, slots[:n])
		for _, sl := range slots[:n] {
			key = append(key[:dataPrefix], sl.key...)
			if sl.dead {
				c.del(key, sl.hash)
			} else {
				c.set(key, sl.val, sl.hash)
			}
		}
	}
}

// approach makes the loads that the cache will need, of all slots together: see
// State.Prefetch.
func (f *delta) approach(c valueCache, slots []*slot) {
	for _, sl := range slots {
		f.loaded += int(c.near(sl.hash))
	}
	for _, sl := range slots {
		f.loaded += int(c.far(sl.hash))
	}
}

func eraseEpoch(b *pebble.Batch, group uint64, epoch uint32) error {
	p := appendDataPrefix(nil, group, epoch)
	return b.DeleteRange(p, prefixEnd(p), nil)
}

func eraseGroup(b *pebble.Batch, group uint64) error {
	for _, kind := range []byte{keyStage, keyData} {
		p := binary.BigEndian.AppendUint64([]byte{kind}, group)
		if err := b.DeleteRange(p, prefixEnd(p), nil); err != nil {
			return err
		}
	}
	return b.Delete(metaKey(group), nil)
}

// reap takes note of the generations that are durable.
func (d *Disk) reap() {
	n := 0
	for len(d.chain) > 0 && d.chain[0].finished() && !d.failed() {
		gen := d.chain[0]
		d.chain = slices.Delete(d.chain, 0, 1)
		for _, f := range gen.deltas {
			s := f.state
			s.frozen = slices.Delete(s.frozen, 0, 1)
			s.durable = max(s.durable, f.applied)
		}
		for _, g := range gen.drops {
			delete(d.dropping, g)
		}
		n++
	}
	if n > 0 {
		d.truncate()
	}
}

// await waits for the oldest frozen generation.
func (d *Disk) await() {
	if len(d.chain) == 0 {
		return
	}
	select {
	case <-d.chain[0].done:
	case <-d.failedCh:
	}
	d.reap()
}

// truncate drops the oldest segments in which no group has an entry that its
// durable state lacks, as long as enough log is left for slow followers. The
// truncation points are durable before the files go.
func (d *Disk) truncate() {
	j := &d.journal
	left, n := j.bytes(), 0
	for n < len(j.segs)-1 && left-j.segs[n].end >= d.opts.LogKeepBytes && len(d.pinning(j.segs[n])) == 0 {
		left -= j.segs[n].end
		n++
	}
	if n == 0 {
		return
	}
	points := map[uint64]uint64{}
	for _, seg := range j.segs[:n] {
		for id, high := range seg.high {
			if l := d.logs[id]; l != nil && high > l.base {
				points[id] = max(points[id], min(high, l.last()))
			}
		}
	}
	for _, l := range d.sorted(points) {
		l.truncate(points[l.group])
		j.buf = appendPoint(j.buf, recTruncate, l.group, l.base, l.baseTerm)
		d.recorded()
	}
	if d.Sync(true) != nil {
		return
	}
	d.remove(n)
}

// pinning are the groups with entries in a segment that their durable state
// lacks.
func (d *Disk) pinning(seg *segment) map[uint64]uint64 {
	var pins map[uint64]uint64
	for id, high := range seg.high {
		if d.logs[id] == nil {
			continue // dropped
		}
		if s := d.states[id]; s == nil || s.durable < high {
			if pins == nil {
				pins = map[uint64]uint64{}
			}
			pins[id] = high
		}
	}
	return pins
}

func (d *Disk) sorted(ids map[uint64]uint64) []*Log {
	var ls []*Log
	for id := range ids {
		ls = append(ls, d.logs[id])
	}
	slices.SortFunc(ls, func(a, b *Log) int {
		if a.group < b.group {
			return -1
		}
		return 1
	})
	return ls
}

// remove deletes the n oldest segments.
func (d *Disk) remove(n int) {
	j := &d.journal
	var paths []string
	for _, seg := range j.segs[:n] {
		paths = append(paths, j.path(seg.number))
	}
	j.segs = slices.Clone(j.segs[n:])
	j.later(func() error {
		for _, p := range paths {
			if err := j.fs.Remove(p); err != nil {
				return err
			}
		}
		if d.opts.Events.Deleted != nil {
			d.opts.Events.Deleted(n)
		}
		return nil
	})
}

// stateMeta is what Pebble keeps beside a group's keys.
type stateMeta struct {
	epoch         uint32
	applied, term uint64
}

const stateMetaVersion = 1

func (m stateMeta) encode() []byte {
	b := binary.BigEndian.AppendUint32([]byte{stateMetaVersion}, m.epoch)
	b = binary.BigEndian.AppendUint64(b, m.applied)
	return binary.BigEndian.AppendUint64(b, m.term)
}

var errMeta = errors.New("a group's entry in the state is malformed")

func decodeStateMeta(b []byte) (stateMeta, error) {
	if len(b) != 1+4+8+8 || b[0] != stateMetaVersion {
		return stateMeta{}, errMeta
	}
	return stateMeta{
		epoch:   binary.BigEndian.Uint32(b[1:]),
		applied: binary.BigEndian.Uint64(b[5:]),
		term:    binary.BigEndian.Uint64(b[13:]),
	}, nil
}
