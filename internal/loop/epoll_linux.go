package loop

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// eventsPerWait is how many events one wait takes; more are found by the next.
const eventsPerWait = 512

// connInterest never changes: with edge-triggered events a connection costs
// one epoll_ctl in its life, and none for back pressure or blocked output.
const connInterest = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET

// epoll is the poller of Linux.
type epoll struct {
	loop      *Loop
	fd        int
	wakeFD    int
	table     []entry // by file descriptor
	listeners []*listener
	events    [eventsPerWait]unix.EpollEvent
	found     int
}

// entry is what a file descriptor belongs to: one of the two, or neither.
type entry struct {
	conn     *Conn
	listener *listener
}

func newPoller(l *Loop) (poller, error) {
	p := &epoll{loop: l}
	var err error
	if p.fd, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if p.wakeFD, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		unix.Close(p.fd)
		return nil, os.NewSyscallError("eventfd", err)
	}
	// Edge-triggered: each write is an event, and the counter need not be read.
	if err := p.add(p.wakeFD, unix.EPOLLIN|unix.EPOLLET, entry{}); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *epoll) add(fd int, interest uint32, e entry) error {
	for fd >= len(p.table) {
		p.table = append(p.table, entry{})
	}
	p.table[fd] = e
	return p.control(unix.EPOLL_CTL_ADD, fd, interest)
}

func (p *epoll) control(op, fd int, interest uint32) error {
	ev := unix.EpollEvent{Events: interest, Fd: int32(fd)}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(p.fd, op, fd, &ev))
}

func (p *epoll) wait(d time.Duration) error {
	if d != 0 && p.found > 0 && p.loop.cfg.Yield {
		_, _, _ = unix.Syscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
	}
	p.found = 0
	// It blocks at once. To ask first without blocking, by a raw system call
	// that the Go scheduler does not see, was measured: the second call costs
	// as much as the scheduler's part, and nothing is gained.
	n, err := unix.EpollWait(p.fd, p.events[:], millis(d))
	if err == unix.EINTR {
		return nil // a round more does no harm
	}
	if err != nil {
		return os.NewSyscallError("epoll_wait", err)
	}
	p.found = n
	return nil
}

// millis rounds up, so that a wait is never shorter than asked for.
func millis(d time.Duration) int {
	if d < 0 {
		return -1
	}
	return int(min((d+time.Millisecond-1)/time.Millisecond, 1<<30))
}

func (p *epoll) dispatch() {
	for i := range p.found {
		ev := &p.events[i]
		switch e := p.table[ev.Fd]; {
		case e.listener != nil:
			p.accept(e.listener)
		case e.conn == nil: // the wake, or a connection closed in this dispatch
		case e.conn.state == connecting:
			p.finishDial(e.conn, int(ev.Fd), ev.Events)
		default:
			e.conn.event(translate(ev.Events))
		}
	}
}

func translate(bits uint32) (e events) {
	if bits&unix.EPOLLIN != 0 {
		e |= canRead
	}
	if bits&unix.EPOLLOUT != 0 {
		e |= canWrite
	}
	if bits&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		e |= peerEnd
	}
	if bits&(unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		e |= gone
	}
	return e
}

var one = []byte{1, 0, 0, 0, 0, 0, 0, 0}

func (p *epoll) wake() {
	// It can fail only when 2^64-2 wakes were not read, after centuries.
	_, _ = unix.Write(p.wakeFD, one)
}

func (p *epoll) close() {
	unix.Close(p.wakeFD)
	unix.Close(p.fd)
}
