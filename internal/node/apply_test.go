package node

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/parleydb/parley/clock"
	"github.com/parleydb/parley/internal/data"
	"github.com/parleydb/parley/internal/disk"
	"github.com/parleydb/parley/internal/group"
	"github.com/parleydb/parley/internal/kv"
)

// applier applies entries of SETs to one shard, with its log and its state on
// a real disk, as a node does, without consensus and network.
type applier struct {
	b     *testing.B
	d     *disk.Disk
	st    *disk.State
	m     *machine
	set   *data.Command
	index uint64
	value []byte
	keys  int
}

const applyBatch = 256

func newApplier(b *testing.B, keys int) *applier {
	d, err := disk.Open(disk.Options{Dir: b.TempDir(), CacheBytes: 2 << 30, GenerationBytes: 128 << 20})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := d.Close(); err != nil {
			b.Fatal(err)
		}
	})
	st := d.State(1)
	return &applier{b: b, d: d, st: st, m: newMachine(&Node{}, st, kv.KeyspaceID(0)), set: data.Lookup([]byte("set")), value: make([]byte, 100), keys: keys}
}

// apply is one entry that sets n keys.
func (a *applier) apply(n int, key func(i int) int) {
	a.index++
	e := &group.Entry{Index: a.index, Term: 1, Stamp: clock.At(time.Now().UnixMilli())}
	r := Request{Calls: []Call{{Command: a.set, Args: [][]byte{[]byte("SET"), nil, a.value}}}}
	var all []byte
	for i := range n {
		r.Calls[0].Args[1] = fmt.Appendf(nil, "key:%012d", key(i))
		from := len(all)
		all = appendRequest(append(all, 0, 0, 0, 0), &r)
		binary.BigEndian.PutUint32(all[from:], uint32(len(all)-from-4))
	}
	for rest := all; len(rest) > 0; {
		n := binary.BigEndian.Uint32(rest)
		e.Commands = append(e.Commands, rest[4:4+n])
		rest = rest[4+n:]
	}
	kind, term := raftpb.EntryNormal, uint64(1)
	a.d.Append(1, nil, []*raftpb.Entry{{Type: &kind, Term: &term, Index: &e.Index, Data: all}})
	if err := a.d.Sync(true); err != nil {
		a.b.Fatal(err)
	}
	a.m.Begin(e)
	var out []byte
	for _, c := range e.Commands {
		out = a.m.Execute(out[:0], e, c)
		if string(out) != "+OK\r\n" {
			a.b.Fatalf("%q", out)
		}
	}
	a.m.End(e)
	a.d.Tick(time.Duration(a.index))
}

// BenchmarkApplySet is what a SET of a random key costs a replica after it is
// committed, of few and of many keys. cpu-ns/op is the whole process's, with
// the writing behind, compactions and the garbage collector.
func BenchmarkApplySet(b *testing.B) {
	for _, keys := range []int{10_000, 3_000_000} {
		b.Run(fmt.Sprintf("keys=%d", keys), func(b *testing.B) {
			a := newApplier(b, keys)
			for i := 0; i < keys; i += applyBatch {
				a.apply(min(applyBatch, keys-i), func(j int) int { return i + j })
			}
			rnd := rand.New(rand.NewPCG(1, 2))
			b.ResetTimer()
			cpu := processCPU()
			for range (b.N + applyBatch - 1) / applyBatch {
				a.apply(applyBatch, func(int) int { return rnd.IntN(keys) })
			}
			b.ReportMetric(float64(processCPU()-cpu)/float64(b.N), "cpu-ns/op")
		})
	}
}

func processCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
