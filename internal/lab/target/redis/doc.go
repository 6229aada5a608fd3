// Package redis is Redis with replication as a target of the lab: a primary and
// replicas that it starts from the program on the path, or servers that run
// already.
//
// Levels name from where a session reads and when a write counts:
//   - primary: reads and writes at the primary.
//   - replica: writes at the primary, reads at the session's node, which usually
//     is a replica.
//   - wait: as primary, and after each write WAIT until half of all replicas
//     (rounded up) have it. If they have not in time the outcome is Info: the
//     primary has done the write, and may yet lose it.
//
// When the primary is killed, the target does what an operator would: it makes
// the replica that is furthest the new primary (REPLICAOF NO ONE), and the old
// one, when it comes back, a replica of it. Clients then go to the new one.
//
// With Sentinel the target does none of that: one sentinel beside each server
// decides, by majority, and clients ask all of them for the primary and take the
// newest decision. A client that is connected to a primary goes on with it until
// it is refused or the connection ends.
//
// Replication, and what sentinels say to servers and each other, passes through
// proxies; clients and the operator do not.
package redis
