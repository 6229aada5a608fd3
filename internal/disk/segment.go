package disk

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// A segment is one file of the shared log. Its first sector is the header:
//
//	magic    8 bytes
//	version  u32
//	number   u64
//	prevEnd  u64  where the frames of the segment before end
//	zeros
//	sum      u32  crc32c of all before
const (
	segmentMagic   = "PARLYLOG"
	segmentVersion = 1
	segmentExt     = ".log"
)

type segment struct {
	number uint64
	end    int64             // where its frames end
	high   map[uint64]uint64 // the highest index in it, by group
}

func segmentName(number uint64) string { return fmt.Sprintf("%016x%s", number, segmentExt) }

func parseSegmentName(name string) (uint64, bool) {
	hex, ok := strings.CutSuffix(name, segmentExt)
	if !ok || len(hex) != 16 {
		return 0, false
	}
	n, err := strconv.ParseUint(hex, 16, 64)
	return n, err == nil && n > 0
}

// listSegments are the numbers of the segment files in a directory, ascending.
func listSegments(fs vfs.FS, dir string) ([]uint64, error) {
	names, err := fs.List(dir)
	if err != nil {
		return nil, err
	}
	var ns []uint64
	for _, name := range names {
		if n, ok := parseSegmentName(name); ok {
			ns = append(ns, n)
		}
	}
	slices.Sort(ns)
	return ns, nil
}

func segmentHeader(number uint64, prevEnd int64) []byte {
	b := make([]byte, sectorSize)
	copy(b, segmentMagic)
	binary.LittleEndian.PutUint32(b[8:], segmentVersion)
	binary.LittleEndian.PutUint64(b[12:], number)
	binary.LittleEndian.PutUint64(b[20:], uint64(prevEnd))
	binary.LittleEndian.PutUint32(b[sectorSize-4:], crc32.Checksum(b[:sectorSize-4], castagnoli))
	return b
}

// readSegmentHeader tells a header from a sector that was never written, and
// both from damage.
func readSegmentHeader(file string, data []byte, number uint64) (prevEnd int64, written bool, err error) {
	if len(data) < sectorSize {
		if allZero(data) {
			return 0, false, nil
		}
		return 0, false, damage(file, 0, "the file ends within its header")
	}
	h := data[:sectorSize]
	if allZero(h) {
		return 0, false, nil
	}
	if crc32.Checksum(h[:sectorSize-4], castagnoli) != binary.LittleEndian.Uint32(h[sectorSize-4:]) ||
		!bytes.HasPrefix(h, []byte(segmentMagic)) {
		return 0, false, damage(file, 0, "the segment's header has a bad checksum")
	}
	if v := binary.LittleEndian.Uint32(h[8:]); v != segmentVersion {
		return 0, false, &FormatError{File: file, Found: int(v), Reads: segmentVersion}
	}
	if n := binary.LittleEndian.Uint64(h[12:]); n != number {
		return 0, false, damage(file, 0, "the header is that of segment %d", n)
	}
	prevEnd = int64(binary.LittleEndian.Uint64(h[20:]))
	if prevEnd < 0 {
		return 0, false, damage(file, 0, "the header names an impossible end of the segment before")
	}
	return prevEnd, true, nil
}

// zeroChunk is how much is written and synced at a time when a segment is
// prepared: little enough not to hold up the log's own syncs.
const zeroChunk = 256 << 10

// prepareSegment writes a file of zeros and makes it and its name durable.
// Writing into it later changes no metadata, so that fdatasync writes only the
// data. (Space that is merely reserved must still be marked as written.)
func prepareSegment(fs vfs.FS, dir string, number uint64, size int64) (vfs.File, error) {
	path := fs.PathJoin(dir, segmentName(number))
	f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, err
	}
	// Reserving first keeps the file in one piece; where it is not supported
	// the zeros reserve.
	_ = f.Preallocate(0, size)
	err = writeZeros(f, size)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return nil, err
	}
	if err := syncDir(fs, dir); err != nil {
		return nil, err
	}
	return fs.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
}

func writeZeros(f vfs.File, size int64) error {
	b := make([]byte, min(size, zeroChunk))
	for size > 0 {
		clear(b) // a file may have changed it
		n := min(size, int64(len(b)))
		if _, err := f.Write(b[:n]); err != nil {
			return err
		}
		if err := f.SyncData(); err != nil {
			return err
		}
		size -= n
	}
	return f.Sync()
}

func syncDir(fs vfs.FS, dir string) error {
	f, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	err = f.Sync()
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

func readFile(fs vfs.FS, path string) ([]byte, error) {
	f, err := fs.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	data := make([]byte, st.Size())
	if len(data) == 0 {
		return data, nil
	}
	if _, err := io.ReadFull(io.NewSectionReader(f, 0, st.Size()), data); err != nil {
		return nil, err
	}
	return data, nil
}
