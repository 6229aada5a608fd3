package dev

import (
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestProcessFaults(t *testing.T) {
	c := launch(t, Options{Nodes: 2, Dir: t.TempDir()}, "").ready()
	first := c.node(1).PID

	c.inject(Fault{Op: "kill", Nodes: []string{"n1"}})
	if n := c.node(1); n.State != StateKilled || n.PID != 0 {
		t.Errorf("after kill: %+v", n)
	}
	if err := syscall.Kill(first, 0); err == nil {
		t.Error("the killed process still runs")
	}
	c.inject(Fault{Op: "restart", Nodes: []string{"n1"}})
	if n := c.node(1); n.State != StateReady || n.PID == 0 || n.PID == first {
		t.Errorf("after restart: %+v", n)
	}
	c.inject(Fault{Op: "pause", Nodes: []string{"n1"}})
	if n := c.node(1); n.State != StatePaused || n.PID == 0 {
		t.Errorf("after pause: %+v", n)
	}
	c.inject(Fault{Op: "resume", Nodes: []string{"n1"}})
	if n := c.node(1); n.State != StateReady {
		t.Errorf("after resume: %+v", n)
	}
	c.inject(Fault{Op: "stop", Nodes: []string{"n2"}})
	if n := c.node(2); n.State != StateStopped || !strings.Contains(logOf(t, c.opts.Dir, "n2"), "stopped in order") {
		t.Errorf("after stop: %+v", n)
	}
	// A paused node, too, stops in order.
	c.inject(Fault{Op: "pause", Nodes: []string{"n1"}})
	c.inject(Fault{Op: "restart", Nodes: []string{"n1"}})
	if text := logOf(t, c.opts.Dir, "n1"); strings.Count(text, "stopped in order") != 1 {
		t.Errorf("restart of a paused node: %s", text)
	}
}

func TestNetworkFaults(t *testing.T) {
	c := launch(t, Options{Nodes: 3, Dir: t.TempDir()}, "").ready()
	if b := c.told(1); b != nil {
		t.Errorf("a healthy node was told %+v", b)
	}
	c.inject(Fault{Op: "cut", Nodes: []string{"n1", "n2"}, OneWay: true})
	c.wantTold(1, faultBody{Cut: []string{"n2"}})
	if b := c.told(2); b != nil {
		t.Errorf("a one-way cut reached the other side: %+v", b)
	}
	c.inject(Fault{Op: "delay", Nodes: []string{"n2", "n1"}, Duration: "100ms"})
	c.inject(Fault{Op: "drop", Nodes: []string{"n1", "n3"}, Percent: 30})
	c.inject(Fault{Op: "clock", Nodes: []string{"n1"}, Duration: "-2s"})
	c.wantTold(1, faultBody{Cut: []string{"n2"}, Delay: map[string]string{"n2": "100ms"}, Drop: map[string]int{"n3": 30}, Clock: "-2s"})
	c.wantTold(2, faultBody{Delay: map[string]string{"n1": "100ms"}})
	c.wantTold(3, faultBody{Drop: map[string]int{"n1": 30}})

	c.inject(Fault{Op: "delay", Nodes: []string{"n1", "n2"}, Duration: "0s"})
	c.inject(Fault{Op: "drop", Nodes: []string{"n1", "n3"}})
	c.inject(Fault{Op: "isolate", Nodes: []string{"n3"}})
	c.wantTold(1, faultBody{Cut: []string{"n2", "n3"}, Clock: "-2s"})
	c.wantTold(2, faultBody{Cut: []string{"n3"}})
	c.wantTold(3, faultBody{Cut: []string{"n1", "n2"}})

	c.inject(Fault{Op: "heal"})
	for i := 1; i <= 3; i++ {
		c.wantTold(i, faultBody{})
	}
}

// A node that was away is told what it missed.
func TestFaultsAreSentAgain(t *testing.T) {
	c := launch(t, Options{Nodes: 2, Dir: t.TempDir()}, "").ready()
	cut := faultBody{Cut: []string{"n2"}}
	c.inject(Fault{Op: "cut", Nodes: []string{"n1", "n2"}})
	c.inject(Fault{Op: "restart", Nodes: []string{"n1"}})
	c.wantTold(1, cut)

	c.inject(Fault{Op: "kill", Nodes: []string{"n1"}})
	if said := c.inject(Fault{Op: "clock", Nodes: []string{"n1"}, Duration: "1s"}); !strings.Contains(said, "(n1: when back)") {
		t.Errorf("said only %q", said)
	}
	c.inject(Fault{Op: "restart", Nodes: []string{"n1"}})
	c.wantTold(1, faultBody{Cut: []string{"n2"}, Clock: "1s"})

	c.inject(Fault{Op: "pause", Nodes: []string{"n1"}})
	c.inject(Fault{Op: "heal"})
	c.inject(Fault{Op: "resume", Nodes: []string{"n1"}})
	c.wantTold(1, faultBody{})
}

func TestFaultErrors(t *testing.T) {
	c := launch(t, Options{Nodes: 2, Dir: t.TempDir()}, "").ready()
	for want, f := range map[string]Fault{
		"there is no fault \"burn\"":  {Op: "burn"},
		"there is no node \"n9\"":     {Op: "kill", Nodes: []string{"n9"}},
		"kill takes 1 nodes, not 2":   {Op: "kill", Nodes: []string{"n1", "n2"}},
		"two different nodes":         {Op: "cut", Nodes: []string{"n1", "n1"}},
		"n1 is not paused":            {Op: "resume", Nodes: []string{"n1"}},
		"delay \"-1s\"":               {Op: "delay", Nodes: []string{"n1", "n2"}, Duration: "-1s"},
		"drop 101":                    {Op: "drop", Nodes: []string{"n1", "n2"}, Percent: 101},
		"clock \"\": give an offset ": {Op: "clock", Nodes: []string{"n1"}},
	} {
		if _, err := Inject(t.Context(), c.opts.Dir, f); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want %q", f, err, want)
		}
	}
	c.inject(Fault{Op: "stop", Nodes: []string{"n1"}})
	for _, op := range []string{"kill", "pause", "stop"} {
		if _, err := Inject(t.Context(), c.opts.Dir, Fault{Op: op, Nodes: []string{"n1"}}); err == nil || !strings.Contains(err.Error(), "does not run") {
			t.Errorf("%s of a stopped node: %v", op, err)
		}
	}
	if _, err := Inject(t.Context(), t.TempDir(), Fault{Op: "heal"}); err == nil || !strings.Contains(err.Error(), "no `parley dev` runs on") {
		t.Errorf("no supervisor: %v", err)
	}
	refusing := launch(t, Options{Nodes: 2, Dir: t.TempDir()}, "refuses").ready()
	if _, err := Inject(t.Context(), refusing.opts.Dir, Fault{Op: "isolate", Nodes: []string{"n1"}}); err == nil || !strings.Contains(err.Error(), "n1 refused the fault: 403") {
		t.Errorf("a refusal: %v", err)
	}
}

