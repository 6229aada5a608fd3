package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Group is the servers of one database, numbered from 0, and their directory.
// Its methods may be called from several goroutines.
type Group struct {
	dir string

	mu struct {
		sync.Mutex
		members []*member
		closed  bool
	}
}

type member struct {
	name    string
	process *Process // nil before the first Run
}

// NewGroup makes a group without members, with a temporary directory.
func NewGroup(prefix string) (*Group, error) {
	dir, err := os.MkdirTemp("", prefix)
	if err != nil {
		return nil, err
	}
	return &Group{dir: dir}, nil
}

// Dir is the group's directory, which Close removes.
func (g *Group) Dir() string { return g.dir }

// Add names another member, and gives its number.
func (g *Group) Add(name string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.mu.members = append(g.mu.members, &member{name: name})
	return len(g.mu.members) - 1
}

// Run starts member i, which must not run. Its log is in the directory.
func (g *Group) Run(i int, program string, args ...string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	m := g.mu.members[i]
	switch {
	case g.mu.closed:
		return errors.New("the servers are being stopped")
	case m.runs():
		return fmt.Errorf("%s runs already", m.name)
	}
	p, err := Start(filepath.Join(g.dir, m.name+".log"), program, args...)
	if err != nil {
		return err
	}
	m.process = p
	return nil
}

func (m *member) runs() bool {
	if m.process == nil {
		return false
	}
	select {
	case <-m.process.Exited():
		return false
	default:
		return true
	}
}

// Runs says whether member i has a process.
func (g *Group) Runs(i int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.mu.members[i].runs()
}

// Kill ends members as a crash does. If one of them does not run, it does
// nothing but say so.
func (g *Group) Kill(members ...int) error {
	ps, err := g.running(members)
	if err != nil {
		return fmt.Errorf("kill: %w", err)
	}
	for _, p := range ps {
		p.Kill()
	}
	return nil
}

// Pause makes members stand still until resume, which does nothing to those
// that have ended. If one of them does not run, it does nothing but say so.
func (g *Group) Pause(members ...int) (resume func(), err error) {
	ps, err := g.running(members)
	if err != nil {
		return nil, fmt.Errorf("pause: %w", err)
	}
	resume = func() {
		for _, p := range ps {
			_ = p.Resume() // an error says that it has ended
		}
	}
	for _, p := range ps {
		if err := p.Pause(); err != nil {
			resume()
			return nil, err
		}
	}
	return resume, nil
}

// running are the processes of members, all of which must run.
func (g *Group) running(members []int) (ps []*Process, err error) {
	if len(members) == 0 {
		return nil, errors.New("no node was named")
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, i := range members {
		if i < 0 || i >= len(g.mu.members) {
			return nil, fmt.Errorf("there is no node %d; there are %d, counted from 0", i, len(g.mu.members))
		}
		m := g.mu.members[i]
		if !m.runs() {
			return nil, fmt.Errorf("%s does not run", m.name)
		}
		ps = append(ps, m.process)
	}
	return ps, nil
}

// Ends are the members by process id, for proxy.FromProcess.
func (g *Group) Ends() map[int]int {
	g.mu.Lock()
	defer g.mu.Unlock()
	ends := make(map[int]int)
	for i, m := range g.mu.members {
		if m.runs() {
			ends[m.process.PID()] = i
		}
	}
	return ends
}

// Until tries something with member i until it goes well, its process ends, or
// the context does.
func (g *Group) Until(ctx context.Context, i int, try func(context.Context) error) error {
	g.mu.Lock()
	m := g.mu.members[i]
	p := m.process
	g.mu.Unlock()
	for {
		once, cancel := context.WithTimeout(ctx, time.Second)
		err := try(once)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-p.Exited():
			return fmt.Errorf("%s ended: %s", m.name, p.LastWords())
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", m.name, err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Close kills all members and removes the directory.
func (g *Group) Close() error {
	g.mu.Lock()
	g.mu.closed = true
	members := g.mu.members
	g.mu.Unlock()
	for _, m := range members {
		if m.process != nil {
			m.process.Kill()
		}
	}
	return os.RemoveAll(g.dir)
}
