package dev

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestRunStartsAndStopsInOrder(t *testing.T) {
	c := launch(t, Options{Nodes: 3, Sites: 2, Dir: t.TempDir()}, "").ready()
	for i := 1; i <= 3; i++ {
		n := c.node(i)
		want := Node{
			Name: "n" + strconv.Itoa(i), Site: "s" + strconv.Itoa((i-1)%2+1), PID: n.PID,
			RESP:  "127.0.0.1:" + strconv.Itoa(c.opts.Port+i-1),
			HTTP:  "127.0.0.1:" + strconv.Itoa(c.opts.Port+1000+i-1),
			State: StateReady,
		}
		if n != want || n.PID == 0 || n.PID == os.Getpid() {
			t.Errorf("node %+v, want %+v", n, want)
		}
		if !strings.Contains(c.out.String(), strconv.Itoa(n.PID)) {
			t.Errorf("the table lacks pid %d:\n%s", n.PID, c.out)
		}
	}
	if !strings.Contains(c.out.String(), "redis-cli -p "+strconv.Itoa(c.opts.Port)+"\n") {
		t.Errorf("nothing to type next:\n%s", c.out)
	}
	if err := c.end(); err != nil {
		t.Fatal(err)
	}
	for i := 1; i <= 3; i++ {
		if n := c.node(i); n.PID != 0 || n.State != StateStopped {
			t.Errorf("after the end: %+v", n)
		}
		if text := logOf(t, c.opts.Dir, "n"+strconv.Itoa(i)); !strings.Contains(text, "stopped in order") {
			t.Errorf("n%d was not stopped in order: %s", i, text)
		}
	}
	// The same cluster can start again in the same place, another cannot.
	launch(t, Options{Nodes: 3, Sites: 2, Dir: c.opts.Dir, Port: c.opts.Port}, "").ready()
}

func TestTemporaryDirIsRemoved(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	c := launch(t, Options{Nodes: 1}, "").ready()
	if err := c.end(); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "parley-dev-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestRunRefuses(t *testing.T) {
	c := launch(t, Options{Nodes: 2, Dir: t.TempDir()}, "").ready()
	other := t.TempDir()
	if err := (Cluster{Nodes: []Node{{Name: "n1", Site: "s1", RESP: "127.0.0.1:1"}}}).write(other); err != nil {
		t.Fatal(err)
	}
	long := filepath.Join(t.TempDir(), strings.Repeat("x", 100))
	for name, test := range map[string]struct {
		opts Options
		want string
	}{
		"the same directory": {Options{Nodes: 2, Dir: c.opts.Dir, Port: freePort(t, 2)}, "another `parley dev` runs on"},
		"busy ports":         {Options{Nodes: 2, Dir: t.TempDir(), Port: c.opts.Port}, "in use"},
		"another shape":      {Options{Nodes: 2, Dir: other, Port: freePort(t, 2)}, "holds a cluster of 1 nodes"},
		"a long path":        {Options{Nodes: 1, Dir: long, Port: freePort(t, 1)}, "too long"},
		"no nodes":           {Options{Nodes: 0, Port: 7001}, "--nodes 0"},
		"sites":              {Options{Nodes: 2, Sites: 3, Port: 7001}, "--sites 3"},
		"port":               {Options{Nodes: 2, Port: 65000}, "--port 65000"},
	} {
		if err := Run(t.Context(), test.opts); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
}

func TestNodeThatDoesNotStart(t *testing.T) {
	c := launch(t, Options{Nodes: 2, Dir: t.TempDir()}, "dies")
	if err := c.endByItself(); err == nil || !strings.Contains(err.Error(), "is on fire") {
		t.Errorf("the error does not show the log: %v", err)
	}
	c = launch(t, Options{Nodes: 1, Dir: t.TempDir(), Ready: 50 * time.Millisecond}, "never")
	if err := c.endByItself(); err == nil || !strings.Contains(err.Error(), "n1 is not ready after 50ms") {
		t.Errorf("got %v", err)
	}
	if n := c.node(1); n.State != StateStopped || n.PID != 0 {
		t.Errorf("left behind: %+v", n)
	}
}

func (c *cluster) endByItself() error {
	c.t.Helper()
	select {
	case err := <-c.done:
		c.done = nil
		return err
	case <-time.After(15 * time.Second):
		c.t.Fatal("runs on")
		return nil
	}
}

func TestInterruptedWhileStarting(t *testing.T) {
	c := launch(t, Options{Nodes: 2, Dir: t.TempDir()}, "never")
	eventually(t, "processes", func() bool {
		state, err := Read(c.opts.Dir)
		return err == nil && state.Nodes[1].PID != 0
	})
	if err := c.end(); err != nil || strings.Contains(c.out.String(), "ready") {
		t.Errorf("%v, printed %q", err, c.out)
	}
}

func TestStubbornNodeIsKilled(t *testing.T) {
	c := launch(t, Options{Nodes: 1, Dir: t.TempDir(), Stop: 20 * time.Millisecond}, "stubborn").ready()
	if err := c.end(); err != nil || !strings.Contains(c.out.String(), "n1 did not stop within 20ms: killed") {
		t.Errorf("%v, printed %s", err, c.out)
	}
}

func TestNodeThatExitsByItself(t *testing.T) {
	c := launch(t, Options{Nodes: 1, Dir: t.TempDir()}, "").ready()
	_, _ = http.Post("http://"+c.node(1).HTTP+"/exit", "", nil) // the answer is a cut connection
	eventually(t, "exited in dev.json", func() bool { return c.node(1).State == StateExited && c.node(1).PID == 0 })
	eventually(t, "told", func() bool { return strings.Contains(c.out.String(), "n1 exited by itself (exit status 3)") })
	c.inject(Fault{Op: "restart", Nodes: []string{"n1"}})
	if c.node(1).State != StateReady {
		t.Errorf("after restart: %+v", c.node(1))
	}
}

// Nodes must not outlive a supervisor that had no chance to stop them.
func TestNodesDieWithTheSupervisor(t *testing.T) {
	port, dir := freePort(t, 2), t.TempDir()
	var out output
	cmd := exec.Command(os.Args[0], dir)
	cmd.Env = append(os.Environ(), devEnv+"="+strconv.Itoa(port))
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
	ready := regexp.MustCompile(`(?m)^ready`)
	eventually(t, "ready", func() bool { return ready.MatchString(out.String()) })
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-ended
	eventually(t, "ports free again", func() bool {
		for i := range 2 {
			conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port+httpOffset+i)))
			if err == nil {
				_ = conn.Close()
				return false
			}
		}
		return true
	})
	// What it left behind, a lock file and a socket, is in nobody's way.
	launch(t, Options{Nodes: 2, Dir: dir, Port: port}, "").ready()
}

// Clusters that are planned at the same time have no port in common, also not
// beyond the last one.
func TestFreePortsDiffer(t *testing.T) {
	given.Store(lastFree - 100)
	defer given.Store(0)
	var mu sync.Mutex
	taken := map[int]bool{}
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			nodes := 1 + i%5
			port := freePort(t, nodes)
			mu.Lock()
			defer mu.Unlock()
			for n := range nodes {
				if taken[port+n] {
					t.Errorf("port %d is given twice", port+n)
				}
				taken[port+n] = true
			}
			if port < firstFree || port+nodes > lastFree {
				t.Errorf("port %d for %d nodes is out of bounds", port, nodes)
			}
		})
	}
	all.Wait()
}