// The state is what one fault after another makes of it, whoever comes first.
func TestFaultsAtOnce(t *testing.T) {
	c := launch(t, Options{Nodes: 3, Dir: t.TempDir()}, "").ready()
	errs := make(chan error)
	faults := []Fault{
		{Op: "cut", Nodes: []string{"n1", "n2"}}, {Op: "delay", Nodes: []string{"n1", "n3"}, Duration: "1s"},
		{Op: "drop", Nodes: []string{"n1", "n2"}, Percent: 5}, {Op: "clock", Nodes: []string{"n1"}, Duration: "1s"},
	}
	for _, f := range faults {
		go func() {
			_, err := Inject(t.Context(), c.opts.Dir, f)
			errs <- err
		}()
	}
	for range faults {
		select {
		case err := <-errs:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(15 * time.Second):
			t.Fatal("stuck")
		}
	}
	c.wantTold(1, faultBody{Cut: []string{"n2"}, Delay: map[string]string{"n3": "1s"}, Drop: map[string]int{"n2": 5}, Clock: "1s"})
}

// A node that is about to end, as when its disk failed, cannot be told of a fault
// any more. It is told when it is back; the fault is made.
func TestFaultWhileANodeEnds(t *testing.T) {
	c := launch(t, Options{Nodes: 2, Dir: t.TempDir()}, "").ready()
	if _, err := http.Post("http://"+c.node(2).HTTP+"/end", "", nil); err != nil {
		t.Fatal(err)
	}
	said := c.inject(Fault{Op: "delay", Nodes: []string{"n1", "n2"}, Duration: "100ms"})
	if !strings.Contains(said, "(n2: when back)") {
		t.Errorf("it said %q", said)
	}
	c.wantTold(1, faultBody{Delay: map[string]string{"n2": "100ms"}})
	if n := c.node(2); n.State != StateExited {
		t.Errorf("n2: %+v", n)
	}
	c.inject(Fault{Op: "restart", Nodes: []string{"n2"}})
	c.wantTold(2, faultBody{Delay: map[string]string{"n1": "100ms"}})
}
