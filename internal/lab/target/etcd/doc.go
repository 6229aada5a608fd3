// Package etcd is etcd as a target of the lab: one that it starts from the
// program on the path, or one that runs already.
//
// It speaks etcd's JSON gateway (HTTP, since etcd 3.4), which has the same
// operations as gRPC. Levels are etcd's own: linearizable, and serializable,
// whose reads come from the member's own copy without asking the others.
//
// What etcd does not have as an operation is a loop of compare and put: read,
// compute, and put if nothing has changed. A refused compare certainly did
// nothing, so the loop goes on; a put without an answer is Info, and ends it.
//
// Every member that it starts advertises a proxy to the others. Members dial
// the same proxy, which tells them apart by their process: so that each pair
// and direction can be cut by itself.
package etcd
