package disk

// relieve acts when the log is longer than it may be. What pins the oldest
// segment is either applied but not yet durable: then state is written behind
// at once; or it is not committed, or not applied, for a long time: then those
// groups' logs are copied forward, so that the segment can go.
func (d *Disk) relieve() {
	j := &d.journal
	if len(d.chain) > 0 || len(j.segs) < 2 || j.bytes() <= d.opts.LogMaxBytes || j.written < d.relieved {
		return
	}
	d.relieved = j.written + d.opts.SegmentBytes/4
	pins := d.pinning(j.segs[0])
	var size int64
	for id, high := range pins {
		if s := d.states[id]; s != nil && s.applied >= high {
			d.freeze(d.touched)
			return
		}
		size += d.logs[id].bytes
	}
	if size > d.opts.LogMaxBytes/2 {
		return // it would come back at once
	}
	d.carry(pins)
}

// carry writes whole logs again, into the segment being written.
func (d *Disk) carry(pins map[uint64]uint64) {
	j := &d.journal
	for _, l := range d.sorted(pins) {
		j.buf = appendPoint(j.buf, recReset, l.group, l.base, l.baseTerm)
		if len(l.ents) > 0 {
			j.buf = appendEntries(j.buf, l.group, l.ents)
		}
		l.high = l.last()
		d.recorded()
		d.metrics.Carried++
	}
	if d.Sync(true) != nil {
		return
	}
	for id := range pins {
		d.unpin(id, len(j.segs)-1)
	}
	d.truncate()
}

// unpin says that nothing of a group in the n oldest segments is needed.
func (d *Disk) unpin(group uint64, n int) {
	for _, seg := range d.journal.segs[:n] {
		delete(seg.high, group)
	}
}
