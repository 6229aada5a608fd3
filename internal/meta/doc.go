// Package meta is the cluster's own configuration, as a state machine on group
// 0: its members and its keyspaces, with the shards, groups and replicas of
// each. It is pure: the same commands in the same order give the same
// configuration on every node.
package meta
