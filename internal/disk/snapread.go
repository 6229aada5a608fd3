package disk

import (
	"errors"
	"fmt"
	"io"

	"github.com/cockroachdb/pebble/v2"
)

// SnapshotReader gives out one group's state as it was when the reader was
// made, whatever is written since. It belongs to the loop, like the Disk, and
// keeps memory and files until it is closed.
type SnapshotReader struct {
	d           *Disk
	group       uint64
	index, term uint64
	snap        *pebble.Snapshot
	m           merge
	buf         []byte
	chunks      uint64
	pairs       uint64
	more        bool // m stands at a pair that is not given out
	done        bool
	err         error
}

// Snapshot begins a snapshot of a group's state as of its applied index. All
// changes must be covered by SetApplied. If two generations are on their way to
// Pebble it waits for one.
func (d *Disk) Snapshot(group uint64) (*SnapshotReader, error) {
	if d.failed() {
		return nil, d.Err()
	}
	s := d.states[group]
	switch {
	case s == nil || s.applied == 0:
		return nil, fmt.Errorf("disk: group %d has no state to take a snapshot of", group)
	case s.open:
		return nil, fmt.Errorf("disk: group %d has changes after its applied index %d: snapshot between entries", group, s.applied)
	}
	if s.cur.count > 0 {
		for len(d.chain) >= maxChain && !d.failed() {
			d.await()
		}
		d.freeze([]*State{s})
	}
	r := &SnapshotReader{d: d, group: group, index: s.applied, term: s.appliedTerm}
	for i := len(s.frozen) - 1; i >= 0; i-- {
		if s.frozen[i].epoch == s.epoch {
			r.m.add(s.frozen[i], nil, nil)
		}
	}
	if err := r.openStore(s); err != nil {
		d.fail(d.engine.explain(err))
	}
	if d.failed() {
		r.close()
		return nil, d.Err()
	}
	r.more = r.m.next()
	d.readers[r] = true
	return r, nil
}

// openStore adds what Pebble has now. Frozen changes may or may not be in it
// already: they are the same there.
func (r *SnapshotReader) openStore(s *State) error {
	if r.d.failed() {
		return nil
	}
	snap, err := r.d.engine.snapshot()
	if err != nil {
		return err
	}
	r.snap = snap
	it, err := snap.NewIter(rangeOptions(s.key[:dataPrefix], nil, nil))
	if err != nil {
		return err
	}
	r.m.store(it)
	return nil
}

// Index and Term are of the last entry that the snapshot covers.
func (r *SnapshotReader) Index() uint64 { return r.index }

// Term is the term of the entry at Index.
func (r *SnapshotReader) Term() uint64 { return r.term }

// Next is the next chunk, of about 256 KiB, valid until the next call; io.EOF
// after the last. A failure is the Disk's failure too.
func (r *SnapshotReader) Next() ([]byte, error) {
	if r.err != nil {
		return nil, r.err
	}
	if r.done {
		return nil, io.EOF
	}
	if r.d.failed() {
		return nil, r.d.Err()
	}
	h := chunkHead{kind: chunkPairs, group: r.group, number: r.chunks}
	r.chunks++
	if !r.more {
		return r.end(h)
	}
	r.buf = beginChunk(r.buf, h)
	for r.more && len(r.buf) < chunkBytes {
		r.buf = appendPair(r.buf, r.m.key, r.m.val)
		r.pairs++
		r.more = r.m.next()
	}
	if err := r.m.err(); err != nil {
		return nil, r.broken(err)
	}
	return sealChunk(r.buf), nil
}

func (r *SnapshotReader) end(h chunkHead) ([]byte, error) {
	if err := r.m.err(); err != nil {
		return nil, r.broken(err)
	}
	h.kind, r.done = chunkEnd, true
	r.buf = appendNumbers(beginChunk(r.buf, h), r.index, r.term, r.pairs)
	return sealChunk(r.buf), nil
}

func (r *SnapshotReader) broken(err error) error {
	r.err = r.d.engine.explain(err)
	r.d.fail(r.err)
	return r.err
}

// Close ends the snapshot. It may be called again.
func (r *SnapshotReader) Close() error {
	if r.err == nil || !errors.Is(r.err, ErrClosed) {
		r.err = ErrClosed
		delete(r.d.readers, r)
		return r.close()
	}
	return nil
}

func (r *SnapshotReader) close() error {
	e := r.d.engine
	err := r.m.close(e)
	r.m = merge{}
	if snap := r.snap; snap != nil && e.usable() {
		err = errors.Join(err, e.await(snap.Close))
	}
	r.snap = nil
	return err
}
