package kv

import "strconv"

// NodeID identifies a node in its cluster. It is also the node's Raft id, so
// it is never 0.
type NodeID uint64

// GroupID identifies a Raft group in its cluster. Group 0 holds the cluster's
// own configuration.
type GroupID uint64

// MetaGroup is the group that holds the cluster's configuration.
const MetaGroup GroupID = 0

// KeyspaceID is the number that SELECT takes.
type KeyspaceID uint32

// MainKeyspace exists from the start.
const MainKeyspace KeyspaceID = 0

func (id NodeID) String() string     { return strconv.FormatUint(uint64(id), 10) }
func (id GroupID) String() string    { return "g" + strconv.FormatUint(uint64(id), 10) }
func (id KeyspaceID) String() string { return strconv.FormatUint(uint64(id), 10) }

// Model says how the copies of a keyspace are kept in agreement.
type Model string

// ModelStrong is one copy across the cluster, ordered by consensus.
const ModelStrong Model = "strong"

// ModelCausal is one writable copy per site. It is named here so that asking
// for it gets a clear answer; this version cannot create one.
const ModelCausal Model = "causal"
