// Package sim runs whole clusters of the real node parts in one thread under a
// seed: simulated time, network, disks and clocks, with crashes, pauses,
// partitions, disk errors, bit rot and clock jumps. The same seed gives the same
// run, byte for byte, as a trace with a line for everything that happens shows.
//
// A profile is what clients do and what goes wrong. Each promise has a checker
// by itself: those of check.go judge what clients saw and the last state, those
// of watch.go look at the nodes after each of their steps. A violation names its
// checker. Planted bugs (package planted) show that the checkers find what they
// are meant for in the real code, and hand-written histories that each of those
// of check.go does.
//
// It follows FoundationDB's simulation (Zhou et al., "FoundationDB: A
// Distributed Unbundled Transactional Key Value Store", SIGMOD 2021, section 4)
// and TigerBeetle's VOPR. Pairs of keys are judged with Porcupine, each by
// itself, as linearizability allows (Herlihy and Wing 1990, locality).
package sim
