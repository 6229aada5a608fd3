package disk

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.etcd.io/raft/v3/raftpb"
)

func benchDisk(b *testing.B, change func(*Options)) *Disk {
	o := DefaultOptions(b.TempDir())
	if change != nil {
		change(&o)
	}
	d, err := Open(o)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := d.Close(); err != nil {
			b.Fatal(err)
		}
	})
	return d
}

// BenchmarkAppendSync is a round: entries of 150 bytes in each of some groups,
// one write, one fdatasync. State keeps up, so that old log is deleted.
func BenchmarkAppendSync(b *testing.B) {
	for _, c := range []struct{ groups, entries int }{{1, 1}, {1, 64}, {64, 1}} {
		for _, sync := range []bool{true, false} {
			b.Run(fmt.Sprintf("groups=%d/entries=%d/fsync=%v", c.groups, c.entries, sync), func(b *testing.B) {
				d := benchDisk(b, func(o *Options) { o.Sync = sync })
				data := make([]byte, 150)
				var index uint64
				b.ReportAllocs()
				b.SetBytes(int64(c.groups * c.entries * len(data)))
				for b.Loop() {
					for g := range c.groups {
						ents := make([]*raftpb.Entry, c.entries)
						for i := range ents {
							ents[i] = newEntry(1, index+uint64(i)+1, raftpb.EntryNormal, data)
						}
						d.Append(uint64(g+1), nil, ents)
					}
					index += uint64(c.entries)
					if err := d.Sync(true); err != nil {
						b.Fatal(err)
					}
					for g := range c.groups {
						d.State(uint64(g+1)).SetApplied(index, 1)
					}
					d.Tick(time.Duration(index))
				}
			})
		}
	}
}

// filled is a state of n keys of 24 bytes with values of 120, all in Pebble.
func filled(b *testing.B, d *Disk, n int) *State {
	s := d.State(1)
	val := make([]byte, 120)
	var index uint64
	for i := range n {
		s.Set(benchKey(nil, i), val)
		if i%1000 == 999 || i == n-1 {
			index++
			d.Append(1, nil, []*raftpb.Entry{newEntry(1, index, 0, nil)})
			s.SetApplied(index, 1)
			d.Tick(0)
		}
	}
	d.freeze(d.touched)
	for len(d.chain) > 0 {
		d.await()
	}
	if d.Err() != nil {
		b.Fatal(d.Err())
	}
	return s
}

func benchKey(b []byte, i int) []byte {
	b = append(b, "k:0123456789abc:"...)
	return binary.BigEndian.AppendUint64(b, uint64(i)*0x9E3779B97F4A7C15)
}

const benchKeys = 200_000

func BenchmarkGet(b *testing.B) {
	b.Run("dirty", func(b *testing.B) {
		d := benchDisk(b, nil)
		s := d.State(1)
		val := make([]byte, 120)
		for i := range 20_000 {
			s.Set(benchKey(nil, i), val)
		}
		benchGet(b, s, 20_000)
	})
	b.Run("cached", func(b *testing.B) {
		benchGet(b, filled(b, benchDisk(b, nil), benchKeys), benchKeys)
	})
	b.Run("pebble", func(b *testing.B) {
		d := benchDisk(b, nil)
		s := filled(b, d, benchKeys)
		d.cache = noCache{}
		benchGet(b, s, benchKeys)
	})
	b.Run("absent", func(b *testing.B) {
		s := filled(b, benchDisk(b, nil), benchKeys)
		var key []byte
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			key = benchKey(key[:0], i+benchKeys)
			s.Get(key)
		}
	})
}

type noCache struct{}

func (noCache) get(dst, key []byte, hash uint64) ([]byte, bool) { return dst, false }
func (noCache) set(key, val []byte, hash uint64)                {}
func (noCache) del(key []byte, hash uint64)                     {}
func (noCache) near(hash uint64) uint64                         { return 0 }
func (noCache) far(hash uint64) uint64                          { return 0 }
func (noCache) added() int64                                    { return 0 }
func (noCache) close()                                          {}

func benchGet(b *testing.B, s *State, n int) {
	var key []byte
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		key = benchKey(key[:0], i*7919%n)
		if _, ok := s.Get(key); !ok {
			b.Fatal("missing")
		}
	}
}

func BenchmarkSet(b *testing.B) {
	for _, c := range []struct {
		name string
		keys int
	}{{"again", 20_000}, {"new", 1 << 40}} {
		b.Run(c.name, func(b *testing.B) {
			d := benchDisk(b, nil)
			s := d.State(1)
			val := make([]byte, 120)
			var key []byte
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				key = benchKey(key[:0], i*7919%c.keys)
				s.Set(key, val)
				if i%1000 == 0 {
					s.SetApplied(0, 0)
					d.Tick(0)
				}
			}
			s.SetApplied(0, 0)
		})
	}
}

func BenchmarkScan(b *testing.B) {
	for _, c := range []struct {
		name  string
		dirty int
	}{{"clean", 0}, {"dirty", 20_000}} {
		b.Run(c.name+"/10of200k", func(b *testing.B) {
			s := filled(b, benchDisk(b, nil), benchKeys)
			for i := range c.dirty {
				s.Set(benchKey(nil, i*10), make([]byte, 120))
			}
			defer s.SetApplied(1<<20, 1)
			var key []byte
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				n := 0
				key = benchKey(key[:0], i)
				s.Scan(key, nil, func(_, _ []byte) bool { n++; return n < 10 })
			}
		})
	}
}

// BenchmarkOpen reads a log of 64 MiB back.
func BenchmarkOpen(b *testing.B) {
	o := DefaultOptions(b.TempDir())
	o.Sync = false
	o.FS = vfs.Default
	d, err := Open(o)
	if err != nil {
		b.Fatal(err)
	}
	for i := uint64(1); d.Metrics().LogWritten < 64<<20; i += 64 {
		var ents []*raftpb.Entry
		for j := range uint64(64) {
			ents = append(ents, newEntry(1, i+j, 0, make([]byte, 150)))
		}
		d.Append(1, nil, ents)
		if err := d.Sync(true); err != nil {
			b.Fatal(err)
		}
	}
	if err := d.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		d, err := Open(o)
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := d.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
