// Package dev supervises a whole cluster on this machine, for development and
// for tests of failure: every node is a process of its own, so that killing or
// pausing one is real.
//
// Run starts the nodes and keeps dev.json true; Inject asks a running
// supervisor, over a unix socket in its directory, for a fault. Process faults
// are signals. Network and clock faults are the nodes' own doing: each node is
// sent the whole of its faults over HTTP, so that a lost or repeated request
// does no harm, and is sent them again when it comes back.
//
// One goroutine, supervisor.loop, owns the nodes' states; others hand it
// closures and do the waiting. The package knows a node only from outside: the
// flags of `parley serve`, /readyz and /faults.
package dev
