package serve

import (
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// diskFaults make the file system of a node that allows faults misbehave. It is
// asked before each operation on a file, from any goroutine.
type diskFaults struct {
	full, fsync atomic.Bool
	slow        atomic.Int64 // nanoseconds more for each sync
}

var errSync = errors.New("sync failed: a fault that was asked for")

func (d *diskFaults) set(kind string, slow time.Duration) error {
	switch {
	case kind != "" && kind != "full" && kind != "fsync":
		return fmt.Errorf("there is no disk fault %q: it is full or fsync", kind)
	case slow < 0:
		return fmt.Errorf("syncs cannot take %v longer", slow)
	}
	d.full.Store(kind == "full")
	d.fsync.Store(kind == "fsync")
	d.slow.Store(int64(slow))
	return nil
}

// MaybeError implements errorfs.Injector.
func (d *diskFaults) MaybeError(op errorfs.Op) error {
	switch op.Kind {
	case errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
		if d.fsync.Load() {
			return errSync
		}
		time.Sleep(time.Duration(d.slow.Load()))
	case errorfs.OpCreate, errorfs.OpFileWrite, errorfs.OpFileWriteAt, errorfs.OpFilePreallocate, errorfs.OpMkdirAll, errorfs.OpReuseForWrite:
		if d.full.Load() {
			return syscall.ENOSPC
		}
	}
	return nil
}

// String implements errorfs.Injector.
func (d *diskFaults) String() string { return "faults" }
