package dev

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// disk makes a node's disk misbehave: full, failing or slow syncs. A node whose
// disk fails ends by itself; `restart` brings it back after `disk <node> ok`.
func (s *supervisor) disk(f Fault, ps []*process) (string, error) {
	p, kind, sync := ps[0], f.Disk, time.Duration(0)
	did := "the disk of " + p.Name + " fails: " + kind
	switch {
	case kind == "ok":
		kind, did = "", "the disk of "+p.Name+" is well"
	case kind == "slow":
		var err error
		if sync, err = time.ParseDuration(f.Duration); err != nil || sync <= 0 || sync > maxFaultTime {
			return "", fmt.Errorf("disk slow %q: say how much longer a sync takes, such as 200ms, up to %v", f.Duration, maxFaultTime)
		}
		kind, did = "", fmt.Sprintf("syncs of %s take %v longer", p.Name, sync)
	case !slices.Contains(DiskFaults, kind):
		return "", fmt.Errorf("there is no disk fault %q: it is one of %s, slow, ok", f.Disk, strings.Join(DiskFaults, ", "))
	}
	s.do(func() { p.faults.disk, p.faults.sync = kind, sync })
	note, err := s.tell(ps)
	return did + note, err
}

// flip changes a byte in the middle of the newest log file of a node that does
// not run, as a drive that rots does. There is no way back.
func (s *supervisor) flip(_ Fault, ps []*process) (string, error) {
	p := ps[0]
	running := false
	s.do(func() { running = p.cmd != nil })
	if running {
		return "", fmt.Errorf("%s runs: kill it before bytes of its log are flipped", p.Name)
	}
	logs, err := filepath.Glob(filepath.Join(s.dir, p.Name, "log", "*.log"))
	if err != nil {
		return "", err
	}
	slices.Sort(logs) // their numbers have leading zeros
	for _, path := range slices.Backward(logs) {
		at, err := flipMiddle(path)
		if errors.Is(err, errShort) {
			continue // prepared, and not written yet
		}
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("a byte of %s is changed, at offset %d of %s", p.Name, at, path), nil
	}
	return "", fmt.Errorf("%s has written too little to its log yet", p.Name)
}

var errShort = errors.New("nothing is written in the file")

// flipMiddle changes a byte in the middle of what is written in a file.
func flipMiddle(path string) (at int, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	end := len(data)
	for end > 0 && data[end-1] == 0 {
		end--
	}
	const least = 4 << 10 // so that whole records lie behind the byte
	if end < least {
		return 0, errShort
	}
	for at = end / 2; data[at] == 0; at++ { // padding may be nobody's
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return 0, err
	}
	_, err = f.WriteAt([]byte{^data[at]}, int64(at))
	return at, errors.Join(err, f.Close())
}
