package idea

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/parleydb/parley/internal/config"
	"github.com/parleydb/parley/internal/dev"
	"github.com/parleydb/parley/internal/lab/spacetime"
	"github.com/parleydb/parley/internal/lab/story"
	"github.com/parleydb/parley/internal/serve"
)

// TestMain lets the test binary be the nodes of the clusters that ideas start,
// as `parley` is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		if err := node(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func node(args []string) error {
	cfg := config.Default()
	fs := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	config.Flags(fs, &cfg)
	if err := fs.Parse(args); err != nil {
		return err
	}
	if err := cfg.Load(fs); err != nil {
		return err
	}
	s, err := serve.Open(cfg, slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err != nil {
		return err
	}
	return s.Run(context.Background()) // they die with the test
}

// heard is a stage whose text can be checked.
type heard struct {
	*story.Stage
	text bytes.Buffer
}

func newHeard() *heard {
	s := &heard{}
	s.Stage = story.On(&s.text)
	return s
}

// checkStory holds a story to the width of a terminal, and to what it must say.
func checkStory(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, l := range strings.Split(text, "\n") {
		if utf8.RuneCountInString(l) > story.Width {
			t.Errorf("longer than %d: %q", story.Width, l)
		}
	}
	flat := strings.Join(strings.Fields(text), " ")
	for _, w := range want {
		if !strings.Contains(flat, w) {
			t.Errorf("no %q in\n%s", w, text)
		}
	}
}

// checkPicture draws a picture both ways.
func checkPicture(t *testing.T, d *spacetime.Diagram, want ...string) {
	t.Helper()
	for _, draw := range []func(*spacetime.Diagram, *bytes.Buffer) error{
		func(d *spacetime.Diagram, b *bytes.Buffer) error { return d.SVG(b) },
		func(d *spacetime.Diagram, b *bytes.Buffer) error { return d.HTML(b) },
	} {
		var b bytes.Buffer
		if err := draw(d, &b); err != nil {
			t.Error(err)
		}
		for _, w := range append(want, d.Title) {
			if !strings.Contains(b.String(), w) {
				t.Errorf("no %q in the picture", w)
			}
		}
	}
}

// live is a running cluster.
func live(t *testing.T, serve ...string) *cluster {
	t.Helper()
	c, err := start(t.Context(), newHeard().Stage, 0, serve...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.close)
	return c
}

func run(ctx context.Context, args ...string) (out string, err error) {
	var b bytes.Buffer
	cmd := Command(&cobra.Command{Use: "extra", Short: "comes from outside", Run: func(*cobra.Command, []string) {}})
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetOut(&b)
	cmd.SetErr(&b)
	cmd.SetArgs(args)
	err = cmd.ExecuteContext(ctx)
	return b.String(), err
}

func TestList(t *testing.T) {
	out, err := run(t.Context(), "list")
	if err != nil {
		t.Fatal(err)
	}
	checkStory(t, out, "extra comes from outside")
	for _, i := range ideas() {
		checkStory(t, out, i.name+" "+i.short)
	}
}

func TestHelpTeaches(t *testing.T) {
	for _, i := range ideas() {
		out, err := run(t.Context(), i.name, "--help")
		if err != nil || !strings.Contains(out, story.Paragraphs(i.long)) || !strings.Contains(out, "parley lab "+i.name) || !strings.Contains(out, "--out") {
			t.Errorf("%s: %v, %s", i.name, err, out)
		}
		checkStory(t, story.Paragraphs(i.long)+"\n"+i.example)
	}
}

func TestUsageErrors(t *testing.T) {
	for _, line := range []string{
		"nonsense", "lamport stray", "lamport --out picture.png", "lamport --out picture",
		"two-generals --messages 0", "two-generals --messages 13", "byzantine --runs 0", "clock-skew --apart 0s", "list stray",
	} {
		_, err := run(t.Context(), strings.Fields(line)...)
		var e *story.ExitError
		if err == nil || !errors.As(err, &e) || e.ExitCode() != story.ExitUsage {
			t.Errorf("%q: %v", line, err)
		}
	}
}

