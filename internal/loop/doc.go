// Package loop is a node's event loop: one goroutine that accepts, dials,
// reads and writes all of its TCP connections, runs what other goroutines
// post to it, and gives its owner one call per round in which to do the work
// that all those inputs made.
//
// A round is: wait until something is ready; show each ready connection its
// bytes; run the posted functions; call Config.Round; write what the
// connections buffered, one write each. So a batch of commands costs one disk
// sync and one answer per connection, however many clients sent them.
//
// On Linux the loop is edge-triggered epoll without per-event allocation, and
// one read buffer for all connections. Elsewhere, or with Config.Portable, the
// same loop runs over package net, with two goroutines per connection.
//
// The package does not know what the bytes mean, and keeps no clock but the
// monotonic one. It follows Schmidt's "Reactor" (PLoP 1994), and Welsh, Culler
// and Brewer's SEDA (SOSP 2001, section 3) for batching under load.
package loop
