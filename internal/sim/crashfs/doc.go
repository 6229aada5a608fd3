// Package crashfs is a file system in memory that knows what was synced. At a
// crash it loses what was not: as a whole, in part, or torn within a write, as
// a random source decides. Writes and syncs can be made to fail, and bytes at
// rest can be flipped.
//
// What the seed may decide has to come in an order that the seed decides.
// Pebble writes its files in goroutines of its own. Options.Background names
// such files: what was not synced of them is lost as a whole, and a removal
// never outlives a crash, since how far the goroutine that removes has come is
// nobody's choice. Both are things that a disk may do.
//
// Sectors of 512 bytes are written whole or not at all, each by itself. A sync
// that fails loses what it should have made durable, though reads still show
// it: so do Linux' file systems (Rebello et al., "Can Applications Recover from
// fsync Failures?", USENIX ATC 2020).
package crashfs
