// Package sim runs whole clusters of the real node parts in one thread under a
// seed: simulated time, network, disks and clocks, with crashes, pauses and
// partitions. The same seed gives the same run, byte for byte.
//
// Clients' histories are judged with Porcupine, each key by itself, as
// linearizability allows (Herlihy and Wing 1990, locality), and replicas are
// compared after healing.
package sim
