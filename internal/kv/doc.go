// Package kv is Parley's vocabulary: identifiers, levels, tokens, receipts,
// outcomes and the kinds of error. Every other package speaks in these words.
//
// It holds no behaviour beyond parsing and printing, and imports only package
// clock, for the type of a timestamp.
package kv
