package data

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
)

// Digest is a hash of the whole stored state: two copies of a shard that
// applied the same entries have the same. It covers versions, and keys that have
// expired but are not swept; it does not cover the tables of the Map's owner. It
// visits everything, so it is for tests and for comparing copies, not for every
// command.
func (s *Store) Digest() uint64 {
	h := xxhash.New()
	var buf [16]byte
	s.m.Scan(nil, nil, func(k, v []byte) bool {
		if len(k) > 0 && k[0] >= ownerTablesFrom && k[0] < ownerTablesTo {
			return true
		}
		// Lengths first, so that no two different states write the same bytes.
		binary.BigEndian.PutUint64(buf[:8], uint64(len(k)))
		binary.BigEndian.PutUint64(buf[8:], uint64(len(v)))
		h.Write(buf[:])
		h.Write(k)
		h.Write(v)
		return true
	})
	return h.Sum64()
}
