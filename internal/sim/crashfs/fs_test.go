package crashfs

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const anyWrite = vfs.WriteCategoryUnspecified

func fresh(seed uint64) *FS {
	return New(Options{
		Rand:       rand.New(rand.NewPCG(seed, 1)),
		Background: func(p string) bool { return strings.HasPrefix(p, "bg/") },
	})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func contents(t *testing.T, f *FS, name string) []byte {
	t.Helper()
	h, err := f.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	check(t, err)
	return must(io.ReadAll(h))
}

func syncDir(t *testing.T, f *FS, name string) {
	t.Helper()
	check(t, must(f.OpenDir(name)).Sync())
}

// durable makes a file with synced contents and a synced name.
func durable(t *testing.T, f *FS, name string, data []byte) vfs.File {
	t.Helper()
	check(t, f.MkdirAll(f.PathDir(name), 0o755))
	h := must(f.Create(name, anyWrite))
	must(h.Write(data))
	check(t, h.Sync())
	syncDir(t, f, f.PathDir(name))
	return must(f.OpenReadWrite(name, anyWrite))
}

func TestSyncedOutlivesACrash(t *testing.T) {
	f := fresh(1)
	durable(t, f, "d/a", []byte("kept"))
	if got := contents(t, f.Crash(), "d/a"); string(got) != "kept" {
		t.Fatalf("after the crash the file holds %q", got)
	}
}

// TestFates shows that over seeds unsynced writes are lost, kept, and torn
// between sectors, and that a sector is never torn within.
func TestFates(t *testing.T) {
	old, young := bytes.Repeat([]byte{'o'}, 4*sectorSize), bytes.Repeat([]byte{'y'}, 4*sectorSize)
	var lost, kept, torn int
	for seed := range uint64(100) {
		f := fresh(seed)
		must(durable(t, f, "d/a", old).WriteAt(young, 0))
		got := contents(t, f.Crash(), "d/a")
		switch {
		case bytes.Equal(got, old):
			lost++
		case bytes.Equal(got, young):
			kept++
		default:
			torn++
		}
		for s := 0; s < len(got); s += sectorSize {
			if sector := got[s : s+sectorSize]; strings.Trim(string(sector), string(sector[:1])) != "" {
				t.Fatalf("seed %d: sector %d is torn within", seed, s/sectorSize)
			}
		}
	}
	if lost == 0 || kept == 0 || torn == 0 {
		t.Fatalf("lost %d, kept %d, torn %d: each should occur", lost, kept, torn)
	}
}

func TestUnsyncedNames(t *testing.T) {
	var gone, there int
	for seed := range uint64(50) {
		f := fresh(seed)
		check(t, f.MkdirAll("d", 0o755))
		h := must(f.Create("d/a", anyWrite))
		must(h.Write([]byte("x")))
		check(t, h.Sync())
		if contents(t, f.Crash(), "d/a") == nil {
			gone++
		} else {
			there++
		}
	}
	if gone == 0 || there == 0 {
		t.Fatalf("a name that was not synced was gone %d times and there %d times", gone, there)
	}
}

func TestCrashWithinAWrite(t *testing.T) {
	var old, young int
	for seed := range uint64(50) {
		f := fresh(seed)
		h := durable(t, f, "d/a", []byte("old"))
		f.Arm(Plan{Kind: Crash, After: 1})
		must(h.WriteAt([]byte("one"), 0))
		check(t, h.Sync()) // the crash comes here
		if !f.Crashed() {
			t.Fatal("there was no crash")
		}
		must(h.WriteAt([]byte("two"), 0)) // nobody sees this
		check(t, h.Sync())
		switch got := string(contents(t, f.Crash(), "d/a")); got {
		case "old":
			old++
		case "one":
			young++
		default:
			t.Fatalf("the crash left %q", got)
		}
	}
	if old == 0 || young == 0 {
		t.Fatalf("lost %d times and kept %d times", old, young)
	}
}

// TestFailedSyncLoses is what Linux does: the next sync succeeds, and does not
// bring back what the failed one lost.
func TestFailedSyncLoses(t *testing.T) {
	f := fresh(3)
	h := durable(t, f, "d/a", []byte("old"))
	f.Arm(Plan{Kind: FailSync})
	must(h.WriteAt([]byte("new"), 0))
	if err := h.Sync(); !errors.Is(err, ErrInjected) {
		t.Fatalf("sync said %v", err)
	}
	check(t, h.Sync())
	if got := contents(t, f, "d/a"); string(got) != "new" {
		t.Fatalf("reads show %q", got)
	}
	if got := contents(t, f.Crash(), "d/a"); string(got) != "old" {
		t.Fatalf("after the crash the file holds %q", got)
	}
}

func TestDriveStaysBad(t *testing.T) {
	f := fresh(3)
	h := durable(t, f, "d/a", []byte("old"))
	f.Arm(Plan{Kind: FailSync, Again: true})
	for range 3 {
		must(h.WriteAt([]byte("new"), 0))
		if err := h.Sync(); !errors.Is(err, ErrInjected) {
			t.Fatalf("sync said %v", err)
		}
	}
	if got := contents(t, f.Crash(), "d/a"); string(got) != "old" {
		t.Fatalf("after the crash the file holds %q", got)
	}
}

func TestCrashThatLosesAll(t *testing.T) {
	for seed := range uint64(30) {
		f := fresh(seed)
		h := durable(t, f, "d/a", []byte("old"))
		f.Arm(Plan{Kind: Crash, Lose: true})
		must(h.WriteAt([]byte("new"), 0))
		if got := contents(t, f.Crash(), "d/a"); string(got) != "old" {
			t.Fatalf("seed %d: after the crash the file holds %q", seed, got)
		}
	}
}

func TestFailedWriteIsShort(t *testing.T) {
	f := fresh(3)
	h := durable(t, f, "d/a", nil)
	f.Arm(Plan{Kind: FailWrite})
	n, err := h.WriteAt(make([]byte, 4*sectorSize), 0)
	if !errors.Is(err, ErrInjected) || n != 2*sectorSize {
		t.Fatalf("wrote %d, %v", n, err)
	}
}

// TestBackground keeps what the seed cannot order out of the outcome: over all
// seeds there is one.
func TestBackground(t *testing.T) {
	for seed := range uint64(50) {
		f := fresh(seed)
		h := durable(t, f, "bg/a", []byte("old"))
		durable(t, f, "bg/b", []byte("removed"))
		must(h.WriteAt([]byte("new"), 0))
		check(t, f.Remove("bg/b"))
		f.Arm(Plan{Kind: FailSync})
		check(t, must(f.OpenReadWrite("bg/a", anyWrite)).SyncData()) // not concerned
		must(h.WriteAt([]byte("xxx"), 0))
		after := f.Crash()
		if a, b := contents(t, after, "bg/a"), contents(t, after, "bg/b"); string(a) != "new" || string(b) != "removed" {
			t.Fatalf("seed %d: the crash left %q and %q", seed, a, b)
		}
	}
}

func TestFlip(t *testing.T) {
	f := fresh(4)
	durable(t, f, "d/a", []byte("abc\x00\x00\x00"))
	_, off, undo, ok := f.Flip(rand.New(rand.NewPCG(1, 1)), func(string) bool { return true })
	if got := contents(t, f, "d/a"); !ok || off > 2 || string(got) == "abc\x00\x00\x00" {
		t.Fatalf("flipped at %d: %q", off, got)
	}
	undo()
	if got := contents(t, f, "d/a"); string(got) != "abc\x00\x00\x00" {
		t.Fatalf("after undo: %q", got)
	}
}
