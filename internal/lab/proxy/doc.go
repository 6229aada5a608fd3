// Package proxy is a network between processes that can be broken: every link
// is a TCP proxy, and rules say what happens to the bytes from one end to the
// other, each direction by itself.
//
// What it emulates, and what not. A proxy sees streams, not packets:
//   - A cut by Drop loses bytes. A stream with a hole is of no use, so the
//     connection stays silent while the cut lasts and is reset when it ends.
//     A new connection is accepted and stays silent, where a real network would
//     not answer its SYN. Nothing but TCP's own acknowledgements passes against
//     a cut of one direction.
//   - A cut by Hold keeps the bytes and delivers them when it ends, as TCP does
//     after a short break. A cut by Reset ends connections and refuses new ones.
//   - Loss stalls a stream as TCP's retransmission does: 200 ms for the first
//     loss of a piece, then twice as long each; after 6 in a row the connection
//     is reset. TCP's fast retransmission is not emulated, so that a busy stream
//     suffers more here than on a real network.
//   - Duplication cannot be made: TCP hides it from both ends. It is refused.
//
// The package knows nothing of the protocols that pass through.
package proxy
