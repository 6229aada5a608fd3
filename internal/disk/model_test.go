package disk

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"go.etcd.io/raft/v3/raftpb"
	"pgregory.net/rapid"
)

// The model: every group has one history of committed entries, a function of
// the group and the index, and each entry is a change of the state. So the
// state at an index is known without the Disk.

type ent struct {
	term uint64
	data string
}

// canonical is the committed entry of a group at an index.
func canonical(g, i uint64) ent {
	rng := rand.New(rand.NewPCG(g, i))
	switch n := rng.IntN(20); {
	case n == 0:
		return ent{1 + i/4, "clear"}
	case n < 5:
		return ent{1 + i/4, fmt.Sprintf("del %d", rng.IntN(12))}
	default:
		return ent{1 + i/4, fmt.Sprintf("set %d %s", rng.IntN(12), bytes.Repeat([]byte{'a' + byte(i%26)}, rng.IntN(400)))}
	}
}

// run makes an entry's change to a state.
func run(s interface {
	Set(key, val []byte)
	Delete(key []byte)
	Clear()
}, e ent) {
	var k int
	var v string
	if e.data == "clear" {
		s.Clear()
	} else if n, _ := fmt.Sscanf(e.data, "set %d %s", &k, &v); n >= 1 {
		s.Set(fmt.Appendf(nil, "key%d", k), []byte(v))
	} else if n, _ := fmt.Sscanf(e.data, "del %d", &k); n == 1 {
		s.Delete(fmt.Appendf(nil, "key%d", k))
	}
}

type plainMap map[string]string

func (m plainMap) Set(key, val []byte) { m[string(key)] = string(val) }
func (m plainMap) Delete(key []byte)   { delete(m, string(key)) }
func (m plainMap) Clear()              { clear(m) }

// stateAt is a group's state after its first n entries.
func stateAt(g, n uint64) plainMap {
	m := plainMap{}
	for i := uint64(1); i <= n; i++ {
		run(m, canonical(g, i))
	}
	return m
}

// version is what all logs hold at one moment. It is never changed.
type version map[uint64]groupVersion

type groupVersion struct {
	hard hardState
	ents []ent // from index 1, as if nothing was ever truncated
}

// failer is what *testing.T and *rapid.T have in common.
type failer interface{ Fatalf(string, ...any) }

// world is a Disk and its model.
type world struct {
	t       failer
	opts    Options
	mem     *vfs.MemFS
	d       *Disk
	now     time.Duration
	cur     version
	past    []version // since the last acknowledged one, which is the first
	applied map[uint64]uint64
	reader  *SnapshotReader

	// mu guards past, applied and what follows: operations run in the
	// background too.
	mu sync.Mutex
	// Taken in the middle of an operation.
	ops, crashAt int
	cfg          vfs.CrashCloneCfg
	clone        *vfs.MemFS
	clonePast    []version
	cloneApplied map[uint64]uint64
	faults       *faults
}

func newWorld(t failer, o Options) *world {
	w := &world{t: t, opts: o, mem: vfs.NewCrashableMem(), cur: version{}, applied: map[uint64]uint64{}}
	w.past = []version{w.cur}
	w.open()
	return w
}

func smallOptions(inline bool) Options {
	return Options{
		Dir: "db", SegmentBytes: 4 << 10, GenerationBytes: 2 << 10, LogKeepBytes: 4 << 10, LogMaxBytes: 40 << 10,
		CacheBytes: 1 << 20, Inline: inline, Sync: true,
	}
}

func (w *world) open() {
	w.opts.FS = errorfs.Wrap(w.mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.faults != nil {
			if err := w.faults.MaybeError(op); err != nil {
				return err
			}
		}
		if op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			if w.ops++; w.ops == w.crashAt {
				w.clone = w.mem.CrashClone(w.cfg)
				w.clonePast = slices.Clone(w.past)
				w.cloneApplied = maps.Clone(w.applied)
			}
		}
		return nil
	}))
	w.d = nil
	d, err := Open(w.opts)
	if err != nil {
		w.t.Fatalf("open: %v", err)
	}
	w.d = d
}

func (w *world) change(g uint64, gv groupVersion) {
	w.cur = maps.Clone(w.cur)
	w.cur[g] = gv
	w.attempt()
}

// attempt says that an operation towards the present version begins.
func (w *world) attempt() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.past = append(w.past, w.cur)
}

// acknowledged says that the present version is durable.
func (w *world) acknowledged() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.past = []version{w.cur}
}

func (w *world) setApplied(g, i uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.applied[g] = i
}

// crashed says whether the crash that was asked for has come.
func (w *world) crashed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.clone != nil
}

