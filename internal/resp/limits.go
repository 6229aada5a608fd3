package resp

// Limits bound what a stranger's bytes can cost. The zero value is not valid:
// begin with DefaultLimits or PreAuthLimits.
type Limits struct {
	Line   int // longest line: a count such as "$12", or a simple reply; bytes
	Inline int // longest inline command, bytes
	Bulk   int // largest argument or string, bytes
	Args   int // most arguments of a command, or values in a reply at all depths
	Total  int // largest command or reply as it is on the wire, bytes
	Depth  int // deepest nesting of a reply

	// Unauthenticated says that a client could have more after AUTH, so that
	// the errors for Args and Bulk tell it so.
	Unauthenticated bool
}

// maxBulkLength is where Redis by default calls a length invalid whoever asks.
const maxBulkLength = 512 << 20

// DefaultLimits are for clients that may do everything. Bulk is below that of
// Redis (512 MiB): a command must fit into one frame between nodes.
func DefaultLimits() Limits {
	return Limits{
		Line:   64 << 10,
		Inline: 64 << 10,
		Bulk:   64 << 20,
		Args:   1 << 20,
		Total:  65 << 20,
		Depth:  128,
	}
}

// PreAuthLimits are for clients that still have to authenticate: ten arguments
// of 16 KiB, as in Redis.
func PreAuthLimits() Limits {
	l := DefaultLimits()
	l.Bulk = 16 << 10
	l.Args = 10
	l.Total = 256 << 10
	l.Unauthenticated = true
	return l
}

// ProtocolError says that the other side does not speak the protocol. The
// stream is out of step from there on: send the text as an error reply, and
// close. The text begins with the code ERR.
type ProtocolError string

func (e ProtocolError) Error() string { return string(e) }

const (
	errMultibulkLength = ProtocolError("ERR Protocol error: invalid multibulk length")
	errMultibulkAuth   = ProtocolError("ERR Protocol error: unauthenticated multibulk length")
	errMultibulkLine   = ProtocolError("ERR Protocol error: too big mbulk count string")
	errBulkLength      = ProtocolError("ERR Protocol error: invalid bulk length")
	errBulkAuth        = ProtocolError("ERR Protocol error: unauthenticated bulk length")
	errBulkLine        = ProtocolError("ERR Protocol error: too big bulk count string")
	errInlineSize      = ProtocolError("ERR Protocol error: too big inline request")
	errInlineNUL       = ProtocolError("ERR Protocol error: NUL in inline request")
	errQuotes          = ProtocolError("ERR Protocol error: unbalanced quotes in request")
	errTotal           = ProtocolError("ERR Protocol error: too big request")
)

func errExpectedBulk(got byte) error {
	return ProtocolError("ERR Protocol error: expected '$', got '" + string([]byte{got}) + "'")
}
