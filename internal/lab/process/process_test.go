package process

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
)

func newGroup(t *testing.T) *Group {
	t.Helper()
	g, err := NewGroup("parley-process-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(g.Dir()); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the directory stays: %v", err)
		}
	})
	g.Add("n1")
	return g
}

func TestKillAndRunAgain(t *testing.T) {
	g := newGroup(t)
	if err := g.Kill(0); err == nil {
		t.Error("killed what never ran")
	}
	if _, err := g.Pause(); err == nil {
		t.Error("paused nobody")
	}
	for range 2 {
		if err := g.Run(0, "sleep", "1000"); err != nil {
			t.Fatal(err)
		}
		if err := g.Run(0, "sleep", "1000"); err == nil || !g.Runs(0) || len(g.Ends()) != 1 {
			t.Fatal("it should run once")
		}
		resume, err := g.Pause(0)
		if err != nil {
			t.Fatal(err)
		}
		if err := g.Kill(0, 1); err == nil || !strings.Contains(err.Error(), "no node 1") || !g.Runs(0) {
			t.Fatalf("killed a node that is not there: %v", err)
		}
		if err := g.Kill(0); err != nil || g.Runs(0) || len(g.Ends()) != 0 {
			t.Fatalf("killed: %v", err)
		}
		resume()
	}
}

func TestUntilTellsWhyItEnded(t *testing.T) {
	g := newGroup(t)
	t.Setenv("SECRET", "leaks")
	if err := g.Run(0, "sh", "-c", "echo no room left for${SECRET}; exit 1"); err != nil {
		t.Fatal(err)
	}
	never := errors.New("never")
	err := g.Until(context.Background(), 0, func(context.Context) error { return never })
	if err == nil || !strings.HasSuffix(err.Error(), "n1 ended: no room left for") {
		t.Errorf("got %v", err)
	}
}

func TestNoSuchProgram(t *testing.T) {
	if err := newGroup(t).Run(0, "no-such-program"); err == nil || !strings.Contains(err.Error(), "no-such-program") {
		t.Errorf("got %v", err)
	}
}