// The ideas that need no cluster, as commands.
func TestPureIdeas(t *testing.T) {
	for line, want := range map[string]string{
		"two-generals --messages 5":         "5 32 1024 0",
		"byzantine --runs 100":              "32 runs: each general in turn the traitor, each order, each lie. Conditions broken: none.",
		"lamport":                           "15 pairs of events of which one happened before the other: its number is the lower one in 15 of them.",
		"vector":                            "All 36 pairs of events: the vectors say what the messages say in 36 of them.",
		"hlc":                               "hybrid clocks: 0.",
		"clock-skew --live=false":           "wall clocks 200 50 first (lost: second) hybrid clocks 200.0 200.1 second",
		"clock-skew --live=false --skew 0s": "wall clocks 0 50 second",
	} {
		for _, ext := range []string{".svg", ".html"} {
			file := filepath.Join(t.TempDir(), "picture"+ext)
			out, err := run(t.Context(), append(strings.Fields(line), "--out", file)...)
			if err != nil {
				t.Errorf("%s: %v", line, err)
			}
			checkStory(t, strings.ReplaceAll(out, file, "FILE"), want, "Try next", "The picture is in FILE.")
			if info, err := os.Stat(file); err != nil || info.Size() < 1000 {
				t.Errorf("%s: picture %v, %v", line, info, err)
			}
		}
	}
}

// Ctrl-C ends the cluster and leaves nothing behind, be it while the nodes
// start or in the middle of the story.
func TestInterrupted(t *testing.T) {
	for name, when := range map[string]func(dev.Cluster) bool{
		"starting": func(c dev.Cluster) bool { return c.Nodes[2].PID != 0 },
		"running":  ready,
	} {
		t.Run(name, func(t *testing.T) { interrupt(t, when) })
	}
}

func interrupt(t *testing.T, when func(dev.Cluster) bool) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	port, err := freePort(3)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := run(ctx, "partition", "--port", fmt.Sprint(port))
		done <- err
	}()
	if err := await(ctx, "a cluster", func() bool {
		dirs, err := filepath.Glob(filepath.Join(tmp, "parley-lab-*"))
		if err != nil || len(dirs) == 0 {
			return false
		}
		c, err := dev.Read(dirs[0])
		return err == nil && when(c)
	}); err != nil {
		t.Fatal(err)
	}
	cancel()
	var e *story.ExitError
	if err := <-done; !errors.As(err, &e) || e.Code != story.ExitInterrupted {
		t.Errorf("ended with %v", err)
	}
	left, err := filepath.Glob(filepath.Join(tmp, "*"))
	if err != nil || len(left) > 0 || !free(port, 3) {
		t.Errorf("left behind: %v, %v; ports free: %v", left, err, free(port, 3))
	}
}

// The course names every idea, and names no command or file that is not there.
func TestCourse(t *testing.T) {
	text, err := os.ReadFile("../../../docs/course.md")
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, m := range regexp.MustCompile("parley lab ([a-z-]+)").FindAllStringSubmatch(string(text), -1) {
		named[m[1]] = true
	}
	delete(named, "list")
	delete(named, "analyze") // comes from outside: package analyze
	for _, i := range ideas() {
		if !named[i.name] {
			t.Errorf("docs/course.md does not name %s", i.name)
		}
		delete(named, i.name)
	}
	for name := range named {
		t.Errorf("docs/course.md names `parley lab %s`, which is not there", name)
	}
	for _, m := range regexp.MustCompile("`((?:internal|clock|check|history|cmd)(?:/[a-z_]+)*(?:\\.go)?)`").FindAllStringSubmatch(string(text), -1) {
		if _, err := os.Stat(filepath.Join("../../..", m[1])); err != nil {
			t.Errorf("docs/course.md names %s: %v", m[1], err)
		}
	}
}
