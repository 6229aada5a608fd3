package data

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/parleydb/parley/clock"
	"github.com/parleydb/parley/internal/resp"
)

// strictMap is a Map that holds its caller to the contract: values that it lent
// turn to garbage at the next write, a write during Scan panics, and so does any
// write while frozen.
type strictMap struct {
	Mem
	lent     [][]byte
	scanning int
	frozen   bool
}

func newStrictMap() *strictMap { return &strictMap{Mem: *NewMem()} }

func (m *strictMap) lend(b []byte) []byte {
	b = append([]byte{}, b...)
	m.lent = append(m.lent, b)
	return b
}

func spoil(bs ...[]byte) {
	for _, b := range bs {
		for i := range b {
			b[i] = 0xa5
		}
	}
}

func (m *strictMap) writing() {
	if m.frozen {
		panic("a read wrote the Map")
	}
	if m.scanning > 0 {
		panic("the Map was written during Scan")
	}
}

func (m *strictMap) Get(key []byte) ([]byte, bool) {
	v, ok := m.Mem.Get(key)
	if !ok {
		return nil, false
	}
	return m.lend(v), true
}

func (m *strictMap) Set(key, val []byte) {
	m.writing()
	m.Mem.Set(key, val)
	spoil(m.lent...)
	m.lent = nil
}

func (m *strictMap) Delete(key []byte) {
	m.writing()
	m.Mem.Delete(key)
	spoil(m.lent...)
	m.lent = nil
}

func (m *strictMap) Clear() {
	m.writing()
	m.Mem.Clear()
	spoil(m.lent...)
	m.lent = nil
}

func (m *strictMap) Scan(lo, hi []byte, fn func(key, val []byte) bool) {
	m.scanning++
	defer func() { m.scanning-- }()
	m.Mem.Scan(lo, hi, func(k, v []byte) bool {
		k, v = append([]byte{}, k...), append([]byte{}, v...)
		defer spoil(k, v)
		return fn(k, v)
	})
}

// startMillis is the stamp of a new world, in 2023.
const startMillis = 1_700_000_000_000

// world is a Store with its clock.
type world struct {
	m   *strictMap
	s   *Store
	env Env
}

func newWorld() *world {
	m := newStrictMap()
	w := &world{m: m, s: Open(m)}
	w.at(startMillis)
	return w
}

// at sets both clocks.
func (w *world) at(ms int64) { w.env.Stamp, w.env.Wall = clock.At(ms), ms }

// sleep moves both clocks.
func (w *world) sleep(ms int64) { w.at(w.env.Stamp.Millis() + ms) }

// do runs a command as the node would: reads do not count as versions.
func (w *world) do(args ...string) resp.Reply {
	c := Lookup([]byte(args[0]))
	if c == nil {
		panic("no such command: " + args[0])
	}
	if c.Flags&Write != 0 {
		w.env.Version++
	}
	w.m.frozen = c.Flags&Write == 0
	defer func() { w.m.frozen = false }()
	w.env.Seed++
	return decode(w.s.Run(nil, &w.env, c, raw(args)))
}

// decode reads a neutral reply as a RESP2 client gets it.
func decode(neutral []byte) resp.Reply {
	r := bufio.NewReader(bytes.NewReader(resp.Render(nil, neutral, 2)))
	reply, err := resp.ReadReply(r, resp.DefaultLimits())
	if err != nil {
		panic(fmt.Sprintf("reply %q: %v", neutral, err))
	}
	if rest := r.Buffered(); rest != 0 {
		panic(fmt.Sprintf("reply %q has %d bytes too many", neutral, rest))
	}
	return reply
}

func raw(args []string) [][]byte {
	out := make([][]byte, len(args))
	for i, a := range args {
		out[i] = []byte(a)
	}
	return out
}

// want runs a command given as words and compares its reply's description.
func (w *world) want(t testing.TB, reply, words string) {
	t.Helper()
	if got := w.do(strings.Fields(words)...).String(); got != reply {
		t.Errorf("%s: got %s, want %s", words, got, reply)
	}
}

// checkLayout compares the counter, the index and the hint with the keys.
func (w *world) checkLayout() error {
	keys, deadlines, first := 0, map[string]bool{}, int64(0)
	w.m.Scan([]byte{tableKey}, []byte{tableKey + 1}, func(k, v []byte) bool {
		h, _ := mustDecode(k, v)
		keys++
		if h.deadline != 0 {
			deadlines[string(append(appendDeadline(nil, h.deadline), k[1:]...))] = true
			if first == 0 || h.deadline < first {
				first = h.deadline
			}
		}
		return true
	})
	indexed, stray := 0, ""
	w.m.Scan([]byte{tableExpiry}, []byte{tableExpiry + 1}, func(k, _ []byte) bool {
		indexed++
		if !deadlines[string(k)] {
			stray = string(k)
		}
		return true
	})
	if indexed != len(deadlines) || stray != "" {
		return fmt.Errorf("%d deadlines, %d in the index, stray %q", len(deadlines), indexed, stray)
	}
	stored := 0
	if v, ok := w.m.Get(counterKeys); ok {
		stored = int(binary.BigEndian.Uint64(v))
	}
	if stored != keys {
		return fmt.Errorf("%d keys, the counter says %d", keys, stored)
	}
	if next := w.s.NextExpiry(); first != 0 && (next == 0 || next > first) {
		return fmt.Errorf("NextExpiry %d is not a lower bound of %d", next, first)
	}
	return nil
}

// contents is the whole Map as text.
func (w *world) contents() string {
	var b strings.Builder
	w.m.Scan(nil, nil, func(k, v []byte) bool {
		fmt.Fprintf(&b, "%q=%q\n", k, v)
		return true
	})
	return b.String()
}
