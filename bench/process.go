package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// processes are the servers that this run started, and the directory that
// holds all they write.
type processes struct {
	base string

	mu struct {
		sync.Mutex
		running map[*process]bool
		dirs    int
	}
}

// process is one server.
type process struct {
	name string
	pid  int
	cmd  *exec.Cmd
	log  string
	done chan struct{} // closed when it has ended
	all  *processes
}

func newProcesses(dir string) (*processes, error) {
	base, err := os.MkdirTemp(dir, "parley-bench-")
	if err != nil {
		return nil, err
	}
	p := &processes{base: base}
	p.mu.running = map[*process]bool{}
	return p, nil
}

// freshDir is a new empty directory.
func (p *processes) freshDir(name string) (string, error) {
	p.mu.Lock()
	p.mu.dirs++
	dir := filepath.Join(p.base, fmt.Sprintf("%03d-%s", p.mu.dirs, name))
	p.mu.Unlock()
	return dir, os.Mkdir(dir, 0o755)
}

// diesWithUs gives a child a process group of its own, so that Ctrl-C reaches
// only this program, and ends it with this program whatever happens.
func diesWithUs() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// start runs a server.
func (p *processes) start(name, logFile, bin string, args ...string) (*process, error) {
	out, err := os.Create(logFile)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := exec.Command(bin, args...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = diesWithUs()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	proc := &process{name: name, pid: cmd.Process.Pid, cmd: cmd, log: logFile, done: make(chan struct{}), all: p}
	p.mu.Lock()
	p.mu.running[proc] = true
	p.mu.Unlock()
	go func() {
		_ = cmd.Wait() // how it ended is in its log
		close(proc.done)
	}()
	return proc, nil
}

// close ends what still runs and removes all data.
func (p *processes) close() error {
	p.mu.Lock()
	var left []*process
	for proc := range p.mu.running {
		left = append(left, proc)
	}
	p.mu.Unlock()
	for _, proc := range left {
		proc.kill()
	}
	return os.RemoveAll(p.base)
}

func (p *process) signal(s os.Signal) { _ = p.cmd.Process.Signal(s) } // an error says that it has ended

// kill ends the process at once and waits until it is gone.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	p.signal(syscall.SIGCONT)
	<-p.done
	p.all.mu.Lock()
	delete(p.all.mu.running, p)
	p.all.mu.Unlock()
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// tail is the end of the process's log, for error messages.
func (p *process) tail() string {
	b, _ := os.ReadFile(p.log)
	if len(b) > 1500 {
		b = b[len(b)-1500:]
	}
	return strings.TrimSpace(string(b))
}

const clockTick = 10 * time.Millisecond // USER_HZ is 100 on every Linux that Go runs on

// cpuTime is what the process has used so far, in user and kernel mode.
func (p *process) cpuTime() (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.pid))
	if err != nil {
		return 0, err
	}
	_, rest, ok := strings.Cut(string(b), ") ") // the name may hold spaces
	f := strings.Fields(rest)
	if !ok || len(f) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat does not read", p.pid)
	}
	user, err1 := strconv.Atoi(f[11])
	system, err2 := strconv.Atoi(f[12])
	return time.Duration(user+system) * clockTick, errors.Join(err1, err2)
}

// busyTime is what all processes of the machine together have used of the CPU
// since it started.
func busyTime() (time.Duration, error) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	f := strings.Fields(firstLine(string(b)))
	if len(f) < 9 || f[0] != "cpu" {
		return 0, errors.New("/proc/stat does not read")
	}
	var total int
	for _, column := range []int{1, 2, 3, 6, 7} { // user, nice, system, irq, softirq; not idle, iowait, steal
		n, err := strconv.Atoi(f[column])
		if err != nil {
			return 0, err
		}
		total += n
	}
	return time.Duration(total) * clockTick, nil
}

// freePorts are n ports of the loopback address that nobody listens on.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // after all are chosen, so that they differ
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// eventually calls try until it succeeds, a server has ended, or the time is
// up.
func eventually(ctx context.Context, what string, limit time.Duration, procs []*process, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		for _, p := range procs {
			if p.ended() {
				return fmt.Errorf("%s: %s has ended; its log says:\n%s", what, p.name, p.tail())
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: not within %v: %w", what, limit, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
