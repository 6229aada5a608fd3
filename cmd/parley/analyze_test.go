package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/parleydb/parley/internal/cli"
	"github.com/parleydb/parley/internal/lab/analyze"
	"github.com/parleydb/parley/internal/lab/idea"
	"github.com/parleydb/parley/internal/lab/target/parley"
	"github.com/parleydb/parley/internal/lab/verify"
)

// runAnalyze runs `parley lab analyze` on a cluster of its own.
func runAnalyze(t *testing.T, args ...string) (code int, out string) {
	t.Helper()
	root := cli.Root()
	root.AddCommand(idea.Command(analyze.Command(verify.Targets{"dev": parley.Dev("PARLEY_TEST_SERVE=1"), "parley": parley.Connect})))
	var text bytes.Buffer
	root.SetOut(&text)
	root.SetErr(&text)
	root.SetContext(t.Context())
	code = cli.Execute(root, append([]string{"lab", "analyze"}, args...))
	return code, strings.Join(strings.Fields(text.String()), " ")
}

// Parley keeps at each level what docs/consistency.md promises, and the schedules
// alone show that the weak levels are weak.
func TestAnalyze(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs a cluster for some seconds")
	}
	file := filepath.Join(t.TempDir(), "parley.html")
	code, out := runAnalyze(t, "--time", "0s", "--out", file)
	if code != 0 {
		t.Fatalf("exit code %d\n%s", code, out)
	}
	for _, want := range []string{
		"linearizable linearizable - 4, all kept refuses",
		"eventual mw, wfr - 4, all kept reads",
		"Not ryw (a node is cut off): n",
		"Not mr (a node is cut off): n",
		"The report is in",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	// A follower may not know of a commit for some milliseconds, which the bound allows.
	if !regexp.MustCompile(`bounded:1s (linearizable|causal \(CCv, CM\), bounded:1s) - 4, all kept refuses`).MatchString(out) {
		t.Errorf("bounded reads do not keep their bound, in\n%s", out)
	}
	if strings.Count(out, "Not ryw") != 1 || strings.Count(out, "> kept") != 4 || strings.Contains(out, "BROKEN") {
		t.Error(out)
	}
	if info, err := os.Stat(file); err != nil || info.Size() < 20_000 {
		t.Error(info, err)
	}
}

func TestAnalyzeRefuses(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"stray"}, 2, "parley lab analyze --help"},
		{[]string{"--time", "-1s"}, 2, "--time"},
		{[]string{"--out", "x.svg"}, 2, ".html"},
		{[]string{"--nonsense"}, 2, "parley lab analyze --help"},
		{[]string{"--target", "cassandra://x"}, 2, "unknown target"},
	} {
		if code, out := runAnalyze(t, c.args...); code != c.code || !strings.Contains(out, c.want) {
			t.Errorf("%v: exit code %d, %s", c.args, code, out)
		}
	}
}
