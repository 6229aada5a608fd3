package dev

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/parleydb/parley/internal/config"
)

// supervisor runs the processes of one cluster.
type supervisor struct {
	opts   Options
	dir    string
	client *http.Client
	ctx    context.Context // ends when the cluster is to stop
	events chan func()
	others sync.WaitGroup // goroutines that use events

	// Owned by loop.
	nodes   []*process
	closing bool // start no more processes
}

// process is one node with its process, if it runs. Name, Site and addresses
// never change; the rest is owned by supervisor.loop.
type process struct {
	Node
	args    []string
	cmd     *exec.Cmd     // nil while there is no process
	exited  chan struct{} // closed when the latest process is gone
	ready   chan struct{} // closed when it was seen ready after its latest start or resume
	wish    State         // what the end of the process means; empty: it exits by itself
	end     string        // how the latest process ended
	faults  faults
	sending chan struct{} // holds one token: one request with faults at a time
}

func newSupervisor(ctx context.Context, opts Options, dir string, nodes []Node, peers []config.Member) *supervisor {
	s := &supervisor{opts: opts, dir: dir, ctx: ctx, events: make(chan func()),
		client: &http.Client{Timeout: requestTimeout, Transport: &http.Transport{DisableKeepAlives: true}}}
	for _, n := range nodes {
		s.nodes = append(s.nodes, &process{Node: n, args: opts.serveArgs(n, peers, dir), sending: make(chan struct{}, 1)})
	}
	return s
}

// loop runs closures until events is closed. It keeps one thread to itself:
// the kernel ties a child's life to the thread that started it.
func (s *supervisor) loop() {
	runtime.LockOSThread()
	for fn := range s.events {
		fn()
	}
}

// do runs fn on the loop and waits for it.
func (s *supervisor) do(fn func()) {
	ran := make(chan struct{})
	s.events <- func() { fn(); close(ran) }
	<-ran
}

func (s *supervisor) logPath(p *process) string { return filepath.Join(s.dir, p.Name+".log") }

// save writes dev.json. On the loop.
func (s *supervisor) save() {
	if err := s.cluster().write(s.dir); err != nil {
		s.printf("dev: cannot write %s: %v\n", stateFile, err)
	}
}

func (s *supervisor) cluster() (c Cluster) {
	for _, p := range s.nodes {
		c.Nodes = append(c.Nodes, p.Node)
	}
	return c
}

func (s *supervisor) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(s.opts.Out, format, args...) // nobody to tell if the terminal is gone
}

// start starts a process for p, which has none. On the loop.
func (s *supervisor) start(p *process) error {
	if s.closing {
		return fmt.Errorf("the cluster is stopping")
	}
	log, err := os.OpenFile(s.logPath(p), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the child has its own
	cmd := exec.Command(s.opts.Program, p.args...)
	cmd.Env = append(os.Environ(), s.opts.Env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = childAttr()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("cannot start %s: %w", p.Name, err)
	}
	exited := make(chan struct{})
	p.cmd, p.exited, p.wish, p.PID, p.State = cmd, exited, "", cmd.Process.Pid, StateStarting
	s.save()
	s.others.Go(func() {
		err := cmd.Wait()
		s.do(func() { s.ended(p, err) })
		close(exited)
	})
	s.watch(p)
	return nil
}

// ended notes that p's process is gone. On the loop.
func (s *supervisor) ended(p *process, err error) {
	p.cmd, p.PID, p.State = nil, 0, p.wish
	p.end = "exit status 0"
	if err != nil {
		p.end = err.Error()
	}
	if p.wish == "" {
		p.State = StateExited
		s.printf("%s exited by itself (%s); see %s\n", p.Name, p.end, s.logPath(p))
	}
	s.save()
}

// signal sends signals to p's process and says what its end will mean; it
// returns nil if there is no process. On the loop.
func (s *supervisor) signal(p *process, wish State, signals ...syscall.Signal) (exited chan struct{}) {
	if p.cmd == nil {
		return nil
	}
	p.wish = wish
	for _, sig := range signals {
		_ = p.cmd.Process.Signal(sig) // fails only when it has just exited, which is then told
	}
	return p.exited
}

// terminate ends p's process, if any, in order if it obeys in time. Not on the
// loop.
func (s *supervisor) terminate(p *process) {
	var exited chan struct{}
	// A paused process gets the SIGTERM when it continues.
	s.do(func() { exited = s.signal(p, StateStopped, syscall.SIGTERM, syscall.SIGCONT) })
	if exited == nil {
		return
	}
	select {
	case <-exited:
		return
	case <-time.After(s.opts.Stop):
	}
	s.do(func() {
		if p.cmd != nil && p.exited == exited {
			s.printf("%s did not stop within %v: killed\n", p.Name, s.opts.Stop)
			s.signal(p, StateStopped, syscall.SIGKILL)
		}
	})
	<-exited
}
