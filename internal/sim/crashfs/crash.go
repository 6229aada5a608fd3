package crashfs

import (
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
)

// sectorSize is what a disk writes whole or not at all, in bytes.
const sectorSize = 512

// Plan is what will go wrong next. The zero Plan is nothing.
type Plan struct {
	Kind  Kind
	After int // operations that it concerns and that still go well
	// Again makes every later operation fail too: a drive that goes bad stays so.
	Again bool
	// Lose has a crash lose all that was not synced, rather than a part of it.
	Lose bool
}

// Kind is a kind of fault.
type Kind uint8

// The kinds of fault.
const (
	Nothing   Kind = iota
	Crash          // at a write, sync or change of a name, of any file: the machine stops
	FailWrite      // a write of a file that is not in the background fails, having written a part
	FailSync       // a sync of such a file fails, and what it should have kept is lost
)

func (k Kind) String() string {
	return [...]string{"nothing", "crash", "fail write", "fail sync"}[k]
}

// ErrInjected is the error of writes and syncs that were made to fail.
var ErrInjected = errors.New("input/output error (injected)")

type operation uint8

const (
	opName operation = iota
	opWrite
	opSync
)

// Arm sets what will go wrong next, in place of what was set before.
func (f *FS) Arm(p Plan) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.plan = p
}

// Armed is what will go wrong next.
func (f *FS) Armed() Plan {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mu.plan
}

// stepLocked counts one operation against the plan. partly does what a crash in
// the middle of it may leave behind; nil for nothing.
func (f *FS) stepLocked(op operation, p string, partly func()) error {
	plan := &f.mu.plan
	if f.mu.image != nil || !plan.concerns(op, f.background(p)) {
		return nil
	}
	if plan.After > 0 {
		plan.After--
		return nil
	}
	kind, lose := plan.Kind, plan.Lose
	if !plan.Again {
		f.mu.plan = Plan{}
	}
	if kind != Crash {
		f.trace(kind.String(), p, 0, 0)
		return ErrInjected
	}
	// Only the image sees the operation that was cut short; whoever asked for
	// it is past the end of its life.
	f.crashLocked(partly, p, lose)
	return nil
}

func (p *Plan) concerns(op operation, background bool) bool {
	switch p.Kind {
	case Crash:
		return true
	case FailWrite:
		return op == opWrite && !background
	case FailSync:
		return op == opSync && !background
	}
	return false
}

// Crashed says whether the crash has come. What is written since is seen by
// the program that goes on, as in a dream, and by nobody else.
func (f *FS) Crashed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mu.image != nil
}

// Crash stops the machine, unless it has stopped already, and returns the file
// system as it is found afterwards. The old one is of no use any more.
func (f *FS) Crash() *FS {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mu.image == nil {
		f.crashLocked(nil, "", false)
	}
	return f.mu.image
}

// crashLocked makes the image. A write that the crash cut short is pending in
// it.
func (f *FS) crashLocked(partly func(), p string, lose bool) {
	f.trace("crash", p, 0, 0)
	img := New(f.opts)
	if partly != nil {
		partly()
	}
	img.mu.dirs = maps.Clone(f.mu.dirs)
	names := maps.Clone(f.mu.durable)
	f.keepNamesLocked(names)
	r := f.opts.Rand
	fate := fates[r.IntN(len(fates))]
	if lose {
		fate = loseAll
	}
	made := map[*inode]*inode{}
	for _, p := range sortedNames(names) {
		old := names[p]
		n := made[old]
		if n == nil {
			n = &inode{fs: img, path: p, durable: slices.Clone(old.durable)}
			if !f.background(p) {
				fate(r, n, old.pending)
			}
			n.live = slices.Clone(n.durable)
			made[old] = n
		}
		img.mu.live[p], img.mu.durable[p] = n, n
	}
	f.mu.image = img
}

// keepNamesLocked adds the changes of names that outlive the crash though their
// directory was not synced: the oldest few, since file systems keep their order.
func (f *FS) keepNamesLocked(names map[string]*inode) {
	ops := slices.DeleteFunc(slices.Clone(f.mu.pending), func(c rename) bool { return f.background(c.path) })
	for _, c := range ops[:f.opts.Rand.IntN(len(ops)+1)] {
		if c.file == nil {
			delete(names, c.path)
		} else {
			names[c.path] = c.file
		}
	}
}

// fates are what may become of writes that were not synced.
var fates = []func(*rand.Rand, *inode, []write){loseAll, loseAll, keepAll, tear, tear}

func loseAll(*rand.Rand, *inode, []write) {}

func keepAll(_ *rand.Rand, n *inode, ws []write) {
	for _, w := range ws {
		n.durable = put(n.durable, w.off, w.data)
	}
}

// tear keeps some sectors and loses others. Of several writes to one sector it
// keeps the first few: a sector is written as it is at some moment.
func tear(r *rand.Rand, n *inode, ws []write) {
	bySector := map[int64][]write{}
	var sectors []int64
	for _, w := range ws {
		for len(w.data) > 0 {
			s := w.off / sectorSize
			size := min(int64(len(w.data)), (s+1)*sectorSize-w.off)
			if bySector[s] == nil {
				sectors = append(sectors, s)
			}
			bySector[s] = append(bySector[s], write{w.off, w.data[:size]})
			w = write{w.off + size, w.data[size:]}
		}
	}
	slices.Sort(sectors)
	for _, s := range sectors {
		keepAll(r, n, bySector[s][:r.IntN(len(bySector[s])+1)])
	}
}

// Flip changes one bit of a synced byte of a file that is not in the
// background and that accept takes. undo puts it right again. ok is false if
// there is no such file. It is for a file system that nobody has open.
func (f *FS) Flip(r *rand.Rand, accept func(path string) bool) (where string, off int64, undo func(), ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var names []string
	for _, p := range sortedNames(f.mu.live) {
		if n := f.mu.live[p]; !f.background(p) && accept(p) && written(n.live) > 0 {
			names = append(names, p)
		}
	}
	if len(names) == 0 {
		return "", 0, nil, false
	}
	where = names[r.IntN(len(names))]
	n := f.mu.live[where]
	off = int64(r.IntN(written(n.live)))
	bit := byte(1) << r.IntN(8)
	flip := func() {
		n.live[off] ^= bit
		n.durable[off] ^= bit
	}
	flip()
	f.trace("flip", where, off, int(bit))
	return where, off, flip, true
}

// written is where a file's zeros at the end begin.
func written(b []byte) int {
	n := len(b)
	for n > 0 && b[n-1] == 0 {
		n--
	}
	return n
}
