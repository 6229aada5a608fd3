package disk

import (
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/parleydb/parley/internal/planted"
)

// journal writes the shared log: records gather in buf and become one frame
// with one write and one sync. A failed write or sync is final, since the
// kernel may have dropped the data that it could not write (Rebello et al.,
// "Can Applications Recover from fsync Failures?", USENIX ATC 2020): the Disk
// then fails, and write is not called again.
type journal struct {
	fs     vfs.FS
	dir    string
	size   int64 // of a segment
	sync   bool
	bugs   planted.Bugs
	synced func(bytes int, took time.Duration)
	// later runs a function in the background, or at once.
	later func(func() error)

	segs []*segment // oldest first
	file vfs.File   // of the last one
	off  int64      // where its next frame goes
	// before is the file of the segment before, until it is sealed.
	before vfs.File

	buf     []byte // room for the header, then the records not yet written
	records bool   // buf holds more than a checkpoint
	opening bool   // buf begins with a checkpoint for a segment that is not begun
	lead    bool   // buf begins with a checkpoint

	spare   *spareSegment
	written int64 // bytes of all frames written
	syncs   int64
}

// spareSegment is the next segment, being prepared.
type spareSegment struct {
	number uint64
	file   vfs.File
	err    error
	done   chan struct{}
}

const keepBuffer = 4 << 20

func (j *journal) path(number uint64) string { return j.fs.PathJoin(j.dir, segmentName(number)) }

// resume goes on where the log that was read back ends, or will begin one. What
// follows the end was never acknowledged; it is overwritten with zeros, so that
// it is not taken for a part of later frames.
func (j *journal) resume(r *replay) error {
	j.buf = make([]byte, frameHeader, 64<<10)
	j.segs = r.segs
	if len(j.segs) == 0 {
		j.opening = true
		return nil
	}
	last := j.segs[len(j.segs)-1]
	f, err := j.fs.OpenReadWrite(j.path(last.number), vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	j.file, j.off = f, last.end
	tail := r.data[min(last.end, int64(len(r.data))):]
	for len(tail) > 0 && tail[len(tail)-1] == 0 {
		tail = tail[:len(tail)-1]
	}
	if len(tail) > 0 {
		if _, err := f.WriteAt(make([]byte, len(tail)), last.end); err != nil {
			return err
		}
	}
	// Frames after this one prove that those before are synced, also if a
	// process without syncing wrote them.
	return f.SyncData()
}

// pending says whether there are records that are not written.
func (j *journal) pending() bool { return j.records }

// add is called after records were appended to buf.
func (j *journal) add() error {
	j.records = true
	if len(j.buf) > maxFrameBody {
		return fmt.Errorf("disk: a round of more than %d bytes", maxFrameBody)
	}
	return nil
}

// write makes what is in buf durable, as one frame. It returns the frame's
// length.
func (j *journal) write() (int, error) {
	var begin time.Time
	if j.synced != nil {
		begin = time.Now()
	}
	if j.opening {
		if err := j.begin(); err != nil {
			return 0, err
		}
	}
	var flags byte
	if j.lead {
		flags |= flagCheckpoint
	}
	if !j.sync {
		flags |= flagUnsynced
	}
	body := len(j.buf) - frameHeader
	n := frameLen(body)
	for len(j.buf) < n {
		j.buf = append(j.buf, zeros[:min(n-len(j.buf), len(zeros))]...)
	}
	sealFrame(j.buf, body, j.current().number, j.off, flags)
	if _, err := j.file.WriteAt(j.buf, j.off); err != nil {
		return 0, err
	}
	if j.sync || j.lead {
		if err := j.file.SyncData(); err != nil && !j.bugs.IgnoreFailedSync {
			return 0, err
		}
		j.syncs++
	}
	if j.before != nil {
		if err := j.seal(); err != nil {
			return 0, err
		}
	}
	j.off += int64(n)
	j.current().end = j.off
	j.written += int64(n)
	j.clear()
	if j.synced != nil {
		j.synced(n, time.Since(begin))
	}
	return n, nil
}

var zeros [1024]byte

func (j *journal) clear() {
	if cap(j.buf) > keepBuffer {
		j.buf = make([]byte, frameHeader, 64<<10)
	}
	j.buf = j.buf[:frameHeader]
	j.records, j.lead = false, false
}

func (j *journal) current() *segment { return j.segs[len(j.segs)-1] }

// nextNumber is the number of the segment after the last.
func (j *journal) nextNumber() uint64 {
	if len(j.segs) == 0 {
		return 1
	}
	return j.current().number + 1
}

// begin opens the segment for which buf holds the checkpoint. Its header and
// first frame are written and synced together; until then the segment before
// is the last.
func (j *journal) begin() error {
	j.prepare()
	<-j.spare.done
	sp := j.spare
	j.spare = nil
	if sp.err != nil {
		return sp.err
	}
	var prevEnd int64
	if j.file != nil {
		prevEnd = j.off
		j.before = j.file
		if !j.sync {
			// So that damage before the last segment is always bit rot.
			if err := j.before.SyncData(); err != nil {
				return err
			}
		}
	}
	j.file, j.off, j.opening = sp.file, sectorSize, false
	j.segs = append(j.segs, &segment{number: sp.number, end: sectorSize})
	_, err := j.file.WriteAt(segmentHeader(sp.number, prevEnd), 0)
	return err
}

// seal ends the segment before, now that the next one's first frame is durable:
// should the next one be lost, this shows it.
func (j *journal) seal() error {
	f, seg := j.before, j.segs[len(j.segs)-2]
	j.before = nil
	b := make([]byte, frameLen(0))
	sealFrame(b, 0, seg.number, seg.end, flagSeal)
	if _, err := f.WriteAt(b, seg.end); err != nil {
		return err
	}
	if err := f.SyncData(); err != nil {
		return err
	}
	return f.Close()
}

// prepare starts the preparation of the next segment, unless it has begun.
func (j *journal) prepare() {
	if j.spare != nil {
		return
	}
	sp := &spareSegment{number: j.nextNumber(), done: make(chan struct{})}
	j.spare = sp
	j.later(func() error {
		defer close(sp.done)
		sp.file, sp.err = prepareSegment(j.fs, j.dir, sp.number, j.size)
		return sp.err
	})
}

// ready says whether the next segment can be begun without waiting.
func (sp *spareSegment) ready() bool {
	select {
	case <-sp.done:
		return true
	default:
		return false
	}
}

// full says whether the next frame should begin a new segment. The last one
// goes on beyond its prepared size while the next is not ready, to twice its
// size.
func (j *journal) full(inline bool) bool {
	if j.file == nil || j.opening {
		return false
	}
	if j.off > j.size/2 && !inline {
		j.prepare()
	}
	if j.off < j.size-min(j.size/8, 256<<10) {
		return false
	}
	return inline || j.spare.ready() || j.off >= 2*j.size
}

// bytes is how much the log takes, as written.
func (j *journal) bytes() int64 {
	var n int64
	for _, s := range j.segs {
		n += s.end
	}
	return n
}

func (j *journal) close() error {
	var err error
	if j.spare != nil {
		<-j.spare.done
		if j.spare.file != nil {
			err = j.spare.file.Close()
		}
	}
	for _, f := range []vfs.File{j.file, j.before} {
		if f != nil {
			err = errors.Join(err, f.Close())
		}
	}
	j.file, j.before = nil, nil
	return err
}
