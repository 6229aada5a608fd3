package data

import "bytes"

// Slots is the number of hash slots of a keyspace.
const Slots = 1 << slotBits

// crcStep is how many bytes of a key are taken at once.
const crcStep = 4

// crcTables are of CRC-16/XMODEM, polynomial 0x1021: table n is by a byte that n
// bytes of zero follow. So the steps of several bytes do not wait for each other
// (Kounavis and Berry, "Novel Table Lookup-Based Algorithms for High-Performance
// CRC Generation", 2008, section 4).
var crcTables = func() (t [crcStep][256]uint16) {
	for b := range 256 {
		c := uint16(b) << 8
		for n := range t {
			for range 8 {
				carry := c&0x8000 != 0
				c <<= 1
				if carry {
					c ^= 0x1021
				}
			}
			t[n][b] = c
		}
	}
	return t
}()

func crc16(b []byte) (crc uint16) {
	for ; len(b) >= crcStep; b = b[crcStep:] {
		crc = crcTables[3][b[0]^byte(crc>>8)] ^ crcTables[2][b[1]^byte(crc)] ^
			crcTables[1][b[2]] ^ crcTables[0][b[3]]
	}
	for _, c := range b {
		crc = crc<<8 ^ crcTables[0][byte(crc>>8)^c]
	}
	return crc
}

// Slot is the hash slot of a key, as in Redis Cluster: the CRC-16 of the key,
// or of the first part of it between { and } if that is not empty, so that keys
// with one such tag share a slot.
func Slot(key []byte) uint16 {
	if open := bytes.IndexByte(key, '{'); open >= 0 {
		if n := bytes.IndexByte(key[open+1:], '}'); n > 0 {
			key = key[open+1 : open+1+n]
		}
	}
	return crc16(key) % Slots
}
