package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/parleydb/parley/internal/cli"
	"github.com/parleydb/parley/internal/judge"
	"github.com/parleydb/parley/internal/lab/target/parley"
	"github.com/parleydb/parley/internal/lab/verify"
)

// runVerify runs `parley verify` on a cluster of its own, of real processes.
func runVerify(t *testing.T, args ...string) (code int, out string) {
	t.Helper()
	root := cli.Root()
	root.AddCommand(verify.Command(verify.Targets{"dev": parley.Dev("PARLEY_TEST_SERVE=1"), "parley": parley.Connect}, nil))
	var text bytes.Buffer
	root.SetOut(&text)
	root.SetErr(&text)
	root.SetContext(t.Context())
	code = cli.Execute(root, append([]string{"verify"}, args...))
	return code, text.String()
}

func TestVerifyHolds(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs clusters for some seconds each")
	}
	for _, args := range [][]string{
		{"--workload", "register", "--faults", "kill,partition:halves", "--time", "8s"},
		// A message that arrives twice must not become two commands. (A counter would
		// not show it: its increments carry ids.)
		{"--workload", "set", "--faults", "duplicate", "--time", "4s"},
		{"--workload", "append", "--faults", "disk:fsync,disk:slow,disk:flip", "--time", "10s"},
		{"--workload", "session", "--at", "session", "--faults", "delay,pause", "--time", "6s"},
	} {
		t.Run(strings.Join(args[1:4], " "), func(t *testing.T) {
			t.Parallel()
			code, out := runVerify(t, append(args, "--seed", "1", "--fault-time", "1500ms", "--quiet-time", "500ms", "--rate", "200", "--clients", "6")...)
			if code != judge.ExitHolds {
				t.Fatalf("exit code %d\n%s", code, out)
			}
			if strings.Contains(out, "flip") && !strings.Contains(out, "refuses to serve with a damaged log") {
				t.Errorf("the node with flipped bytes: %s", out)
			}
		})
	}
}

// A session that moves between nodes at level eventual does not read its writes,
// and the run says so. One node is cut off for seconds, and goes on answering from
// what it had: every session that wrote at the others since, and asks it for the
// key, sees an old value. There are dozens of such reads; one is enough. Writes at
// the node that is cut off fail soon, so that they do not hold sessions up.
func TestVerifyCatchesEventual(t *testing.T) {
	t.Parallel()
	code, out := runVerify(t, "--target", "dev?serve=--op-timeout=300ms", "--workload", "session", "--at", "eventual", "--level", "ryw",
		"--faults", "partition:halves", "--time", "6s", "--seed", "1", "--fault-time", "5s", "--quiet-time", "500ms", "--rate", "500", "--clients", "30")
	if code != judge.ExitViolated || !strings.Contains(out, "ryw                  violated") {
		t.Fatalf("exit code %d\n%s", code, out)
	}
}

// Ctrl-C, which reaches all processes of a terminal, ends the workload and the
// fault that is there; what was recorded is judged, and nothing is left running.
func TestVerifyInterrupted(t *testing.T) {
	t.Parallel()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	report := filepath.Join(t.TempDir(), "run.html")
	cmd := exec.Command(program, "verify", "--faults", "partition:halves", "--time", "1h", "--quiet-time", "100ms", "--fault-time", "30m", "--report", report)
	cmd.Env = append(os.Environ(), "PARLEY_TEST_SERVE=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	progress, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out, told bytes.Buffer
	cmd.Stdout = &out
	must(t, cmd.Start())
	interrupted := false
	for lines := bufio.NewScanner(progress); lines.Scan(); {
		fmt.Fprintln(&told, lines.Text())
		if !interrupted && strings.Contains(lines.Text(), "[partition halves (") {
			interrupted = true
			must(t, syscall.Kill(-cmd.Process.Pid, syscall.SIGINT))
		}
	}
	if err := cmd.Wait(); err != nil || !strings.Contains(out.String(), "linearizable         holds") || !strings.Contains(out.String(), "partition halves (") {
		t.Fatalf("%v\n%s%s", err, &told, &out)
	}
	if html, err := os.ReadFile(report); err != nil || !bytes.Contains(html, []byte("partition halves")) {
		t.Errorf("the report: %v", err)
	}
	_, at, _ := strings.Cut(told.String(), "nodes serves at ")
	at, _, _ = strings.Cut(at, ";")
	if c, err := net.Dial("tcp", at); err == nil || !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a node at %q: %v, %v", at, c, err)
	}
}

func TestVerifyRefuses(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--target", "cassandra://x"}, "unknown target"},
		{[]string{"--workload", "x"}, "unknown workload"},
		{[]string{"--level", "x"}, "unknown level"},
		{[]string{"--time", "0s"}, "--time 0s"},
		{[]string{"--clients", "0"}, "--clients 0"},
		{[]string{"--target", "dev?node=3"}, `unknown parameter "node"`},
		{[]string{"--target", "parley://nowhere"}, "host:port"},
		{[]string{"--nonsense"}, "see parley verify --help"},
	} {
		if code, out := runVerify(t, c.args...); code != judge.ExitUnknown || !strings.Contains(out, c.want) {
			t.Errorf("%v: exit code %d, %s", c.args, code, out)
		}
	}
}
