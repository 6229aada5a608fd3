package disk

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.etcd.io/raft/v3/raftpb"
)

// files are all files of a directory tree, by path.
func files(t testing.TB, fs vfs.FS, dir string) map[string][]byte {
	t.Helper()
	m := map[string][]byte{}
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		p := fs.PathJoin(dir, n)
		st, err := fs.Stat(p)
		if err != nil {
			t.Fatal(err)
		}
		if st.IsDir() {
			maps.Copy(m, files(t, fs, p))
			continue
		}
		if m[p], err = readFile(fs, p); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// memWith is a file system with these files.
func memWith(t testing.TB, m map[string][]byte) *vfs.MemFS {
	t.Helper()
	fs := vfs.NewMem()
	for p, data := range m {
		if err := fs.MkdirAll(fs.PathDir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		f, err := fs.Create(p, vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(slices.Clone(data)); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return fs
}

func segmentFiles(m map[string][]byte) []string {
	var s []string
	for p := range m {
		if strings.HasSuffix(p, segmentExt) && strings.Contains(p, "/"+logDir+"/") {
			s = append(s, p)
		}
	}
	slices.Sort(s)
	return s
}

// wholeDir is a closed directory with three segments, and the log in it.
func wholeDir(t testing.TB) (map[string][]byte, Options, *Log) {
	t.Helper()
	fs := vfs.NewMem()
	o := smallOptions(true)
	o.FS, o.LogKeepBytes = fs, 1<<20
	d, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	for i := uint64(1); i <= 120; i += 4 {
		for g := range uint64(2) {
			hs := &raftpb.HardState{Term: new(uint64(2)), Vote: new(uint64(1)), Commit: new(i / 2)}
			d.Append(g+1, hs, entries(2, i, 4))
		}
		mustSync(t, d)
	}
	d.State(1).Set([]byte("a"), []byte("b"))
	d.State(1).SetApplied(20, 2)
	d.freeze(d.touched)
	l := d.Log(1)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	m := files(t, fs, "db")
	if n := len(segmentFiles(m)); n != 3 {
		t.Fatalf("%d segments", n)
	}
	return m, o, l
}

// sameLogs says whether a directory opens with the logs that were written.
func openSame(t testing.TB, m map[string][]byte, o Options, want *Log) (same bool, err error) {
	t.Helper()
	o.FS = memWith(t, m)
	d, err := Open(o)
	if err != nil {
		return false, err
	}
	defer d.Close()
	l := d.Log(want.group)
	if l.hard != want.hard || l.base != want.base || l.last() != want.last() || len(d.Groups()) != 2 {
		return false, nil
	}
	for i, e := range l.ents {
		if string(e.Data) != string(want.ents[i].Data) {
			return false, nil
		}
	}
	return true, nil
}

// Every byte of the log, changed: told with file and place, or harmless. Also
// in the last record, after which nothing shows that it was synced.
func TestBitRotIsTold(t *testing.T) {
	m, o, l := wholeDir(t)
	if same, err := openSame(t, m, o, l); !same {
		t.Fatalf("the whole directory does not open: %v", err)
	}
	told := 0
	for _, p := range segmentFiles(m) {
		data := m[p]
		used := len(data)
		for used > 0 && data[used-1] == 0 {
			used--
		}
		for i := range min(used+200, len(data)) {
			// A byte that is changed to zero, one bit, and all bits.
			x := []byte{data[i], 1 << (i % 8), 0xff}[i%3]
			if x == 0 {
				x = 0x10
			}
			data[i] ^= x
			same, err := openSame(t, m, o, l)
			data[i] ^= x
			var de *DamageError
			if errors.As(err, &de) {
				told++
				if !strings.HasSuffix(p, de.File) || de.Offset < 0 || de.Offset > int64(i) || de.Advice == "" {
					t.Fatalf("%s byte %d: told as %v", p, i, err)
				}
			} else if !same {
				t.Fatalf("%s byte %d changed: neither told nor harmless: %v", p, i, err)
			}
		}
	}
	if told < 8000 {
		t.Errorf("only %d changes were told", told)
	}
}

func TestLostSegmentIsTold(t *testing.T) {
	m, o, l := wholeDir(t)
	segs := segmentFiles(m)
	for n := range 1 << len(segs) {
		c := maps.Clone(m)
		for i, p := range segs {
			if n&(1<<i) != 0 {
				delete(c, p)
			}
		}
		same, err := openSame(t, c, o, l)
		var de *DamageError
		switch {
		case n == 0 && !same:
			t.Fatal(err)
		case n != 0 && !errors.As(err, &de):
			t.Errorf("segments %03b lost: %v", n, err)
		}
	}
}

func TestLostOrForeignFilesAreTold(t *testing.T) {
	m, o, l := wholeDir(t)
	without := func(prefix string) map[string][]byte {
		c := maps.Clone(m)
		maps.DeleteFunc(c, func(p string, _ []byte) bool { return strings.HasPrefix(p, prefix) })
		return c
	}
	with := func(p, s string) map[string][]byte {
		c := maps.Clone(m)
		c[p] = []byte(s)
		return c
	}
	for name, c := range map[string]map[string][]byte{
		"no state":          without("db/state"),
		"no log":            without("db/log"),
		"no format":         without("db/FORMAT"),
		"garbage format":    with("db/FORMAT", "hello\n"),
		"damaged format":    with("db/FORMAT", "parley-disk 2 00000000\n"),
		"damaged identity":  with("db/IDENTITY", "PARLEYID12345"),
		"oversize identity": with("db/IDENTITY", strings.Repeat("x", 1<<20)),
	} {
		_, err := openSame(t, c, o, l)
		var de *DamageError
		if name == "no state" && err == nil {
			continue // nothing was truncated: the log makes the state again
		}
		if !errors.As(err, &de) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := openSame(t, with("db/FORMAT", string(formatLine(7))), o, l)
	var fe *FormatError
	if !errors.As(err, &fe) || fe.Found != 7 || fe.Reads != formatVersion {
		t.Errorf("newer version: %v", err)
	}
}

// A round that was cut off anywhere, in whole sectors, is as if never made.
func TestTornTailIsCut(t *testing.T) {
	fs := vfs.NewMem()
	o := smallOptions(true)
	o.FS, o.SegmentBytes = fs, 32<<10
	d, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	d.Append(1, nil, entries(1, 1, 5))
	mustSync(t, d)
	before := files(t, fs, "db")
	d.Append(1, nil, entries(1, 6, 200))
	mustSync(t, d)
	after := files(t, fs, "db")
	p := segmentFiles(after)[0]
	var differ []int // sectors
	for s := 0; s < len(after[p]); s += sectorSize {
		if string(after[p][s:s+sectorSize]) != string(before[p][s:s+sectorSize]) {
			differ = append(differ, s)
		}
	}
	if len(differ) < 8 {
		t.Fatalf("the round is only %d sectors", len(differ))
	}
	for n := range 600 {
		torn := maps.Clone(after)
		torn[p] = slices.Clone(after[p])
		whole := true
		for i, s := range differ {
			if n < len(differ) && i >= n || n >= len(differ) && (n*2654435761>>(i%20+3))&1 == 0 {
				copy(torn[p][s:s+sectorSize], before[p][s:])
				whole = false
			}
		}
		o.FS = memWith(t, torn)
		d, err := Open(o)
		if err != nil {
			t.Fatalf("torn %d: %v", n, err)
		}
		want := uint64(5)
		if whole {
			want = 205
		}
		if last := d.Log(1).last(); last != want {
			t.Fatalf("torn %d: the log ends at %d", n, last)
		}
		// It goes on, and what was cut does not come back.
		d.Append(1, nil, entries(7, want+1, 1))
		mustSync(t, d)
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		if d, err = Open(o); err != nil {
			t.Fatalf("torn %d, again: %v", n, err)
		}
		if last := d.Log(1).last(); last != want+1 || d.Log(1).term(last) != 7 {
			t.Fatalf("torn %d, again: the log ends at %d", n, last)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// Without syncing, a machine's crash may take the log's end that the state has.
func TestLogBehindStateWithoutSync(t *testing.T) {
	mem := vfs.NewCrashableMem()
	o := smallOptions(true)
	o.FS, o.Sync = mem, false
	d, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	d.Append(1, &raftpb.HardState{Term: new(uint64(2)), Commit: new(uint64(9))}, entries(2, 1, 9))
	mustSync(t, d)
	d.State(1).Set([]byte("k"), []byte("v"))
	d.State(1).SetApplied(9, 2)
	d.freeze(d.touched)
	crashed := mem.CrashClone(vfs.CrashCloneCfg{})
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	o.FS, o.Sync = crashed.CrashClone(vfs.CrashCloneCfg{}), true
	var de *DamageError
	if _, err := Open(o); !errors.As(err, &de) || !strings.Contains(err.Error(), "--no-fsync") {
		t.Fatalf("with syncing: %v", err)
	}
	o.FS, o.Sync = crashed, false
	if d, err = Open(o); err != nil {
		t.Fatal(err)
	}
	l := d.Log(1)
	if v, _ := d.State(1).Get([]byte("k")); string(v) != "v" || l.base != 9 || l.last() != 9 || l.hard != (hardState{2, 0, 9}) {
		t.Errorf("state %q, log from %d to %d, %v", v, l.base, l.last(), l.hard)
	}
	d.Append(1, nil, entries(3, 10, 2))
	mustSync(t, d)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if d, err = Open(o); err != nil || d.Log(1).last() != 11 {
		t.Fatalf("again: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

// Rot in Pebble's tables shows when they are read: as damage, for good.
func TestRotInTheStateIsTold(t *testing.T) {
	fs := vfs.NewMem()
	o := smallOptions(true)
	o.FS = fs
	d, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	d.Append(1, nil, entries(1, 1, 1))
	s := d.State(1)
	for i := range 2000 {
		s.Set(fmt.Appendf(nil, "key%d", i), fmt.Appendf(nil, "some value %d", i*i))
	}
	s.SetApplied(1, 1)
	d.freeze(d.touched)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	m := files(t, fs, "db")
	for p, data := range m {
		if strings.HasSuffix(p, ".sst") {
			for i := 100; i < len(data)/2; i += 50 {
				data[i] ^= 0x55
			}
		}
	}
	o.FS = memWith(t, m)
	d, err = Open(o)
	if err == nil {
		for i := range 2000 {
			d.State(1).Get(fmt.Appendf(nil, "key%d", i))
		}
		err = d.Err()
		if cerr := d.Close(); cerr != err {
			t.Errorf("close says %v", cerr)
		}
	}
	var de *DamageError
	if !errors.As(err, &de) || !strings.HasPrefix(de.File, "db/state") {
		t.Errorf("told as %v", err)
	}
}

func TestSecondProcessIsRefused(t *testing.T) {
	o := smallOptions(true)
	o.FS = vfs.NewMem()
	d, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(o)
	var le *LockedError
	if !errors.As(err, &le) || le.Dir != "db" || !strings.Contains(err.Error(), "db") {
		t.Fatalf("second open: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != ErrClosed {
		t.Errorf("second close: %v", err)
	}
	if d, err = Open(o); err != nil {
		t.Fatalf("after close: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestIdentityIsWrittenOnce(t *testing.T) {
	o := smallOptions(true)
	mem := vfs.NewCrashableMem()
	o.FS = mem
	d, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := d.Identity(); ok {
		t.Error("a new directory has an identity")
	}
	for _, bad := range [][]byte{nil, make([]byte, 61<<10)} {
		if d.SetIdentity(bad) == nil {
			t.Errorf("identity of %d bytes accepted", len(bad))
		}
	}
	if err := d.SetIdentity([]byte("node 7")); err != nil {
		t.Fatal(err)
	}
	o.FS = mem.CrashClone(vfs.CrashCloneCfg{})
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if d, err = Open(o); err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if id, ok := d.Identity(); !ok || string(id) != "node 7" {
		t.Errorf("identity is %q after a crash", id)
	}
	if err := d.SetIdentity([]byte("node 7")); err != nil {
		t.Errorf("the same again: %v", err)
	}
	if err := d.SetIdentity([]byte("node 8")); err == nil || d.Err() != nil {
		t.Errorf("another: %v, %v", err, d.Err())
	}
}

func TestBadOptionsAreRefused(t *testing.T) {
	for _, o := range []Options{{}, {Dir: "x", SegmentBytes: 1}, {Dir: "x", LogKeepBytes: -1}, {Dir: "x", LogMaxBytes: -1}, {Dir: "x", GenerationBytes: 1 << 40}} {
		o.FS = vfs.NewMem()
		if d, err := Open(o); err == nil {
			t.Errorf("%+v accepted", o)
			d.Close()
		}
	}
}
