package disk

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// script does each kind of thing that a Disk does: rounds, segments that begin
// and go, generations, snapshots that are installed and given up, a group that
// is dropped and made again.
func script(w *world, stop func() bool) {
	steps := []func(){}
	add := func(fn func()) { steps = append(steps, fn) }
	round := func(g, n uint64) {
		add(func() { w.append(g, w.real(g)+1, n, true) })
		add(func() {
			h := w.cur[g].hard
			h.commit = w.real(g) - 1
			w.hard(g, h)
		})
		add(func() { w.sync(true) })
		add(func() { w.apply(g, 100) })
		add(func() { w.tick(time.Second) })
	}
	round(1, 6)
	round(2, 9)
	add(func() { w.append(1, w.real(1)+1, 3, false) })
	add(func() { w.sync(true) })
	for range 4 {
		round(1, 8)
	}
	var sw *SnapshotWriter
	add(func() { sw = w.receive(2, 40) })
	round(1, 5)
	add(func() { w.install(sw, 40) })
	round(2, 6)
	add(func() { w.tick(2 * freezeAfter) })
	add(func() { sw = w.receive(3, 12) })
	add(func() { sw.Abort() })
	add(func() { sw = w.receive(3, 15) })
	add(func() { w.install(sw, 15) })
	add(func() { w.drop(1) })
	add(func() { w.tick(2 * freezeAfter) })
	round(1, 5)
	round(3, 7)
	add(func() { w.tick(2 * freezeAfter) })
	for range 3 {
		round(2, 9)
	}
	for _, s := range steps {
		s()
		if stop() {
			return
		}
	}
	w.close()
}

func scriptOptions(inline bool) Options {
	o := smallOptions(inline)
	o.LogKeepBytes = 2 << 10
	return o
}

// A crash before any operation on the file system, in the making of the
// directory too, loses nothing that was acknowledged.
func TestCrashAtEveryOperation(t *testing.T) {
	step := 1
	if raceDetector {
		step = 10
	}
	for at := 1; ; at += step {
		var done bool
		for _, percent := range []int{0, 50, 100} {
			w := &world{t: t, opts: scriptOptions(true), mem: vfs.NewCrashableMem(), cur: version{}, applied: map[uint64]uint64{}}
			w.past = []version{w.cur}
			w.crashAt = at
			w.cfg = vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rand.New(rand.NewPCG(uint64(at), 1))}
			w.open()
			if !w.crashed() {
				script(w, w.crashed)
			}
			if done = !w.crashed(); done {
				break
			}
			w.crash(vfs.CrashCloneCfg{})
			// It goes on from there.
			w.append(1, w.real(1)+1, 2, true)
			w.sync(true)
			w.crash(vfs.CrashCloneCfg{})
			w.close()
		}
		if done {
			t.Logf("%d operations", at-1)
			if at < 200 {
				t.Errorf("the script has only %d operations", at-1)
			}
			return
		}
	}
}

// stopped is what a world's Fatalf panics with, to leave a script.
type stopped struct{ why string }

type stopper struct{}

func (stopper) Fatalf(format string, args ...any) { panic(stopped{fmt.Sprintf(format, args...)}) }

// faults fails operations from one on, forever or once. The world's mu guards
// it.
type faults struct {
	kind    func(errorfs.Op) bool
	ops, at int
	once    bool
	inline  bool
	hit     errorfs.Op
	logOps  int // writes and syncs of the log after the Disk has failed
	d       **Disk
}

var errFault = errors.New("injected fault")

func (f *faults) String() string { return "faults" }

func (f *faults) MaybeError(op errorfs.Op) error {
	if f.inline && *f.d != nil && (*f.d).failed() && strings.Contains(op.Path, "/"+logDir+"/") &&
		(op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileWriteAt || op.Kind == errorfs.OpFileSync) {
		f.logOps++
	}
	if !f.kind(op) {
		return nil
	}
	f.ops++
	if f.ops == f.at {
		f.hit = op
	}
	if f.ops == f.at || f.ops > f.at && !f.once {
		return errFault
	}
	return nil
}

var faultKinds = map[string]func(errorfs.Op) bool{
	"writes": func(op errorfs.Op) bool { return op.Kind.ReadOrWrite() == errorfs.OpIsWrite },
	"syncs": func(op errorfs.Op) bool {
		return op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData
	},
	"reads": func(op errorfs.Op) bool { return op.Kind.ReadOrWrite() == errorfs.OpIsRead },
}

// A failing operation ends the Disk, or does not matter. What was acknowledged
// before is there, nothing is synced again, and the error is told by all.
func TestFailureAtEveryOperation(t *testing.T) {
	for _, inline := range []bool{true, false} {
		for name, kind := range faultKinds {
			for _, once := range []bool{true, false} {
				t.Run(fmt.Sprintf("inline=%v/%s/once=%v", inline, name, once), func(t *testing.T) {
					step := 1
					if !inline || raceDetector {
						step = 7
					} else if once || name == "reads" {
						step = 2
					}
					for at := 1; failAt(t, inline, kind, at, once); at += step {
					}
				})
			}
		}
	}
}

// failAt runs the script with a fault, and says whether it was reached.
func failAt(t *testing.T, inline bool, kind func(errorfs.Op) bool, at int, once bool) bool {
	w := &world{t: stopper{}, opts: scriptOptions(inline), mem: vfs.NewCrashableMem(), cur: version{}, applied: map[uint64]uint64{}}
	w.past = []version{w.cur}
	f := &faults{kind: kind, at: at, once: once, inline: inline, d: &w.d}
	w.faults = f
	why := attempt(w)
	if w.d == nil || why == "" {
		// Open has failed, or the script ended in spite of the fault.
		w.finish(t, f)
		if f.ops < at && why != "" {
			t.Fatalf("without a fault: %s", why)
		}
		return f.ops >= at
	}
	err := w.d.Err()
	if err == nil {
		t.Fatalf("fault at %v: the script ended (%s), but the disk has not failed", f.hit, why)
	}
	if serr := w.d.Sync(true); serr != err {
		t.Fatalf("fault at %v: sync says %v, not %v", f.hit, serr, err)
	}
	w.d.Append(1, nil, entries(1, 1, 1))
	w.d.Tick(time.Hour)
	if _, err := w.d.Snapshot(1); err == nil {
		t.Fatal("a failed disk gives a snapshot")
	}
	if cerr := w.d.Close(); cerr != err && !strings.HasPrefix(why, "close: ") {
		t.Fatalf("fault at %v: close says %v, not %v", f.hit, cerr, err)
	}
	w.finish(t, f)
	return true
}

// finish tests what a fault left behind.
func (w *world) finish(t *testing.T, f *faults) {
	t.Helper()
	w.mu.Lock()
	// In the background a new segment's zeros are still being written.
	if f.logOps > 0 && w.opts.Inline {
		t.Errorf("fault at %v: %d writes and syncs of the log after the failure", f.hit, f.logOps)
	}
	w.t, w.faults = t, nil
	past, applied, left := w.past, w.applied, w.mem.CrashClone(vfs.CrashCloneCfg{})
	w.mu.Unlock()
	w.reopen(left, past, applied)
	w.close()
}

// attempt runs the script and says why it ended early.
func attempt(w *world) (why string) {
	defer func() {
		if r := recover(); r != nil {
			s, ok := r.(stopped)
			if !ok {
				panic(r)
			}
			why = s.why
		}
	}()
	w.open()
	script(w, func() bool { return false })
	return ""
}