// append adds n canonical entries from index at on, or entries that will never
// be committed.
func (w *world) append(g, at, n uint64, real bool) {
	gv := w.cur[g]
	gv.ents = slices.Clone(gv.ents[:at-1])
	var ents []*raftpb.Entry
	for i := at; i < at+n; i++ {
		e := canonical(g, i)
		if !real {
			e = ent{e.term + 50, fmt.Sprintf("lost %d", len(w.past))}
		}
		gv.ents = append(gv.ents, e)
		ents = append(ents, newEntry(e.term, i, raftpb.EntryNormal, []byte(e.data)))
	}
	gv.hard.term = max(gv.hard.term, gv.ents[len(gv.ents)-1].term)
	// Entries and hard state are one round, so one version.
	w.change(g, gv)
	w.d.Append(g, pbHard(gv.hard), ents)
}

func pbHard(h hardState) *raftpb.HardState {
	return &raftpb.HardState{Term: new(h.term), Vote: new(h.vote), Commit: new(h.commit)}
}

// real is how many entries from the first on are those of the history.
func (w *world) real(g uint64) uint64 {
	for i, e := range w.cur[g].ents {
		if e != canonical(g, uint64(i+1)) {
			return uint64(i)
		}
	}
	return uint64(len(w.cur[g].ents))
}

func (w *world) hard(g uint64, h hardState) {
	gv := w.cur[g]
	gv.hard = h
	w.change(g, gv)
	w.d.Append(g, pbHard(h), nil)
}

func (w *world) sync(must bool) {
	if err := w.d.Sync(must); err != nil {
		w.t.Fatalf("sync: %v", err)
	}
	if must {
		w.acknowledged()
	}
}

func (w *world) apply(g uint64, n int) {
	s := w.d.State(g)
	for i, _ := s.Applied(); n > 0 && i < w.cur[g].hard.commit; n-- {
		i++
		e := canonical(g, i)
		run(s, e)
		w.setApplied(g, i)
		s.SetApplied(i, e.term)
	}
}

func (w *world) tick(d time.Duration) {
	w.now += d
	w.d.Tick(w.now)
	w.healthy()
}

func (w *world) healthy() {
	if err := w.d.Err(); err != nil {
		w.t.Fatalf("the disk failed: %v", err)
	}
}

// chunksOf are the chunks of the snapshot of a group at an index.
func chunksOf(g, index uint64) [][]byte {
	m := stateAt(g, index)
	var chunks [][]byte
	add := func(kind byte, rest func([]byte) []byte) {
		b := beginChunk(nil, chunkHead{kind: kind, group: g, number: uint64(len(chunks))})
		chunks = append(chunks, sealChunk(rest(b)))
	}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		add(chunkPairs, func(b []byte) []byte { return appendPair(b, []byte(k), []byte(m[k])) })
	}
	add(chunkEnd, func(b []byte) []byte {
		return appendNumbers(b, index, canonical(g, index).term, uint64(len(m)))
	})
	return chunks
}

// receive stages the snapshot of a group at an index.
func (w *world) receive(g, index uint64) *SnapshotWriter {
	sw, err := w.d.Receive(g)
	if err != nil {
		w.t.Fatalf("receive: %v", err)
	}
	for _, c := range chunksOf(g, index) {
		if err := sw.Write(c); err != nil {
			w.t.Fatalf("write chunk: %v", err)
		}
	}
	if err := sw.Finish(index, canonical(g, index).term, &raftpb.ConfState{Voters: []uint64{1}}); err != nil {
		w.t.Fatalf("finish: %v", err)
	}
	for !sw.Done() {
		w.healthy()
		time.Sleep(time.Millisecond)
	}
	return sw
}

func (w *world) install(sw *SnapshotWriter, index uint64) {
	g := sw.group
	gv := w.cur[g]
	gv.ents = nil
	for i := uint64(1); i <= index; i++ {
		gv.ents = append(gv.ents, canonical(g, i))
	}
	gv.hard.commit = max(gv.hard.commit, index)
	if t := canonical(g, index).term; gv.hard.term < t {
		gv.hard.term, gv.hard.vote = t, 0
	}
	w.change(g, gv)
	w.setApplied(g, index)
	if err := w.d.Install(sw); err != nil {
		w.t.Fatalf("install: %v", err)
	}
	w.acknowledged()
}

func (w *world) drop(g uint64) {
	if !slices.Contains(w.d.Groups(), g) {
		return
	}
	w.cur = maps.Clone(w.cur)
	delete(w.cur, g)
	w.attempt()
	if err := w.d.Drop(g); err != nil {
		w.t.Fatalf("drop: %v", err)
	}
	w.setApplied(g, 0)
	w.acknowledged()
}

