package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// describe is the head of the report: what was measured, with what, on what.
func describe(ctx context.Context, b *bench) (string, error) {
	grown, err := syncRate(b.procs.base, 0)
	if err != nil {
		return "", err
	}
	prealloc, err := syncRate(b.procs.base, 1<<20)
	if err != nil {
		return "", err
	}
	rows := [][]string{
		{"date", time.Now().UTC().Format("2006-01-02")},
		{"command", "`cd bench && go run . " + strings.Join(os.Args[1:], " ") + "`"},
		{"commit", commit(ctx, b.checkout)},
		{"machine", fmt.Sprintf("%s, %d cores, %s of memory", cpuModel(), runtime.NumCPU(), memory())},
		{"system", fmt.Sprintf("%s, Linux %s", osName(), kernel())},
		{"disk", fmt.Sprintf("%s; fdatasync %.0f/s on a growing file, %.0f/s on a preallocated one", fileSystem(b.procs.base), grown, prealloc)},
		{"Go", runtime.Version()},
	}
	if b.measures("peer") {
		rows = append(rows, []string{"etcd", firstLine(output(ctx, b.bin.etcd, "--version")) + ", default settings"},
			[]string{"redis", output(ctx, b.bin.redis, "--version")})
	}
	return fmt.Sprintf("# Benchmarks\n\nParley beside etcd and redis-server, both sides in one run on one machine, which also runs the load. "+
		"Sides take turns, with the other one stopped; all data is on one disk; values have 100 bytes and keys 16. "+
		"Figures are medians of %d runs of %g s. Compare within this page only: figures drift between machines and days.\n\n%s",
		b.runs, b.seconds, table([]string{"", "this run"}, rows)), nil
}

// syncRate is how often per second 128 bytes can be written and synced.
func syncRate(dir string, preallocate int64) (float64, error) {
	f, err := os.Create(filepath.Join(dir, "sync"))
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if preallocate > 0 {
		if _, err := f.Write(make([]byte, preallocate)); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
	}
	const n = 1000
	start := time.Now()
	for i := range n {
		if _, err := f.WriteAt(make([]byte, 128), int64(i)*128); err != nil {
			return 0, err
		}
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			return 0, err
		}
	}
	return n / time.Since(start).Seconds(), nil
}

// output is what a command prints, or why it does not.
func output(ctx context.Context, name string, args ...string) string {
	out, err := exec.CommandContext(ctx, name, args...).Output()
	if err != nil {
		return fmt.Sprintf("unknown (%v)", err)
	}
	return strings.TrimSpace(string(out))
}

// commit is the checkout's commit, and whether it has other changes.
func commit(ctx context.Context, dir string) string {
	head := output(ctx, "git", "-C", dir, "rev-parse", "--short=12", "HEAD")
	if output(ctx, "git", "-C", dir, "status", "--porcelain") != "" {
		head += " with changes"
	}
	return head
}

func cpuModel() string { return field("/proc/cpuinfo", "model name", ":") }

func memory() string {
	var kb float64
	_, _ = fmt.Sscan(field("/proc/meminfo", "MemTotal", ":"), &kb) // stays 0 when it is not there
	return fmt.Sprintf("%.0f GiB", kb/(1<<20))
}

func osName() string { return strings.Trim(field("/etc/os-release", "PRETTY_NAME", "="), `"`) }

// field is the value of a name in a file of lines "name<sep>value".
func field(file, name, sep string) string {
	b, _ := os.ReadFile(file)
	for line := range strings.Lines(string(b)) {
		if k, v, ok := strings.Cut(line, sep); ok && strings.TrimSpace(k) == name {
			return strings.TrimSpace(v)
		}
	}
	return "unknown"
}

func kernel() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(u.Release[:])
}

func fileSystem(dir string) string {
	names := map[int64]string{unix.EXT4_SUPER_MAGIC: "ext4", unix.XFS_SUPER_MAGIC: "xfs", unix.BTRFS_SUPER_MAGIC: "btrfs",
		unix.TMPFS_MAGIC: "tmpfs: **memory, not a disk**", unix.OVERLAYFS_SUPER_MAGIC: "overlayfs"}
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return "unknown"
	}
	if name, ok := names[int64(st.Type)]; ok {
		return name
	}
	return fmt.Sprintf("file system type %#x", st.Type)
}
