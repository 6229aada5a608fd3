package serve

import (
	"errors"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

func TestDiskFaults(t *testing.T) {
	var d diskFaults
	fs := errorfs.Wrap(vfs.NewMem(), &d)
	f, err := fs.Create("f", vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	set := func(kind string) {
		t.Helper()
		if err := d.set(kind, 0); err != nil {
			t.Fatal(err)
		}
	}
	write := func() error { _, err := f.Write([]byte("x")); return err }
	set("full")
	if err := write(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a write to a full disk: %v", err)
	}
	if err := f.SyncData(); err != nil {
		t.Errorf("a sync of a full disk: %v", err)
	}
	set("fsync")
	if err := write(); err != nil {
		t.Errorf("a write to a disk that does not sync: %v", err)
	}
	if err := f.SyncData(); !errors.Is(err, errSync) {
		t.Errorf("a sync: %v", err)
	}
	set("")
	if err := errors.Join(write(), f.SyncData()); err != nil {
		t.Errorf("a disk that is well again: %v", err)
	}
	if d.set("burnt", 0) == nil || d.set("", -1) == nil {
		t.Error("nonsense is taken")
	}
}
