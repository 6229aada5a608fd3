package loop

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

const (
	// portableRead and portableWrite bound what one goroutine carries at once.
	portableRead  = 64 << 10
	portableWrite = 64 << 10
)

// portable is the poller over package net: a goroutine that reads and one that
// writes for each connection, handing bytes over to the loop and back.
type portable struct {
	loop      *Loop
	bell      chan struct{} // holds one token when there is something new
	timer     *time.Timer
	taken     []report
	listeners []net.Listener
	mu        struct {
		sync.Mutex
		reports []report
	}
}

// report is news from the goroutine of a connection.
type report struct {
	conn   *Conn
	events events
}

func newPortable(l *Loop) *portable {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return &portable{loop: l, bell: make(chan struct{}, 1), timer: t}
}

// report may be called from any goroutine.
func (p *portable) report(r report) {
	p.mu.Lock()
	p.mu.reports = append(p.mu.reports, r)
	p.mu.Unlock()
	p.wake()
}

func (p *portable) wake() {
	select {
	case p.bell <- struct{}{}:
	default: // the bell rings already
	}
}

func (p *portable) wait(d time.Duration) error {
	switch {
	case d == 0:
		select {
		case <-p.bell:
		default:
		}
	case d < 0:
		<-p.bell
	default:
		p.timer.Reset(d)
		select {
		case <-p.bell:
		case <-p.timer.C:
		}
		p.timer.Stop()
	}
	return nil
}

func (p *portable) dispatch() {
	p.mu.Lock()
	reports := p.mu.reports
	p.mu.reports = p.taken[:0]
	p.mu.Unlock()
	for i, r := range reports {
		reports[i] = report{}
		r.conn.event(r.events)
	}
	p.taken = reports
}

func (p *portable) listen(network, addr string, accept func(*Conn) Receiver) (net.Addr, error) {
	nl, err := net.Listen(network, addr)
	if err != nil {
		return nil, err
	}
	p.listeners = append(p.listeners, nl)
	go p.acceptAll(nl, accept)
	return nl.Addr(), nil
}

func (p *portable) acceptAll(nl net.Listener, accept func(*Conn) Receiver) {
	for {
		nc, err := nl.Accept()
		if err == nil {
			// Post, because it tells whether the loop still runs.
			if !p.loop.Post(func() { p.adopt(nc, accept) }) {
				nc.Close()
			}
			continue
		}
		if errors.Is(err, net.ErrClosed) {
			return
		}
		p.loop.Post(func() { p.loop.cfg.AcceptError(err) })
		time.Sleep(acceptPause) // the process has run out of something
	}
}

func (p *portable) adopt(nc net.Conn, accept func(*Conn) Receiver) {
	s := newNetSocket(p, nc)
	c := p.loop.adopt(s, nc.RemoteAddr(), accept)
	s.start(c)
}

func (p *portable) dial(c *Conn, addr string) {
	go func() {
		nc, err := net.DialTimeout("tcp", addr, p.loop.cfg.DialTimeout)
		if ne, ok := err.(net.Error); ok && ne.Timeout() {
			err = os.ErrDeadlineExceeded
		}
		alive := p.loop.Post(func() {
			if err != nil {
				c.connected(nil, nil, err)
				return
			}
			s := newNetSocket(p, nc)
			c.connected(s, nc.RemoteAddr(), nil)
			s.start(c)
		})
		if !alive && nc != nil {
			nc.Close()
		}
	}()
}

func (p *portable) stopAccepting() {
	for _, nl := range p.listeners {
		nl.Close()
	}
	p.listeners = nil
}

func (p *portable) close() { p.timer.Stop() }
