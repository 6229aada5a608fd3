package disk

import (
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.etcd.io/raft/v3/raftpb"
)

// replay is the shared log read back: every group's log, and which segments
// are there.
type replay struct {
	fs   vfs.FS
	dir  string
	segs []*segment // the readable ones, consecutive
	data []byte     // of the last one
	idle []uint64   // segments to delete: never written to, or left of deleted ones

	groups  map[uint64]*groupReplay
	dropped map[uint64]bool
}

// groupReplay is a group's log so far. Entries between base and off are not
// needed if a later record moves base up to off; the segments that held them
// may be gone.
type groupReplay struct {
	hard           hardState
	base, baseTerm uint64
	off, offTerm   uint64 // ents[i] has index off+1+i
	ents           []*raftpb.Entry
	installed      installMark
	high           uint64 // in the segment being read
}

func (g *groupReplay) last() uint64 { return g.off + uint64(len(g.ents)) }

func (g *groupReplay) mark() groupMark {
	m := groupMark{hard: g.hard, base: g.base, baseTerm: g.baseTerm, last: g.last(), lastTerm: g.offTerm, installed: g.installed}
	if n := len(g.ents); n > 0 {
		m.lastTerm = g.ents[n-1].GetTerm()
	}
	return m
}

// readLog reads all segments in a directory. It deletes those that were never
// written to, and what is left of deleted ones, when all others are sound.
func readLog(fs vfs.FS, dir string) (*replay, error) {
	r := &replay{fs: fs, dir: dir, groups: map[uint64]*groupReplay{}, dropped: map[uint64]bool{}}
	numbers, err := listSegments(fs, dir)
	if err != nil {
		return nil, err
	}
	if numbers, err = r.leaveUnwritten(numbers); err != nil {
		return nil, err
	}
	numbers = r.leaveStrays(numbers)
	if err := r.readSegments(numbers); err != nil {
		return nil, err
	}
	for _, n := range r.idle {
		if err := fs.Remove(r.path(n)); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *replay) readSegments(numbers []uint64) error {
	if len(numbers) == 0 {
		return nil
	}
	data, err := readFile(r.fs, r.path(numbers[0]))
	if err != nil {
		return err
	}
	for i, n := range numbers {
		seg := &segment{number: n}
		r.segs = append(r.segs, seg)
		if i == len(numbers)-1 {
			r.data = data
			err = r.readLast(seg, data)
		} else {
			data, err = r.readSealed(seg, data)
		}
		if err != nil {
			return err
		}
	}
	return r.finish()
}

func (r *replay) path(number uint64) string { return r.fs.PathJoin(r.dir, segmentName(number)) }

// leaveUnwritten leaves out the prepared segments after the last with a header.
func (r *replay) leaveUnwritten(numbers []uint64) ([]uint64, error) {
	for len(numbers) > 0 {
		n := numbers[len(numbers)-1]
		data, err := readFile(r.fs, r.path(n))
		if err != nil {
			return nil, err
		}
		_, written, err := readSegmentHeader(r.path(n), data, n)
		if err != nil || written {
			return numbers, err
		}
		// The first frame is synced together with the header; a second frame
		// proves that there was one.
		if f, st := parseFrame(data, sectorSize, n); provesSynced(data, sectorSize+frameAlign, n) &&
			(st != frameOK || provesSynced(data, sectorSize+int64(f.length), n)) {
			return nil, damage(r.path(n), 0, "the header is zeros, but records follow")
		}
		r.idle = append(r.idle, n)
		numbers = numbers[:len(numbers)-1]
	}
	return numbers, nil
}

// leaveStrays leaves out the files before a gap in the numbers: segments are
// deleted in order, but a crash may bring back some. If the gap itself is a
// loss, the groups' truncation points show it.
func (r *replay) leaveStrays(numbers []uint64) []uint64 {
	first := max(len(numbers)-1, 0)
	for first > 0 && numbers[first-1] == numbers[first]-1 {
		first--
	}
	r.idle = append(r.idle, numbers[:first]...)
	return numbers[first:]
}

// readSealed reads a segment that has a successor, whose header says where the
// frames end; it returns the successor's bytes.
func (r *replay) readSealed(seg *segment, data []byte) (next []byte, err error) {
	next, err = readFile(r.fs, r.path(seg.number+1))
	if err != nil {
		return nil, err
	}
	end, written, err := readSegmentHeader(r.path(seg.number+1), next, seg.number+1)
	if err != nil {
		return nil, err
	}
	if !written {
		return nil, damage(r.path(seg.number+1), 0, "the header is missing, but later segments exist")
	}
	if end > int64(len(data)) {
		return nil, damage(r.path(seg.number), int64(len(data)), "the file is shorter than the %d bytes written to it", end)
	}
	if err := r.checkHeader(seg, data); err != nil {
		return nil, err
	}
	at := int64(sectorSize)
	for at < end {
		f, st := parseFrame(data[:end], at, seg.number)
		if st != frameOK {
			return nil, damage(r.path(seg.number), at, "a record that was synced cannot be read")
		}
		if err := r.apply(seg, f, data); err != nil {
			return nil, err
		}
		at += int64(f.length)
	}
	seg.end = end
	r.sealHigh(seg)
	return next, nil
}

// readLast reads the newest segment up to its torn tail, if it has one.
func (r *replay) readLast(seg *segment, data []byte) error {
	if err := r.checkHeader(seg, data); err != nil {
		return err
	}
	at := int64(sectorSize)
	for {
		f, st := parseFrame(data, at, seg.number)
		if st == frameOK && f.flags&flagSeal != 0 {
			return damage(r.path(seg.number+1), -1, "the file is missing, or was never written to, but the segment before says that it was")
		}
		if st == frameOK {
			if err := r.apply(seg, f, data); err != nil {
				return err
			}
			at += int64(f.length)
			continue
		}
		if provesSynced(data, at+frameAlign, seg.number) {
			return damage(r.path(seg.number), at, "a record cannot be read, but later ones can")
		}
		if st == frameRotten {
			return damage(r.path(seg.number), at, "the last record was written completely and has changed since")
		}
		seg.end = at
		r.sealHigh(seg)
		return nil
	}
}

func (r *replay) checkHeader(seg *segment, data []byte) error {
	_, written, err := readSegmentHeader(r.path(seg.number), data, seg.number)
	if err == nil && !written {
		err = damage(r.path(seg.number), 0, "the header is missing")
	}
	return err
}

func (r *replay) sealHigh(seg *segment) {
	seg.high = map[uint64]uint64{}
	for id, g := range r.groups {
		if g.high > 0 {
			seg.high[id], g.high = g.high, 0
		}
	}
}

// apply reads one frame's records.
func (r *replay) apply(seg *segment, f frame, data []byte) error {
	isFirst := f.off == sectorSize
	if isFirst != (f.flags&flagCheckpoint != 0) {
		return damage(r.path(seg.number), f.off, "a checkpoint is not where it belongs")
	}
	rd := &recordReader{b: f.records(data)}
	var err error
	if isFirst {
		err = r.checkpoint(rd, seg.number == r.segs[0].number)
	}
	for err == nil && rd.more() {
		err = r.record(rd)
	}
	if rd.bad {
		err = errRecord
	}
	if err != nil {
		return damage(r.path(seg.number), f.off, "%v", err)
	}
	return nil
}

// checkpoint reads a segment's checkpoint: the start of everything in the
// oldest segment, and in later ones a test of what was read so far.
func (r *replay) checkpoint(rd *recordReader, oldest bool) error {
	marks := rd.number()
	seen := map[uint64]bool{}
	dropped := map[uint64]bool{}
	for range marks {
		if rd.bad {
			return errRecord
		}
		kind, id := rd.head()
		switch kind {
		case recDrop:
			dropped[id] = true
		case recGroup:
			m := rd.group()
			seen[id] = true
			if oldest {
				r.groups[id] = &groupReplay{
					hard: m.hard, base: m.base, baseTerm: m.baseTerm,
					off: m.last, offTerm: m.lastTerm, installed: m.installed,
				}
			} else if g := r.groups[id]; g == nil || g.mark() != m {
				return fmt.Errorf("group %d is not as the segments before say", id)
			}
		default:
			return errRecord
		}
	}
	for id, g := range r.groups {
		if !seen[id] {
			return fmt.Errorf("group %d is missing in the checkpoint, is %+v", id, g.mark())
		}
	}
	r.dropped = dropped
	return nil
}

func (r *replay) record(rd *recordReader) error {
	kind, id := rd.head()
	if rd.bad {
		return errRecord
	}
	g := r.groups[id]
	if g == nil {
		g = &groupReplay{}
		if kind != recDrop {
			r.groups[id] = g
		}
	}
	if kind != recDrop {
		delete(r.dropped, id)
	}
	switch kind {
	case recHard:
		g.hard = rd.hard()
	case recEntries:
		return g.put(rd.entries())
	case recTruncate:
		index, term := rd.number(), rd.number()
		if index < g.base || index > g.last() {
			return fmt.Errorf("truncation to index %d of a log from %d to %d", index, g.base, g.last())
		}
		g.base, g.baseTerm = index, term
	case recReset:
		r.unpin(id)
		g.reset(rd.number(), rd.number())
	case recInstall:
		r.unpin(id)
		g.installed = rd.install()
		g.reset(g.installed.index, g.installed.term)
	case recDrop:
		r.unpin(id)
		delete(r.groups, id)
		r.dropped[id] = true
	default:
		return errRecord
	}
	return nil
}

// unpin says that what was read of a group so far is not needed.
func (r *replay) unpin(id uint64) {
	for _, s := range r.segs {
		delete(s.high, id)
	}
}

func (g *groupReplay) reset(index, term uint64) {
	g.base, g.baseTerm, g.off, g.offTerm, g.ents = index, term, index, term, nil
	g.high = 0
}

func (g *groupReplay) put(ents []*raftpb.Entry) error {
	if len(ents) == 0 {
		return errRecord
	}
	first := ents[0].GetIndex()
	switch {
	case first > g.last()+1:
		return fmt.Errorf("entries from index %d leave a gap after %d", first, g.last())
	case first <= g.base:
		return fmt.Errorf("entries from index %d replace those up to %d, which were final", first, g.base)
	case first <= g.off:
		// What they replace was in segments that are gone, and so is the term.
		g.off, g.offTerm, g.ents = first-1, 0, nil
	}
	g.ents = append(g.ents[:first-g.off-1], ents...)
	g.high = max(g.high, g.last())
	return nil
}

// finish drops the entries before each truncation point and finds the groups
// whose entries are in no segment.
func (r *replay) finish() error {
	if s := r.segs[0]; s.end == sectorSize && s.number > 1 {
		return damage(r.path(s.number-1), -1, "the file is missing: the next segment holds no record yet")
	}
	ids := make([]uint64, 0, len(r.groups))
	for id := range r.groups {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		g := r.groups[id]
		if g.base < g.off {
			return damage(r.path(r.segs[0].number-1), -1,
				"the file is missing: it holds entries of group %d up to index %d, which are needed from %d on", id, g.off, g.base+1)
		}
		g.ents = slices.Clone(g.ents[g.base-g.off:])
		g.off, g.offTerm = g.base, g.baseTerm
	}
	return nil
}
