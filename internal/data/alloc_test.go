package data

import (
	"fmt"
	"testing"

	"github.com/parleydb/parley/clock"
)

// hotCalls are the calls on an existing key that must cost no allocation.
var hotCalls = []string{"GET k", "SET k v2", "INCR n", "INCRBY n 12", "STRLEN k", "EXISTS k", "TTL d", "MGET k n d", "SET d v PX 1000", "SETNX k v"}

func hotStore() (*Store, *Env) {
	s := Open(NewMem())
	env := &Env{Stamp: clock.At(startMillis), Wall: startMillis, Version: 1}
	for _, line := range []string{"MSET k v1 n 1 d v", "PEXPIRE d 1000"} {
		run(s, env, nil, line)
	}
	return s, env
}

func run(s *Store, env *Env, dst []byte, line string) []byte {
	args, _ := words(line)
	return s.Run(dst, env, Lookup([]byte(args[0])), raw(args))
}

func TestHotPathAllocatesNothing(t *testing.T) {
	for _, line := range hotCalls {
		s, env := hotStore()
		args, _ := words(line)
		call, c, dst := raw(args), Lookup([]byte(args[0])), make([]byte, 0, 256)
		if n := testing.AllocsPerRun(1000, func() {
			env.Version++
			dst = s.Run(dst[:0], env, c, call)
		}); n != 0 {
			t.Errorf("%s allocates %v times: %q", line, n, dst)
		}
	}
	s, env := hotStore()
	key := []byte("k")
	if n := testing.AllocsPerRun(1000, func() { s.Version(key, env) }); n != 0 {
		t.Errorf("Version allocates %v times", n)
	}
}

func BenchmarkRun(b *testing.B) {
	for _, line := range hotCalls {
		b.Run(line, func(b *testing.B) {
			s, env := hotStore()
			args, _ := words(line)
			call, c, dst := raw(args), Lookup([]byte(args[0])), make([]byte, 0, 256)
			b.ReportAllocs()
			for b.Loop() {
				env.Version++
				dst = s.Run(dst[:0], env, c, call)
			}
		})
	}
}

// BenchmarkSet100 is SET of 100 bytes on one of many keys, as in the measurements
// of the whole.
func BenchmarkSet100(b *testing.B) {
	s, env := hotStore()
	c, val, dst := Lookup([]byte("set")), make([]byte, 100), make([]byte, 0, 256)
	calls := make([][][]byte, 10_000)
	for i := range calls {
		calls[i] = [][]byte{[]byte("SET"), fmt.Appendf(nil, "key:%012d", i), val}
		s.Run(nil, env, c, calls[i])
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		env.Version++
		dst = s.Run(dst[:0], env, c, calls[i%len(calls)])
	}
}
