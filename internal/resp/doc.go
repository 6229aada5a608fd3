// Package resp is the Redis serialization protocol, versions 2 and 3, in both
// directions: commands and replies, encoding and decoding.
//
// Inside Parley a reply is neutral: RESP3 bytes, with "*-1\r\n" allowed for a
// null array. Whoever makes a reply uses the Append functions and does not ask
// which protocol the client speaks; Render turns it into that protocol's bytes
// when it leaves.
//
// Parser reads commands from bytes that arrive in pieces; ReadReply reads
// replies on the client's side.
//
// The package does not know what a command means, holds no connection, starts
// no goroutine and reads no clock. It follows the RESP3 specification
// (github.com/redis/redis-specifications, protocol/RESP3.md), and Redis 7.0 in
// the text of its errors and the quoting of inline commands.
package resp
