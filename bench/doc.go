// Command bench measures Parley beside etcd and redis-server on one machine,
// in one run, and writes a table.
//
//	cd bench && go run .
//
// builds cmd/parley from this checkout and a real etcd from its module, takes
// redis-server and redis-benchmark from the system (Debian: redis), and runs
// four parts. A run of Parley and a run of the peer take turns, on fresh data
// directories of one disk, with the other side stopped; figures are medians.
//
//	etcd3     three nodes, fsync on: SET and GET beside etcd's put and range
//	redis1    one node: SET beside appendfsync always, GET beside no AOF
//	failover  the gap in acknowledged writes when the leader is killed or stopped
//	scale     10 million keys beside 10 thousand, 64 groups beside one
//
// Keys have 16 bytes and values 100. The load comes from the same machine:
// redis-benchmark for everything that speaks RESP, and for etcd its own Go
// client in a process of its own. The CPU time of the servers is read from
// /proc, so this is for Linux.
//
// It is a module of its own, so that etcd and gRPC do not become dependencies
// of Parley. It knows Parley from outside only: its command line, its ports.
package main
