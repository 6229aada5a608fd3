package data

import "github.com/parleydb/parley/internal/resp"

// The texts of errors, as in Redis.
const (
	errSyntax     = "ERR syntax error"
	errWrongType  = "WRONGTYPE Operation against a key holding the wrong kind of value"
	errNotInt     = "ERR value is not an integer or out of range"
	errNotFloat   = "ERR value is not a valid float"
	errOverflow   = "ERR increment or decrement would overflow"
	errTooLong    = "ERR string exceeds maximum allowed size (proto-max-bulk-len)"
	errNoSuchKey  = "ERR no such key"
	errSameObject = "ERR source and destination objects are the same"
	errBitOffset  = "ERR bit offset is not an integer or out of range"
	errCursor     = "ERR invalid cursor"
)

func appendWrongArity(dst []byte, name string) []byte {
	return resp.AppendError(dst, "ERR wrong number of arguments for '"+name+"' command")
}

// appendUnknownSub answers for a subcommand that a container does not have.
func appendUnknownSub(dst, sub []byte, container string) []byte {
	return resp.AppendError(dst, "ERR unknown subcommand '"+clip(sub)+"'. Try "+container+" HELP.")
}

// clip is the start of what a client sent, for quoting in an error.
func clip(b []byte) string { return string(b[:min(len(b), 128)]) }
