package dev

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLinksClocksAndDisks(t *testing.T) {
	c := launch(t, Options{Nodes: 2, Dir: t.TempDir()}, "").ready()
	both := []string{"n1", "n2"}
	c.inject(Fault{Op: "cut", Nodes: both})
	c.inject(Fault{Op: "duplicate", Nodes: both, Percent: 20})
	c.inject(Fault{Op: "slow", Nodes: both, Bytes: 1000, OneWay: true})
	c.inject(Fault{Op: "clock", Nodes: []string{"n1"}, Duration: "5s", Every: "300ms"})
	c.inject(Fault{Op: "disk", Nodes: []string{"n2"}, Disk: "slow", Duration: "50ms"})
	dup := func(n string) map[string]int { return map[string]int{n: 20} }
	c.wantTold(1, faultBody{Cut: []string{"n2"}, Duplicate: dup("n2"), Slow: map[string]int{"n2": 1000}, Clock: "5s", Jump: "300ms"})
	c.wantTold(2, faultBody{Cut: []string{"n1"}, Duplicate: dup("n1"), Sync: "50ms"})

	c.inject(Fault{Op: "join", Nodes: both})
	c.inject(Fault{Op: "duplicate", Nodes: both})
	c.inject(Fault{Op: "slow", Nodes: both})
	c.inject(Fault{Op: "clock", Nodes: []string{"n1"}, Duration: "0s"})
	c.inject(Fault{Op: "disk", Nodes: []string{"n2"}, Disk: "full"})
	c.wantTold(1, faultBody{})
	c.wantTold(2, faultBody{Disk: "full"})
	c.inject(Fault{Op: "disk", Nodes: []string{"n2"}, Disk: "ok"})
	c.wantTold(2, faultBody{})

	for want, f := range map[string]Fault{
		"duplicate 101":               {Op: "duplicate", Nodes: both, Percent: 101},
		"slow -1":                     {Op: "slow", Nodes: both, Bytes: -1},
		"there is no disk fault":      {Op: "disk", Nodes: []string{"n1"}, Disk: "burnt"},
		"disk slow \"\"":              {Op: "disk", Nodes: []string{"n1"}, Disk: "slow"},
		"clock --every \"0s\"":        {Op: "clock", Nodes: []string{"n1"}, Duration: "1s", Every: "0s"},
		"kill it before bytes of its": {Op: "flip", Nodes: []string{"n1"}},
	} {
		if _, err := Inject(t.Context(), c.opts.Dir, f); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want %q", f, err, want)
		}
	}
}

// One byte of the newest log that has anything in it changes, well before its
// end.
func TestFlip(t *testing.T) {
	c := launch(t, Options{Nodes: 1, Dir: t.TempDir()}, "").ready()
	c.inject(Fault{Op: "kill", Nodes: []string{"n1"}})
	flip := Fault{Op: "flip", Nodes: []string{"n1"}}
	if _, err := Inject(t.Context(), c.opts.Dir, flip); err == nil || !strings.Contains(err.Error(), "written too little") {
		t.Errorf("without a log: %v", err)
	}
	dir := filepath.Join(c.opts.Dir, "n1", "log")
	written := bytes.Repeat([]byte{7}, 8<<10)
	files := map[string][]byte{"1.log": written, "2.log": append(bytes.Clone(written), make([]byte, 9<<10)...), "3.log": make([]byte, 9<<10)}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c.inject(flip)
	for name, data := range files {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if name == "2.log" {
			data = bytes.Clone(data)
			data[4<<10] = ^data[4<<10]
		}
		if !bytes.Equal(got, data) {
			t.Errorf("%s is not as it should be", name)
		}
	}
}
