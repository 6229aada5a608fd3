// Package parley is Parley as a target of the lab: a development cluster that
// it starts itself, or one that runs already. It knows Parley from outside: the
// Redis protocol, and the faults of package dev.
//
// There are strings, and transactions on them; the lab's other types are built
// from these. A set and a cart are a string to which "+x," and "-x," are
// appended; a list and a queue are a string of elements with commas, where a
// dequeue is a transaction that watches; a bank is a key for each account.
//
// Writes that carry an identity go out as ONCE, if they are single commands, and
// OUTCOME tells what became of them. Nothing is ever sent twice.
package parley
