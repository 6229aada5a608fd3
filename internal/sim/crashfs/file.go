package crashfs

import (
	"io"
	"io/fs"
	"os"
	"path"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// inode is a file, whatever its names. Its fields are guarded by FS.mu.
type inode struct {
	fs      *FS
	path    string // the name it was made with
	dir     bool
	live    []byte  // what reads show
	durable []byte  // what a crash leaves for certain
	pending []write // made since the last sync
}

type write struct {
	off  int64
	data []byte
}

// put writes into b, which grows as needed.
func put(b []byte, off int64, data []byte) []byte {
	if end := int(off) + len(data); end > len(b) {
		b = append(b, make([]byte, end-len(b))...)
	}
	copy(b[off:], data)
	return b
}

func (n *inode) write(off int64, data []byte) {
	n.live = put(n.live, off, data)
	n.pending = append(n.pending, write{off, append([]byte(nil), data...)})
}

func (n *inode) synced() {
	for _, w := range n.pending {
		n.durable = put(n.durable, w.off, w.data)
	}
	n.pending = nil
}

// file is an open file or directory.
type file struct {
	*inode
	pos      int64
	writable bool
}

var _ vfs.File = (*file)(nil)

func (h *file) Close() error                      { return nil }
func (h *file) Preallocate(int64, int64) error    { return nil }
func (h *file) Prefetch(int64, int64) error       { return nil }
func (h *file) Fd() uintptr                       { return vfs.InvalidFd }
func (h *file) SyncTo(int64) (full bool, _ error) { return false, nil }
func (h *file) SyncData() error                   { return h.Sync() }

func (h *file) Read(b []byte) (int, error) {
	n, err := h.ReadAt(b, h.pos)
	h.pos += int64(n)
	if n > 0 {
		err = nil
	}
	return n, err
}

func (h *file) ReadAt(b []byte, off int64) (int, error) {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	if off >= int64(len(h.live)) {
		return 0, io.EOF
	}
	n := copy(b, h.live[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (h *file) Write(b []byte) (int, error) {
	n, err := h.WriteAt(b, h.pos)
	h.pos += int64(n)
	return n, err
}

func (h *file) WriteAt(b []byte, off int64) (int, error) {
	f := h.fs
	f.mu.Lock()
	defer f.mu.Unlock()
	if !h.writable {
		return 0, &fs.PathError{Op: "write", Path: h.path, Err: os.ErrPermission}
	}
	f.trace("write", h.path, off, len(b))
	n, err := len(b), f.stepLocked(opWrite, h.path, func() { h.inode.write(off, b) })
	if err != nil {
		n = len(b) / 2 / sectorSize * sectorSize // a short write
	}
	h.inode.write(off, b[:n])
	return n, err
}

// Sync makes a file's bytes durable, or a directory's names.
func (h *file) Sync() error {
	f := h.fs
	f.mu.Lock()
	defer f.mu.Unlock()
	f.trace("sync", h.path, 0, len(h.pending))
	if err := f.stepLocked(opSync, h.path, nil); err != nil {
		h.pending = nil // lost, though reads show it
		return err
	}
	if !h.dir {
		h.synced()
		return nil
	}
	kept := f.mu.pending[:0]
	for _, r := range f.mu.pending {
		if path.Dir(r.path) != h.path {
			kept = append(kept, r)
			continue
		}
		f.applyLocked(r)
	}
	f.mu.pending = kept
	return nil
}

// applyLocked makes a change of a name durable.
func (f *FS) applyLocked(r rename) {
	if r.file == nil {
		delete(f.mu.durable, r.path)
	} else {
		f.mu.durable[r.path] = r.file
	}
}

func (h *file) Stat() (vfs.FileInfo, error) {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	return info{path.Base(h.path), int64(len(h.live)), h.dir}, nil
}

type info struct {
	name string
	size int64
	dir  bool
}

func (i info) Name() string           { return i.name }
func (i info) Size() int64            { return i.size }
func (i info) IsDir() bool            { return i.dir }
func (i info) ModTime() time.Time     { return time.Time{} }
func (i info) Sys() any               { return nil }
func (i info) DeviceID() vfs.DeviceID { return vfs.DeviceID{} }
func (i info) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir | 0o755
	}
	return 0o644
}
