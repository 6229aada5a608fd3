// Package history holds recorded operations of a distributed system: what was
// invoked, when, by whom, and what came back. It reads and writes Parley's own
// file format (one JSON object per line) and imports what others recorded.
//
// It is pure: it reads from an io.Reader and writes to an io.Writer that the
// caller gives, starts no goroutine and reads no clock. It knows nothing of
// consistency levels; package check judges what is held here.
//
// The model of a history is that of Herlihy and Wing, "Linearizability"
// (TOPLAS 1990): an operation is an invocation and, later, a response. An
// operation without a certain response is ambiguous (Jepsen calls it "info"):
// it may have taken effect at any time after its invocation, or never.
package history
