package loop

import (
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// acceptsPerRound bounds what a crowd of new clients takes of a round.
const acceptsPerRound = 64

// listener is level-triggered: what one round leaves over is reported again.
type listener struct {
	fd     int
	tcp    bool
	accept func(*Conn) Receiver
	closed bool
}

func (p *epoll) listen(network, addr string, accept func(*Conn) Receiver) (net.Addr, error) {
	// Package net knows the forms of addresses, and the options of listeners.
	nl, err := net.Listen(network, addr)
	if err != nil {
		return nil, err
	}
	defer func() {
		if ul, ok := nl.(*net.UnixListener); ok {
			ul.SetUnlinkOnClose(false)
		}
		nl.Close()
	}()
	sc, ok := nl.(syscall.Conn)
	if !ok {
		return nil, &net.OpError{Op: "listen", Net: network, Err: net.UnknownNetworkError(network)}
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil, err
	}
	fd := -1
	if cerr := raw.Control(func(f uintptr) { fd, err = unix.FcntlInt(f, unix.F_DUPFD_CLOEXEC, 0) }); cerr != nil {
		err = cerr
	}
	if err != nil {
		return nil, os.NewSyscallError("dup", err)
	}
	_, tcp := nl.(*net.TCPListener)
	li := &listener{fd: fd, tcp: tcp, accept: accept}
	if err := p.add(fd, unix.EPOLLIN, entry{listener: li}); err != nil {
		unix.Close(fd)
		return nil, err
	}
	p.listeners = append(p.listeners, li)
	return nl.Addr(), nil
}

func (p *epoll) accept(li *listener) {
	for range acceptsPerRound {
		if li.closed {
			return
		}
		fd, sa, err := unix.Accept4(li.fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		switch err {
		case nil:
			p.accepted(li, fd, sa)
		case unix.EAGAIN:
			return
		case unix.EINTR, unix.ECONNABORTED:
		default:
			p.rest(li, os.NewSyscallError("accept", err))
			return
		}
	}
}

func (p *epoll) accepted(li *listener, fd int, sa unix.Sockaddr) {
	if li.tcp {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	}
	c := p.loop.adopt(&epollSocket{p, fd}, address(sa), li.accept)
	if err := p.add(fd, connInterest, entry{conn: c}); err != nil {
		c.fail(err)
	}
}

// rest takes the listener out of the events for a while.
func (p *epoll) rest(li *listener, err error) {
	p.loop.cfg.AcceptError(err)
	if p.control(unix.EPOLL_CTL_MOD, li.fd, 0) != nil {
		return
	}
	time.AfterFunc(acceptPause, func() {
		p.loop.Post(func() {
			if !li.closed {
				_ = p.control(unix.EPOLL_CTL_MOD, li.fd, unix.EPOLLIN)
			}
		})
	})
}

func (p *epoll) stopAccepting() {
	for _, li := range p.listeners {
		li.closed = true
		p.table[li.fd] = entry{}
		unix.Close(li.fd)
	}
	p.listeners = nil
}
