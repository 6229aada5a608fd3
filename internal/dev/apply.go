package dev

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"
)

// op is one kind of fault.
type op struct {
	name  string
	nodes int
	run   func(s *supervisor, f Fault, ps []*process) (string, error)
}

// ops are all kinds of fault. Their functions do not run on the loop.
func ops() []op {
	return []op{
		{"kill", 1, (*supervisor).kill},
		{"pause", 1, (*supervisor).pause},
		{"resume", 1, (*supervisor).resume},
		{"stop", 1, (*supervisor).stop},
		{"restart", 1, (*supervisor).restart},
		{"cut", 2, (*supervisor).cut},
		{"join", 2, (*supervisor).join},
		{"isolate", 1, (*supervisor).isolate},
		{"delay", 2, (*supervisor).delay},
		{"drop", 2, (*supervisor).drop},
		{"duplicate", 2, (*supervisor).duplicate},
		{"slow", 2, (*supervisor).slow},
		{"clock", 1, (*supervisor).clock},
		{"disk", 1, (*supervisor).disk},
		{"flip", 1, (*supervisor).flip},
		{"heal", 0, (*supervisor).heal},
	}
}

// Ops are the names of the faults.
func Ops() (names []string) {
	for _, o := range ops() {
		names = append(names, o.name)
	}
	return names
}

// apply does what f asks and says what was done.
func (s *supervisor) apply(f Fault) (string, error) {
	for _, o := range ops() {
		if o.name != f.Op {
			continue
		}
		if len(f.Nodes) != o.nodes {
			return "", fmt.Errorf("%s takes %d nodes, not %d", o.name, o.nodes, len(f.Nodes))
		}
		ps := make([]*process, len(f.Nodes))
		for i, name := range f.Nodes {
			if ps[i] = s.find(name); ps[i] == nil {
				return "", fmt.Errorf("there is no node %q: this cluster has %s to %s", name, s.nodes[0].Name, s.nodes[len(s.nodes)-1].Name)
			}
		}
		if len(ps) == 2 && ps[0] == ps[1] {
			return "", fmt.Errorf("%s needs two different nodes", o.name)
		}
		return o.run(s, f, ps)
	}
	return "", fmt.Errorf("there is no fault %q: it is one of %s", f.Op, strings.Join(Ops(), ", "))
}

// find reads only what never changes.
func (s *supervisor) find(name string) *process {
	for _, p := range s.nodes {
		if p.Name == name {
			return p
		}
	}
	return nil
}

func (s *supervisor) kill(_ Fault, ps []*process) (string, error) {
	p := ps[0]
	var exited chan struct{}
	s.do(func() { exited = s.signal(p, StateKilled, syscall.SIGKILL) })
	if exited == nil {
		return "", fmt.Errorf("%s does not run", p.Name)
	}
	<-exited
	return p.Name + " is killed; `restart` brings it back", nil
}

func (s *supervisor) pause(_ Fault, ps []*process) (string, error) {
	p := ps[0]
	var err error
	s.do(func() {
		if p.cmd == nil || p.wish != "" {
			err = fmt.Errorf("%s does not run", p.Name)
			return
		}
		if err = p.cmd.Process.Signal(syscall.SIGSTOP); err == nil {
			p.State = StatePaused
			s.save()
		}
	})
	return p.Name + " is paused; `resume` lets it go on", err
}

func (s *supervisor) resume(_ Fault, ps []*process) (string, error) {
	p := ps[0]
	var err error
	s.do(func() {
		if p.cmd == nil || p.State != StatePaused {
			err = fmt.Errorf("%s is not paused", p.Name)
			return
		}
		if err = p.cmd.Process.Signal(syscall.SIGCONT); err == nil {
			p.State = StateStarting
			s.save()
		}
	})
	if err != nil {
		return "", err
	}
	// What changed while it could not be told, also that it was healed.
	err = s.push(p, true)
	s.do(func() {
		if p.cmd != nil {
			s.watch(p)
		}
	})
	if err != nil {
		return "", fmt.Errorf("%s goes on, but %w", p.Name, err)
	}
	return s.settled(p, "goes on")
}

func (s *supervisor) stop(_ Fault, ps []*process) (string, error) {
	p := ps[0]
	running := false
	s.do(func() { running = p.cmd != nil })
	if !running {
		return "", fmt.Errorf("%s does not run", p.Name)
	}
	s.terminate(p)
	return p.Name + " is stopped; `restart` brings it back", nil
}

func (s *supervisor) restart(_ Fault, ps []*process) (string, error) {
	p := ps[0]
	s.terminate(p)
	var err error
	s.do(func() {
		if p.cmd != nil {
			err = errors.New(p.Name + " was restarted by another command")
			return
		}
		err = s.start(p)
	})
	if err != nil {
		return "", err
	}
	return s.settled(p, "runs again")
}

// settleTime is how long a fault waits for a node to be ready: one without a
// majority never is.
const settleTime = 10 * time.Second

// settled waits until p is ready and says what came of it.
func (s *supervisor) settled(p *process, did string) (string, error) {
	var ready, exited chan struct{}
	s.do(func() { ready, exited = p.ready, p.exited })
	select {
	case <-ready:
		return p.Name + " " + did + " and is ready", nil
	case <-exited:
		return "", fmt.Errorf("%s ended again: see %s", p.Name, s.logPath(p))
	case <-s.ctx.Done():
		return "", errors.New("the cluster is stopping")
	case <-time.After(settleTime):
		return p.Name + " " + did + ", but is not ready yet (is it cut off, or without a majority?)", nil
	}
}
