//go:build !linux

package disk

import "unsafe"

// reserveMemory is memory of zeros, aligned for words.
func reserveMemory(n int) ([]byte, error) {
	words := make([]uint64, (n+7)/8)
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), n), nil
}

func releaseMemory([]byte) {}
