// Package disk keeps what a node must not forget: the Raft logs of all its
// groups in one shared log, synced together by one fdatasync per round, and the
// state of the groups in Pebble, with the recent changes in memory before it.
//
// It knows raft's Storage interface and Pebble. It must not know nodes,
// commands, keyspaces or networks.
//
// # The shared log
//
// Segment files of zeros written ahead, so that fdatasync has no metadata to
// write. A round is one frame: the records of all groups under one checksum,
// which covers the segment's number and the frame's offset too. A frame is only
// written when everything before it is synced, so a readable frame proves all
// earlier ones; that tells bit rot from a torn tail. In the last frame a lost
// sector is still zeros, which the stamp at each sector's end makes certain
// (frame.go). A segment begins with a checkpoint of every group, so that older
// segments can be deleted.
//
// # The state
//
// The log is the write-ahead log of the state (Mohan et al., "ARIES", ACM TODS
// 1992, section 1: log first, pages later), so Pebble runs without its own.
// Changes gather in memory, in the dirty generation. The order of events is:
//
//  1. the log is synced up to everything that was applied;
//  2. the dirty generation is frozen; new changes go to a new one;
//  3. one Pebble batch takes the frozen changes together with each group's
//     epoch and applied index;
//  4. Pebble flushes: the applied indexes in it are durable;
//  5. the log records each group's new truncation point and is synced;
//  6. the old segments are deleted.
//
// After a crash the state is that of its applied index exactly, and the log
// has the entries after it. All keys of a group's state carry its epoch:
// clearing the state, or installing a snapshot, is a change of epoch, and the
// old epoch's keys are deleted later.
//
// # Who may call
//
// All methods belong to one goroutine, the node's loop, and take no lock.
package disk
