// Package workload says what clients do to a database under test, and by which
// guarantees the recorded history is judged: registers, sets, lists, counters, a
// bank, queues, sessions that move, shopping carts.
//
// A workload is a value; what each client does comes from a seed and the
// client's number, and from what its own operations answered. The package is
// pure: it neither calls a database nor reads a clock.
//
// Values are never written twice to a key, so that a read tells which write it
// saw. Where judging needs it, keys are left behind after some operations and
// new ones begun, so that no list or set grows without bound (as Elle does).
package workload
