package idea

import (
	"net"
	"sync"
)

// wire is the network between one caller and a node, and can be a bad one.
type wire struct {
	loseRequests bool
	loseAnswers  bool
	holdRequests bool // until release

	hold  chan struct{}
	once  sync.Once // closes hold
	to    string
	ln    net.Listener
	ends  sync.WaitGroup
	mu    sync.Mutex // guards conns and cut
	conns []net.Conn
	cut   bool
}

// open listens; the caller connects to address.
func (w *wire) open(to string) (address string, err error) {
	w.to, w.hold = to, make(chan struct{})
	if !w.holdRequests {
		w.release()
	}
	if w.ln, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return "", err
	}
	w.ends.Go(w.accept)
	return w.ln.Addr().String(), nil
}

func (w *wire) accept() {
	for {
		caller, err := w.ln.Accept()
		if err != nil {
			return
		}
		node, err := net.Dial("tcp", w.to)
		if err != nil {
			_ = caller.Close()
			continue
		}
		if !w.keep(caller) || !w.keep(node) {
			return
		}
		w.ends.Go(func() { carry(caller, node, w.loseRequests, w.hold) })
		w.ends.Go(func() { carry(node, caller, w.loseAnswers, w.hold) })
	}
}

// keep remembers a connection for close, which may have been already.
func (w *wire) keep(c net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cut {
		_ = c.Close()
	}
	w.conns = append(w.conns, c)
	return !w.cut
}

// carry copies bytes until an end is closed. It does not tell the other end, as
// a machine that is gone does not.
func carry(from, to net.Conn, lose bool, hold chan struct{}) {
	b := make([]byte, 4096)
	for {
		n, err := from.Read(b)
		if err != nil {
			return
		}
		<-hold
		if lose {
			continue
		}
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
	}
}

// release lets what was held go on.
func (w *wire) release() { w.once.Do(func() { close(w.hold) }) }

// close ends it, and waits for what it started.
func (w *wire) close() {
	_ = w.ln.Close()
	w.release()
	w.mu.Lock()
	w.cut = true
	for _, c := range w.conns {
		_ = c.Close()
	}
	w.mu.Unlock()
	w.ends.Wait()
}