// crash goes on with what a crash now, or the one taken before, left.
func (w *world) crash(cfg vfs.CrashCloneCfg) {
	w.mu.Lock()
	past, applied, fs := w.past, maps.Clone(w.applied), w.clone
	if fs != nil {
		past, applied = w.clonePast, w.cloneApplied
	} else {
		fs = w.mem.CrashClone(cfg)
	}
	w.mu.Unlock()
	_ = w.d.Close()
	w.reopen(fs, past, applied)
}

func (w *world) reopen(fs *vfs.MemFS, past []version, applied map[uint64]uint64) {
	w.mem, w.now, w.reader = fs, 0, nil
	w.mu.Lock()
	w.clone, w.crashAt = nil, 0
	w.mu.Unlock()
	w.open()
	w.check(past, applied)
}

// check compares what Open found with the model, which goes on from there.
func (w *world) check(past []version, applied map[uint64]uint64) {
	var why error
	for _, v := range slices.Backward(past) {
		if why = w.matches(v); why == nil {
			w.cur = w.adopt(v)
			w.acknowledged()
			w.mu.Lock()
			w.applied = map[uint64]uint64{}
			w.mu.Unlock()
			for g := range w.cur {
				i, _ := w.d.State(g).Applied()
				if i > applied[g] {
					w.t.Fatalf("group %d is at index %d after the crash, %d before", g, i, applied[g])
				}
				w.setApplied(g, i)
			}
			return
		}
	}
	w.t.Fatalf("what came back is none of %d versions; the acknowledged one: %v", len(past), why)
}

// adopt is a version as Open brings it back: applied entries are committed.
func (w *world) adopt(v version) version {
	v = maps.Clone(v)
	for g, gv := range v {
		i, term := w.d.State(g).Applied()
		gv.hard = raised(gv.hard, i, term)
		v[g] = gv
	}
	return v
}

func raised(h hardState, commit, term uint64) hardState {
	h.commit = max(h.commit, commit)
	if h.term < term {
		h.term, h.vote = term, 0
	}
	return h
}

func (w *world) matches(v version) error {
	for _, g := range w.d.Groups() {
		if _, ok := v[g]; !ok && (w.d.Log(g).last() > 0 || w.d.Log(g).hard != (hardState{})) {
			return fmt.Errorf("group %d should not be there", g)
		}
	}
	for g, gv := range v {
		l, s := w.d.Log(g), w.d.State(g)
		applied, term := s.Applied()
		if l.hard != raised(gv.hard, applied, term) {
			return fmt.Errorf("group %d: hard state is %v, not %v, applied %d", g, l.hard, gv.hard, applied)
		}
		if err := logHolds(l, gv.ents); err != nil {
			return fmt.Errorf("group %d: %w", g, err)
		}
		if applied < l.base || applied > l.last() {
			return fmt.Errorf("group %d: applied %d, log from %d to %d", g, applied, l.base, l.last())
		}
		if err := holds(s, stateAt(g, applied)); err != nil {
			return fmt.Errorf("group %d at index %d: %w", g, applied, err)
		}
	}
	return nil
}

func logHolds(l *Log, want []ent) error {
	if l.last() != uint64(len(want)) {
		return fmt.Errorf("log ends at %d, not %d", l.last(), len(want))
	}
	for i := l.base; i <= l.last(); i++ {
		if i == 0 {
			continue
		}
		term, err := l.Term(i)
		if err != nil || term != want[i-1].term {
			return fmt.Errorf("term of %d is %d (%v), not %d", i, term, err, want[i-1].term)
		}
	}
	if l.base == l.last() {
		return nil
	}
	ents, err := l.Entries(l.base+1, l.last()+1, 1<<40)
	if err != nil {
		return err
	}
	for i, e := range ents {
		if w := want[l.base+uint64(i)]; string(e.GetData()) != w.data || e.GetIndex() != l.base+uint64(i)+1 {
			return fmt.Errorf("entry %d is %d %q, not %q", l.base+uint64(i)+1, e.GetIndex(), e.GetData(), w.data)
		}
	}
	return nil
}

// holds compares a state with a map, through Scan and Get.
func holds(s *State, want plainMap) error {
	got, last := plainMap{}, ""
	s.Scan(nil, nil, func(k, v []byte) bool {
		if string(k) <= last {
			got["out of order"] = string(k)
		}
		last = string(k)
		got[last] = string(v)
		return true
	})
	if !maps.Equal(got, want) {
		return fmt.Errorf("state is %v, not %v", got, want)
	}
	for i := range 12 {
		k := fmt.Sprintf("key%d", i)
		v, ok := s.Get([]byte(k))
		if w, wok := want[k]; ok != wok || string(v) != w {
			return fmt.Errorf("key %s is %q %v, not %q %v", k, v, ok, w, wok)
		}
	}
	return nil
}

func (w *world) close() {
	if err := w.d.Close(); err != nil {
		w.t.Fatalf("close: %v", err)
	}
}

