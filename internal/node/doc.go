// Package node joins the parts into one node of a cluster: its groups and
// their state, routing, one strategy per level, forwarding to other nodes,
// deadlines and the three outcomes.
//
// A Node belongs to one goroutine. It opens no socket, reads no clock and
// starts no goroutine: time comes with SetTime, frames of other nodes with
// Receive, and what it sends goes through Transport. The simulator therefore
// runs this very code.
package node
