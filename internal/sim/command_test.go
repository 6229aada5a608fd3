package sim

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// parley runs "parley sim" with arguments and returns what it printed.
func parley(args ...string) (string, error) {
	var out bytes.Buffer
	cmd := Command()
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs(args)
	err := cmd.Execute()
	return out.String(), err
}

// TestReplay runs the command that a failure prints, and gets the same failure.
func TestReplay(t *testing.T) {
	first, err := parley("--bug", "timeout-is-failure", "--seed", "1", "--ops", "200")
	if err == nil {
		t.Fatalf("the planted bug was not found:\n%s", first)
	}
	_, line, ok := strings.Cut(first, "replay with: parley sim ")
	if !ok {
		t.Fatalf("no command to replay with:\n%s", first)
	}
	line, _, _ = strings.Cut(line, "\n")
	second, err := parley(strings.Fields(line)...)
	if err == nil {
		t.Fatalf("the replay finds nothing:\n%s", second)
	}
	a, _, _ := strings.Cut(first, "\nseeds ")
	b, _, _ := strings.Cut(second, "\nseeds ")
	if a != b {
		t.Fatalf("first:\n%s\nreplay:\n%s", a, b)
	}
}

func TestCommandTraces(t *testing.T) {
	out, err := parley("--seed", "1", "--ops", "20", "--trace")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"n1 starts", "frame", "all is healed", "seed 1 ", "seeds 1, broken 0"} {
		if !strings.Contains(out, want) {
			t.Errorf("the output has no %q", want)
		}
	}
}

func TestCommandLists(t *testing.T) {
	out, err := parley("--list")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range profiles {
		if !strings.Contains(out, p.name) {
			t.Errorf("profile %s is not listed", p.name)
		}
	}
	for _, b := range Bugs {
		if !strings.Contains(out, b.Name) {
			t.Errorf("bug %s is not listed", b.Name)
		}
	}
}

func TestCommandRefuses(t *testing.T) {
	for _, args := range [][]string{{"--nodes", "0"}, {"--ops", "0"}, {"--seeds", "0"}, {"--profile", "none"}, {"--bug", "none"}} {
		_, err := parley(args...)
		var coded interface{ ExitCode() int }
		if !errors.As(err, &coded) || coded.ExitCode() != 2 {
			t.Errorf("%v: %v, want exit code 2", args, err)
		}
	}
}