// snapshot begins a snapshot, or reads one that was begun earlier.
func (w *world) snapshot(rt *rapid.T, g uint64) {
	if r := w.reader; r != nil {
		w.reader = nil
		got, err := readAll(r)
		if err != nil || !maps.Equal(got, stateAt(r.group, r.Index())) {
			rt.Fatalf("snapshot of group %d at %d is %v (%v), not %v", r.group, r.Index(), got, err, stateAt(r.group, r.Index()))
		}
		if err := r.Close(); err != nil {
			rt.Fatal(err)
		}
		return
	}
	if w.applied[g] == 0 {
		return
	}
	r, err := w.d.Snapshot(g)
	if err != nil || r.Index() != w.applied[g] {
		rt.Fatalf("snapshot of group %d: %v", g, err)
	}
	w.reader = r
}

// readAll reads a snapshot's chunks, as a receiver would.
func readAll(r *SnapshotReader) (plainMap, error) {
	m := plainMap{}
	for {
		c, err := r.Next()
		if err == io.EOF {
			return m, nil
		}
		if err != nil {
			return nil, err
		}
		h, rd, err := openChunk(c)
		if err != nil {
			return nil, err
		}
		for h.kind == chunkPairs && rd.more() {
			k, v := rd.pair()
			m[string(k)] = string(v)
		}
	}
}

// step does one random thing.
func (w *world) step(rt *rapid.T) {
	g := rapid.Uint64Range(1, 3).Draw(rt, "group")
	gv := w.cur[g]
	switch op := rapid.IntRange(0, 99).Draw(rt, "op"); {
	case op < 25: // canonical entries, over whatever was not committed
		at := w.real(g) + 1
		w.append(g, at, rapid.SampledFrom([]uint64{1, 3, 8, 20}).Draw(rt, "n"), true)
	case op < 30: // entries that will be replaced
		at := rapid.Uint64Range(max(gv.hard.commit, w.real(g)/2)+1, uint64(len(gv.ents))+1).Draw(rt, "at")
		w.append(g, max(at, gv.hard.commit+1), rapid.Uint64Range(1, 4).Draw(rt, "n"), false)
	case op < 42:
		h := gv.hard
		h.commit = max(h.commit, w.real(g)-min(w.real(g), rapid.SampledFrom([]uint64{0, 0, 1, 5}).Draw(rt, "behind")))
		if rapid.IntRange(0, 3).Draw(rt, "vote") == 0 {
			h.term, h.vote = h.term+1, g
		}
		if h != gv.hard {
			w.hard(g, h)
		}
	case op < 55:
		w.sync(rapid.Bool().Draw(rt, "must"))
	case op < 72:
		w.apply(g, rapid.SampledFrom([]int{1, 5, 50}).Draw(rt, "n"))
	case op < 84:
		w.tick(time.Duration(rapid.IntRange(0, 70).Draw(rt, "seconds")) * time.Second)
	case op < 86:
		w.snapshot(rt, g)
	case op < 87:
		if err := holds(w.d.State(g), stateAt(g, w.applied[g])); err != nil {
			rt.Fatal(err)
		}
	case op < 91:
		to := max(uint64(len(gv.ents)), w.applied[g]) + rapid.Uint64Range(1, 30).Draw(rt, "ahead")
		sw := w.receive(g, to)
		if rapid.Bool().Draw(rt, "install") {
			w.install(sw, to)
		} else {
			sw.Abort()
		}
	case op < 92:
		w.drop(g)
	case op < 94:
		w.close()
		w.reopen(w.mem, []version{w.cur}, w.applied)
	case op < 97:
		after, cfg := rapid.IntRange(1, 40).Draw(rt, "after"), crashConfig(rt)
		w.mu.Lock()
		w.crashAt, w.cfg = w.ops+after, cfg
		w.mu.Unlock()
	default:
		w.crash(crashConfig(rt))
	}
	w.healthy()
	if w.crashed() {
		w.crash(vfs.CrashCloneCfg{})
	}
}

func crashConfig(rt *rapid.T) vfs.CrashCloneCfg {
	return vfs.CrashCloneCfg{
		UnsyncedDataPercent: rapid.SampledFrom([]int{0, 20, 50, 90, 100}).Draw(rt, "percent"),
		RNG:                 rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0)),
	}
}

// Whatever happens, and whenever it crashes, what was acknowledged comes back,
// and the state is that of its applied index.
func TestModel(t *testing.T) {
	for _, inline := range []bool{true, false} {
		t.Run(fmt.Sprintf("inline=%v", inline), func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				w := newWorld(rt, smallOptions(inline))
				defer func() {
					if w.d != nil { // else Open failed, which is told
						_ = w.d.Close()
					}
				}()
				for range 120 {
					w.step(rt)
				}
				w.crash(crashConfig(rt))
			})
		})
	}
}
