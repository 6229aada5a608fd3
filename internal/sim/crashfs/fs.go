package crashfs

import (
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Options of a file system.
type Options struct {
	// Rand decides what a crash leaves. It is drawn from when the crash comes,
	// and for nothing else.
	Rand *rand.Rand
	// Background says which files other goroutines than the caller's write; nil
	// for none.
	Background func(path string) bool
	// Trace is told of every write, sync and change of a name, and of a crash,
	// except of background files; nil for nobody.
	Trace func(what string, path string, off int64, n int)
}

// FS is the file system. Its methods may be called by any goroutine.
type FS struct {
	opts Options

	mu struct {
		sync.Mutex
		live    map[string]*inode // what programs see
		durable map[string]*inode // names that outlive a crash
		pending []rename          // changes of names since their directory's last sync
		dirs    map[string]bool
		locked  map[string]bool
		plan    Plan
		image   *FS // what the crash left; set once
	}
}

// rename is a change of a name: of a file that is made, or gone if file is nil.
type rename struct {
	path string
	file *inode
}

var _ vfs.FS = (*FS)(nil)

// New is an empty file system.
func New(o Options) *FS {
	f := &FS{opts: o}
	f.mu.live, f.mu.durable = map[string]*inode{}, map[string]*inode{}
	f.mu.dirs, f.mu.locked = map[string]bool{}, map[string]bool{}
	return f
}

func (f *FS) background(p string) bool { return f.opts.Background != nil && f.opts.Background(p) }

func (f *FS) trace(what, p string, off int64, n int) {
	if f.opts.Trace != nil && f.mu.image == nil && !f.background(p) {
		f.opts.Trace(what, p, off, n)
	}
}

func clean(p string) string { return strings.TrimPrefix(path.Clean("/"+p), "/") }

func notExist(op, p string) error { return &fs.PathError{Op: op, Path: p, Err: os.ErrNotExist} }

// name notes that a path now stands for a file, or for nothing.
func (f *FS) nameLocked(p string, n *inode) {
	if n == nil {
		delete(f.mu.live, p)
		if f.background(p) {
			return
		}
	} else {
		f.mu.live[p] = n
	}
	f.mu.pending = append(f.mu.pending, rename{p, n})
}

// Create implements vfs.FS.
func (f *FS) Create(name string, _ vfs.DiskWriteCategory) (vfs.File, error) {
	p := clean(name)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.stepLocked(opName, p, nil); err != nil {
		return nil, err
	}
	f.trace("create", p, 0, 0)
	n := &inode{fs: f, path: p}
	f.nameLocked(p, n)
	return &file{inode: n, writable: true}, nil
}

// Open implements vfs.FS.
func (f *FS) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	h, err := f.open(name, false)
	if err != nil {
		return nil, err
	}
	for _, o := range opts {
		o.Apply(h)
	}
	return h, nil
}

// OpenReadWrite implements vfs.FS.
func (f *FS) OpenReadWrite(name string, c vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	h, err := f.open(name, true)
	if err != nil {
		return f.Create(name, c)
	}
	for _, o := range opts {
		o.Apply(h)
	}
	return h, nil
}

func (f *FS) open(name string, writable bool) (*file, error) {
	p := clean(name)
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := f.mu.live[p]; n != nil {
		return &file{inode: n, writable: writable}, nil
	}
	if f.mu.dirs[p] {
		return &file{inode: &inode{fs: f, path: p, dir: true}}, nil
	}
	return nil, notExist("open", name)
}

// OpenDir implements vfs.FS.
func (f *FS) OpenDir(name string) (vfs.File, error) {
	return &file{inode: &inode{fs: f, path: clean(name), dir: true}}, nil
}

// Link implements vfs.FS.
func (f *FS) Link(oldname, newname string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.mu.live[clean(oldname)]
	if n == nil {
		return notExist("link", oldname)
	}
	f.nameLocked(clean(newname), n)
	return nil
}

// Remove implements vfs.FS.
func (f *FS) Remove(name string) error {
	p := clean(name)
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.mu.live[p] != nil:
		f.trace("remove", p, 0, 0)
		f.nameLocked(p, nil)
	case f.mu.dirs[p]:
		delete(f.mu.dirs, p)
	default:
		return notExist("remove", name)
	}
	return nil
}

// RemoveAll implements vfs.FS.
func (f *FS) RemoveAll(name string) error {
	p := clean(name)
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, q := range sortedNames(f.mu.live) {
		if q == p || strings.HasPrefix(q, p+"/") {
			f.nameLocked(q, nil)
		}
	}
	return nil
}

// Rename implements vfs.FS.
func (f *FS) Rename(oldname, newname string) error {
	from, to := clean(oldname), clean(newname)
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.mu.live[from]
	if n == nil {
		return notExist("rename", oldname)
	}
	if err := f.stepLocked(opName, to, nil); err != nil {
		return err
	}
	f.trace("rename", to, 0, 0)
	f.nameLocked(to, n)
	f.nameLocked(from, nil)
	return nil
}

// ReuseForWrite implements vfs.FS: the old file's room is not used again.
func (f *FS) ReuseForWrite(oldname, newname string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := f.Remove(oldname); err != nil {
		return nil, err
	}
	return f.Create(newname, c)
}

// MkdirAll implements vfs.FS. Directories outlive a crash at once.
func (f *FS) MkdirAll(dir string, _ os.FileMode) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for p := clean(dir); p != "." && p != ""; p = path.Dir(p) {
		f.mu.dirs[p] = true
	}
	return nil
}

// Lock implements vfs.FS.
func (f *FS) Lock(name string) (io.Closer, error) {
	p := clean(name)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mu.locked[p] {
		return nil, &fs.PathError{Op: "lock", Path: name, Err: os.ErrPermission}
	}
	f.mu.locked[p] = true
	return unlock(func() error {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.mu.locked, p)
		return nil
	}), nil
}

type unlock func() error

func (u unlock) Close() error { return u() }

// List implements vfs.FS.
func (f *FS) List(dir string) ([]string, error) {
	p := clean(dir)
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.mu.dirs[p] && p != "" {
		return nil, notExist("list", dir)
	}
	var names []string
	for q := range f.mu.live {
		if path.Dir(q) == p {
			names = append(names, path.Base(q))
		}
	}
	for q := range f.mu.dirs {
		if path.Dir(q) == p {
			names = append(names, path.Base(q))
		}
	}
	slices.Sort(names)
	return names, nil
}

// Stat implements vfs.FS.
func (f *FS) Stat(name string) (vfs.FileInfo, error) {
	h, err := f.open(name, false)
	if err != nil {
		return nil, err
	}
	return h.Stat()
}

// PathBase implements vfs.FS.
func (*FS) PathBase(p string) string { return path.Base(p) }

// PathJoin implements vfs.FS.
func (*FS) PathJoin(elem ...string) string { return path.Join(elem...) }

// PathDir implements vfs.FS.
func (*FS) PathDir(p string) string { return path.Dir(p) }

// GetDiskUsage implements vfs.FS.
func (*FS) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: 1 << 40, TotalBytes: 1 << 40}, nil
}

// Unwrap implements vfs.FS.
func (*FS) Unwrap() vfs.FS { return nil }

func sortedNames(m map[string]*inode) []string {
	names := make([]string, 0, len(m))
	for p := range m {
		names = append(names, p)
	}
	slices.Sort(names)
	return names
}
