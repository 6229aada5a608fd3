package data

import "bytes"

// Slots is the number of hash slots of a keyspace.
const Slots = 1 << slotBits

// crcTable is CRC-16/XMODEM, polynomial 0x1021, by byte.
var crcTable = func() (t [256]uint16) {
	for i := range t {
		c := uint16(i) << 8
		for range 8 {
			carry := c&0x8000 != 0
			c <<= 1
			if carry {
				c ^= 0x1021
			}
		}
		t[i] = c
	}
	return t
}()

// Slot is the hash slot of a key, as in Redis Cluster: the CRC-16 of the key,
// or of the first part of it between { and } if that is not empty, so that keys
// with one such tag share a slot.
func Slot(key []byte) uint16 {
	if open := bytes.IndexByte(key, '{'); open >= 0 {
		if n := bytes.IndexByte(key[open+1:], '}'); n > 0 {
			key = key[open+1 : open+1+n]
		}
	}
	crc := uint16(0)
	for _, b := range key {
		crc = crc<<8 ^ crcTable[byte(crc>>8)^b]
	}
	return crc % Slots
}
