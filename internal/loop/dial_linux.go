package loop

import (
	"context"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// dial connects at once to a literal address; a name is looked up first, by a
// goroutine, and its addresses are tried in turn.
func (p *epoll) dial(c *Conn, addr string) {
	if ap, err := netip.ParseAddrPort(addr); err == nil {
		p.connect(c, []netip.AddrPort{ap})
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), p.loop.cfg.DialTimeout)
	go func() {
		defer cancel()
		aps, err := lookup(ctx, addr)
		if err != nil && ctx.Err() != nil {
			err = os.ErrDeadlineExceeded
		}
		p.loop.Post(func() {
			if err != nil {
				c.connected(nil, nil, err)
				return
			}
			p.connect(c, aps)
		})
	}()
}

func lookup(ctx context.Context, addr string) ([]netip.AddrPort, error) {
	host, service, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: err}
	}
	port, err := net.DefaultResolver.LookupPort(ctx, "tcp", service)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: err}
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: err}
	}
	aps := make([]netip.AddrPort, len(ips))
	for i, ip := range ips {
		aps[i] = netip.AddrPortFrom(ip.Unmap(), uint16(port))
	}
	return aps, nil
}

// connect begins with the first address; the others are for when it fails.
func (p *epoll) connect(c *Conn, aps []netip.AddrPort) {
	for i, ap := range aps {
		if c.state != connecting {
			return // the deadline passed during the look-up
		}
		err := p.connectOne(c, ap)
		if err == nil {
			c.retry = aps[i+1:]
			return
		}
		if i == len(aps)-1 {
			c.connected(nil, nil, dialError(ap, err))
		}
	}
}

func (p *epoll) connectOne(c *Conn, ap netip.AddrPort) error {
	domain, sa := socketAddress(ap)
	fd, err := unix.Socket(domain, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	err = unix.Connect(fd, sa)
	if err == nil || err == unix.EINPROGRESS || err == unix.EINTR {
		c.sock, c.remote = &epollSocket{p, fd}, net.TCPAddrFromAddrPort(ap)
		err = p.add(fd, connInterest, entry{conn: c})
	}
	if err != nil {
		c.sock = nil
		if fd < len(p.table) {
			p.table[fd] = entry{}
		}
		unix.Close(fd)
	}
	return err
}

// finishDial takes the result of a connect that was in progress.
func (p *epoll) finishDial(c *Conn, fd int, bits uint32) {
	if bits&(unix.EPOLLOUT|unix.EPOLLERR|unix.EPOLLHUP) == 0 {
		return
	}
	ap := c.remote.(*net.TCPAddr).AddrPort()
	code, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && code != 0 {
		err = unix.Errno(code)
	}
	if err == nil && connectedToItself(fd) {
		err = unix.ECONNREFUSED
	}
	if err == nil {
		c.connected(c.sock, c.remote, nil)
		c.event(translate(bits)) // bytes that came with it are not reported again
		return
	}
	c.sock.close()
	c.sock = nil
	if len(c.retry) > 0 {
		p.connect(c, c.retry)
		return
	}
	c.connected(nil, nil, dialError(ap, err))
}

// connectedToItself finds the rare connection that TCP makes when the local
// port that it chose is the very port dialled, where nobody listens.
func connectedToItself(fd int) bool {
	local, err1 := unix.Getsockname(fd)
	remote, err2 := unix.Getpeername(fd)
	return err1 == nil && err2 == nil && address(local).String() == address(remote).String()
}

func socketAddress(ap netip.AddrPort) (int, unix.Sockaddr) {
	a := ap.Addr().Unmap()
	if a.Is4() {
		return unix.AF_INET, &unix.SockaddrInet4{Port: int(ap.Port()), Addr: a.As4()}
	}
	sa := &unix.SockaddrInet6{Port: int(ap.Port()), Addr: a.As16()}
	if i, err := net.InterfaceByName(a.Zone()); err == nil {
		sa.ZoneId = uint32(i.Index)
	}
	return unix.AF_INET6, sa
}

func dialError(ap netip.AddrPort, err error) error {
	return &net.OpError{Op: "dial", Net: "tcp", Addr: net.TCPAddrFromAddrPort(ap), Err: os.NewSyscallError("connect", err)}
}
