package disk

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/raft/v3/raftpb"
)

// BenchmarkWriteBehind changes random keys of many, as fast as they are written
// behind. cpu-ns/op is the whole process's for a change: with sorting, writing,
// compactions and the garbage collector. written/byte is what Pebble wrote, of
// all levels, for a byte that changed. Generations and cache have the share of
// the keys that 10 million keys have on a machine of 24 GiB, and values are of
// 100 bytes.
func BenchmarkWriteBehind(b *testing.B) {
	for _, keys := range []int{10_000, 3_000_000} {
		b.Run(fmt.Sprintf("keys=%d", keys), func(b *testing.B) {
			d := benchDisk(b, func(o *Options) {
				o.GenerationBytes = 56 << 20
				o.CacheBytes = 900 << 20
				o.Sync = false
			})
			w := newChanger(d)
			for i := 0; i < keys; i += changesPerEntry {
				w.entry(func(j int) int { return i + j })
			}
			w.settle()
			w.look = true
			rnd := rand.New(rand.NewPCG(1, 2))
			before := d.engine.written()
			cpu := benchCPU()
			b.ResetTimer()
			for range (b.N + changesPerEntry - 1) / changesPerEntry {
				w.entry(func(int) int { return rnd.IntN(keys) })
			}
			w.settle()
			b.ReportMetric(float64(benchCPU()-cpu)/float64(b.N), "cpu-ns/op")
			b.ReportMetric(float64(d.engine.written()-before)/float64(b.N*w.bytes()), "written/byte")
		})
	}
}

// changer changes keys that lie in an order of their own, as hashed ones do, as
// entries of many commands do: they are loaded ahead, looked at, and changed.
type changer struct {
	d     *Disk
	s     *State
	keys  [][]byte
	val   []byte
	n     int
	index uint64
	look  bool // at the keys before
}

const changesPerEntry = 256

func newChanger(d *Disk) *changer {
	w := &changer{d: d, s: d.State(1), val: make([]byte, 109)}
	for range changesPerEntry {
		w.keys = append(w.keys, make([]byte, 25))
	}
	return w
}

func (w *changer) bytes() int { return len(w.keys[0]) + len(w.val) }

func (w *changer) entry(key func(i int) int) {
	for i, k := range w.keys {
		w.put(k, key(i))
	}
	w.s.Prefetch(w.keys)
	for _, k := range w.keys {
		if w.look {
			w.s.Get(k)
		}
		w.n++
		binary.LittleEndian.PutUint64(w.val, uint64(w.n))
		w.s.Set(k, w.val)
	}
	w.apply()
}

func (w *changer) put(k []byte, i int) {
	const large = 0x9E3779B97F4A7C15
	binary.BigEndian.PutUint64(k[1:], uint64(i)*large)
}

func (w *changer) apply() {
	w.index++
	w.d.Append(1, nil, []*raftpb.Entry{newEntry(1, w.index, raftpb.EntryNormal, nil)})
	w.s.SetApplied(w.index, 1)
	w.d.Tick(time.Duration(w.index))
}

// settle waits until all is written behind, and compactions are done.
func (w *changer) settle() {
	w.apply()
	w.d.freeze(w.d.touched)
	for len(w.d.chain) > 0 {
		w.d.await()
	}
	for w.d.engine.db.Metrics().Compact.NumInProgress > 0 {
		time.Sleep(10 * time.Millisecond)
	}
}

// written is what Pebble wrote to tables, in bytes.
func (e *engine) written() (n uint64) {
	m := e.db.Metrics()
	for _, l := range m.Levels {
		n += l.TableBytesFlushed + l.TableBytesCompacted + l.TableBytesIngested
	}
	return n
}

func benchCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
