// Package check judges recorded histories: one file per guarantee, each with
// its definition, the paper it follows and what it costs.
//
// Every checker answers with a Result: the guarantee holds, is violated (with
// a minimal sub-history and a sentence in plain words), or is unknown, because
// the step budget ran out or because the history does not say enough. Unknown
// is never reported as holding.
//
// The package is pure: no goroutine, no clock, no random source, and the same
// history always gets the same answer, to the letter. Work is bounded by
// counted steps, not by time; a caller with a clock can pass Budget.Stop. It
// imports only packages clock and history.
//
// Ambiguous operations are first-class. One that some read has seen did happen
// (not before its call); one that nobody saw may have happened at any time
// after its call, or never, and no verdict rests on either. Failed ones did
// nothing: to see one's value is a violation.
package check
