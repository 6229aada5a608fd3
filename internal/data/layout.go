package data

import (
	"encoding/binary"
	"fmt"

	"github.com/cespare/xxhash/v2"
)

// The layout of a Map. The first byte of a key is its table; numbers are big
// endian, so that the order of bytes is the order of numbers.
//
//	'k' position            header, body      one entry for each key
//	'e' instance, element   element's value   elements of collections
//	'x' deadline, position  nothing           keys that have a deadline, earliest first
//	'm' name                number            counters: how many keys there are
//	position = slot (2 bytes), hash of the key (6 bytes), key
//
// Every byte between 'm' and 'x' is a table of the Map's owner, who keeps there
// what must move with the data: a Store neither reads nor writes those tables,
// and carries them over when it clears the Map.
//
// A key's slot and hash together are SCAN's cursor. It depends on nothing but
// the key, so a scan may go on at any replica, before and after a failover.
//
// A string's body is its value. A collection's body is what its type keeps in
// one place, such as a length; its elements are entries of table 'e' under the
// collection's instance, which is the version of the write that made it. A
// collection made anew has a new instance, so that the elements of the old one
// may be deleted later; and renaming moves no elements.
const (
	tableElement = 'e'
	tableKey     = 'k'
	tableMeta    = 'm'
	tableExpiry  = 'x'

	ownerTablesFrom = tableMeta + 1 // first byte of the owner's tables
	ownerTablesTo   = tableExpiry   // first byte after them
)

const (
	slotBits     = 14
	hashBits     = 48
	positionHead = 8 // bytes of a position before the key
)

// counterKeys is where the number of keys is stored.
var counterKeys = []byte{tableMeta, 'k', 'e', 'y', 's'}

// cursorOf is a key's slot and hash as one number: its place in table 'k'.
func cursorOf(key []byte) uint64 {
	return uint64(Slot(key))<<hashBits | xxhash.Sum64(key)>>(64-hashBits)
}

// appendPlace appends the start of every key of table 'k' at cursor c.
func appendPlace(dst []byte, c uint64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, tableKey), c)
}

// appendPosition appends where key lives in table 'k'.
func appendPosition(dst, key []byte) []byte {
	return append(appendPlace(dst, cursorOf(key)), key...)
}

// keyOf is the name in a key of table 'k', and its cursor.
func keyOf(pos []byte) (key []byte, cursor uint64) {
	return pos[1+positionHead:], binary.BigEndian.Uint64(pos[1:])
}

// appendDeadline appends the start of every key of table 'x' with the deadline.
func appendDeadline(dst []byte, deadline int64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, tableExpiry), uint64(deadline))
}

// deadlineOf takes a key of table 'x' apart. pos is the part of the key of
// table 'k' after its table.
func deadlineOf(x []byte) (deadline int64, pos []byte) {
	return int64(binary.BigEndian.Uint64(x[1:])), x[9:]
}

// Type is the type of a key's value as it is stored. The numbers never change.
type Type uint8

// The types. A release that meets a number it does not know answers WRONGTYPE.
const (
	TypeString Type = 1
	TypeHash   Type = 2
	TypeSet    Type = 3
	TypeZSet   Type = 4
	TypeList   Type = 5
)

// String is the answer of the TYPE command.
func (t Type) String() string {
	switch t {
	case TypeString:
		return "string"
	case TypeHash:
		return "hash"
	case TypeSet:
		return "set"
	case TypeZSet:
		return "zset"
	case TypeList:
		return "list"
	}
	return "unknown"
}

// header comes before a key's body in table 'k'.
type header struct {
	kind     Type
	version  uint64 // of the write that last changed the key; never 0
	deadline int64  // Unix ms; 0 for none
	instance uint64 // of a collection's elements; 0 for a string
}

// Stored form: a byte with the type and two flags, the version, and the
// deadline and the instance where the flags say so.
const (
	flagDeadline = 0x80
	flagInstance = 0x40
	maskType     = 0x3f
	headerMax    = 1 + 3*8
)

func (h header) append(dst []byte) []byte {
	first := byte(h.kind)
	if h.deadline != 0 {
		first |= flagDeadline
	}
	if h.instance != 0 {
		first |= flagInstance
	}
	dst = append(dst, first)
	dst = binary.BigEndian.AppendUint64(dst, h.version)
	if h.deadline != 0 {
		dst = binary.BigEndian.AppendUint64(dst, uint64(h.deadline))
	}
	if h.instance != 0 {
		dst = binary.BigEndian.AppendUint64(dst, h.instance)
	}
	return dst
}

// decodeHeader takes a stored value apart. The body aliases b.
func decodeHeader(b []byte) (h header, body []byte, err error) {
	if len(b) < 9 {
		return h, nil, fmt.Errorf("header of %d bytes is too short", len(b))
	}
	first := b[0]
	h.kind = Type(first & maskType)
	h.version = binary.BigEndian.Uint64(b[1:])
	b = b[9:]
	if first&flagDeadline != 0 {
		if len(b) < 8 {
			return header{}, nil, fmt.Errorf("header ends in its deadline")
		}
		h.deadline, b = int64(binary.BigEndian.Uint64(b)), b[8:]
	}
	if first&flagInstance != 0 {
		if len(b) < 8 {
			return header{}, nil, fmt.Errorf("header ends in its instance")
		}
		h.instance, b = binary.BigEndian.Uint64(b), b[8:]
	}
	return h, b, nil
}
