package kv

import (
	"errors"
	"fmt"
)

// Kind classifies an error by what the caller may conclude from it. Its string
// is the first word of the error reply, so that kinds survive the wire.
type Kind string

// All kinds but KindUnknown mean: certainly nothing happened.
const (
	KindErr         Kind = "ERR"         // a usual Redis error
	KindUnavailable Kind = "UNAVAILABLE" // no leader, or no majority, within the deadline
	KindUnknown     Kind = "UNKNOWN"     // proposed, not confirmed: it may have happened
	KindTooStale    Kind = "TOOSTALE"    // no reachable replica is fresh enough
	KindNotAllowed  Kind = "NOTALLOWED"  // this keyspace cannot keep the command's promise
	KindLevel       Kind = "LEVEL"       // this keyspace does not give the level
	KindToken       Kind = "TOKEN"       // a token of another cluster, damaged, or from the future
	KindCrossSlot   Kind = "CROSSSLOT"   // keys in more than one shard
	KindBusy        Kind = "BUSY"        // a limit on work in flight was reached
	KindClock       Kind = "CLOCK"       // this node's clock is off by more than the bound
)

// Error is an error reply with its kind.
type Error struct {
	Kind Kind
	Msg  string
}

// Error is the reply's text without the leading dash: "UNAVAILABLE no leader".
func (e *Error) Error() string { return string(e.Kind) + " " + e.Msg }

// Errorf makes an Error.
func Errorf(k Kind, format string, args ...any) *Error {
	return &Error{Kind: k, Msg: fmt.Sprintf(format, args...)}
}

// KindOf is the kind of err, or KindErr where it has none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return KindErr
}

// Outcome is what is known of an operation.
type Outcome string

// The three outcomes of a call.
const (
	OutcomeOK      Outcome = "ok"
	OutcomeFailed  Outcome = "failed"  // certainly nothing happened
	OutcomeUnknown Outcome = "unknown" // it may have happened
)

// OutcomeOf is what err says of the operation that returned it.
func OutcomeOf(err error) Outcome {
	switch {
	case err == nil:
		return OutcomeOK
	case KindOf(err) == KindUnknown:
		return OutcomeUnknown
	}
	return OutcomeFailed
}
