package servers

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/parleydb/parley/internal/lab"
)

func newCluster(t *testing.T) *Cluster {
	t.Helper()
	c, err := New("parley-process-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(c.Dir()); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the directory stays: %v", err)
		}
	})
	c.Add("n1")
	return c
}

func TestKillAndRunAgain(t *testing.T) {
	c := newCluster(t)
	again := func(context.Context, int) error { return c.Run(0, "sleep", "1000") }
	for _, kind := range []lab.FaultKind{lab.FaultKill, lab.FaultPause} {
		if _, err := c.Inject(lab.Fault{Kind: kind}, again); err == nil || !strings.Contains(err.Error(), "n1 does not run") {
			t.Errorf("%s of what never ran: %v", kind, err)
		}
		if _, err := c.Inject(lab.Fault{Kind: kind, Nodes: []int{1}}, again); err == nil || !strings.Contains(err.Error(), "no node 1") {
			t.Errorf("%s of a node that is not there: %v", kind, err)
		}
	}
	if err := again(nil, 0); err != nil {
		t.Fatal(err)
	}
	if err := again(nil, 0); err == nil || !c.Runs(0) || len(c.ends()) != 1 {
		t.Fatal("it should run once")
	}
	resume, err := c.Inject(lab.Fault{Kind: lab.FaultPause}, again)
	if err != nil {
		t.Fatal(err)
	}
	heal, err := c.Inject(lab.Fault{Kind: lab.FaultKill}, again)
	if err != nil || c.Runs(0) || len(c.ends()) != 0 {
		t.Fatalf("killed: %v", err)
	}
	for _, end := range []func(context.Context) error{resume, heal, heal, resume} {
		if err := end(context.Background()); err != nil {
			t.Error(err)
		}
	}
	if !c.Runs(0) {
		t.Error("it does not run again")
	}
}

func TestUntilTellsWhyItEnded(t *testing.T) {
	c := newCluster(t)
	t.Setenv("SECRET", "leaks")
	if err := c.Run(0, "sh", "-c", "echo no room left for${SECRET}; exit 1"); err != nil {
		t.Fatal(err)
	}
	never := errors.New("never")
	err := c.Until(context.Background(), 0, func(context.Context) error { return never })
	if err == nil || !strings.HasSuffix(err.Error(), "n1 ended: no room left for") {
		t.Errorf("got %v", err)
	}
}

func TestNoSuchProgram(t *testing.T) {
	if err := newCluster(t).Run(0, "no-such-program"); err == nil || !strings.Contains(err.Error(), "no-such-program") {
		t.Errorf("got %v", err)
	}
}
