package loop

import (
	"net"
	"time"
)

// acceptPause is how long a listener rests when the process or the system has
// run out of something: the connection stays in its queue, and would be reported
// all the time.
const acceptPause = 100 * time.Millisecond

// poller is what the loop needs of an operating system. All but wake are
// called by the loop's goroutine, or before it runs.
type poller interface {
	// wait blocks until something is ready, wake is called, or d has passed.
	// A negative d means no limit.
	wait(d time.Duration) error
	// dispatch reports what wait found: Conn.event for connections, and
	// Loop.adopt for new ones.
	dispatch()
	// wake ends a wait, from any goroutine.
	wake()
	listen(network, addr string, accept func(*Conn) Receiver) (net.Addr, error)
	// dial begins to connect c, and ends with Conn.connected.
	dial(c *Conn, addr string)
	stopAccepting()
	close()
}

// socket is one connection of a poller.
type socket interface {
	// read takes bytes that have come. Fewer than len(p) means that there are
	// no more until the poller reports the connection again. The peer's end is
	// io.EOF.
	read(p []byte) (int, error)
	// write hands over bytes. Fewer than len(p) means that the poller will
	// report the connection when it takes more; until then p may grow but its
	// beginning must not change.
	write(p []byte) (int, error)
	closeWrite()
	close()
}
