package data

import (
	"runtime"
	"strings"
	"testing"
)

// TestMaxValue: no command makes a longer string, and those at the limit work.
func TestMaxValue(t *testing.T) {
	w := newWorld()
	w.s.MaxValue = 10
	tooLong, bitOffset := "-"+errTooLong, "-"+errBitOffset
	x10, x11 := strings.Repeat("x", 10), strings.Repeat("x", 11)
	for _, step := range []struct{ call, want string }{
		{"SET k " + x10, "OK"}, {"SET k " + x11, tooLong}, {"SET k " + x11 + " EX 10", tooLong}, {"SET k " + x11 + " GET", tooLong},
		{"SETNX new " + x11, tooLong}, {"SETEX k 10 " + x11, tooLong}, {"GETSET k " + x11, tooLong},
		{"MSET a 1 b " + x11, tooLong}, {"MSETNX a 1 b " + x11, tooLong}, {"EXISTS a b new", "0"},
		{"APPEND k x", tooLong}, {"APPEND k ", "10"}, {"APPEND a " + x11, tooLong}, {"APPEND a " + x10, "10"},
		{"SETRANGE k 9 y", "10"}, {"SETRANGE k 10 y", tooLong}, {"SETRANGE k 9 yy", tooLong}, {"SETRANGE n 10 y", tooLong},
		{"SETBIT k 79 1", "1"}, {"SETBIT k 80 1", bitOffset}, {"GETBIT k 80", bitOffset},
		{"BITFIELD k SET u8 72 1", "[121]"}, {"BITFIELD k SET u8 73 1", tooLong}, {"BITFIELD k SET u8 #10 1", bitOffset}, {"BITFIELD n SET u32 79 1", tooLong},
		{"SET f 1", "OK"}, {"INCRBYFLOAT f 1e9", `"1000000001"`}, {"INCRBYFLOAT f 1e10", tooLong}, {"INCRBYFLOAT f 0.5", tooLong},
		{"EXISTS n", "0"},
	} {
		if got := w.do(strings.Split(step.call, " ")...).String(); got != step.want {
			t.Errorf("%s: got %s, want %s", step.call, got, step.want)
		}
	}
}

// TestMaxReply: a reply that would be longer is an error, and costs no memory
// beyond the limit; what changes something always tells.
func TestMaxReply(t *testing.T) {
	w := newWorld()
	w.s.MaxValue, w.s.MaxReply = 100, 200
	x := strings.Repeat("x", 90)
	const tooLong = "-ERR the reply would be longer than 200 bytes: ask for less at a time"
	for _, step := range []struct{ call, want string }{
		{"MSET a " + x + " b " + x + " c " + x, "OK"},
		{"MGET a b", `["` + x + `" "` + x + `"]`}, {"MGET a b c", tooLong}, {"MGET a b c none a", tooLong},
		{"GETSET a " + x, `"` + x + `"`}, {"GETDEL a", `"` + x + `"`}, {"SET b y GET", `"` + x + `"`}, {"GETEX c PERSIST", `"` + x + `"`},
		{"MSET k1" + x + " v k2" + x + " v", "OK"},
		{"KEYS k1*", `["k1` + x + `"]`}, {"KEYS *", tooLong}, {"SCAN 0 COUNT 100", tooLong}, {"SCAN 0 COUNT 100 MATCH b", `["0" ["b"]]`},
		{"GET b", `"y"`},
	} {
		if got := w.do(strings.Split(step.call, " ")...).String(); got != step.want {
			t.Errorf("%s: got %s, want %s", step.call, got, step.want)
		}
	}
	env := &Env{Version: 1000}
	call := [][]byte{[]byte("mget")}
	for range 100_000 {
		call = append(call, []byte("c"))
	}
	if dst := w.s.Run([]byte("before"), env, Lookup(call[0]), call); cap(dst) > 4096 || !strings.HasPrefix(string(dst), "before-ERR the reply") {
		t.Errorf("%d bytes were gathered for %.80q", cap(dst), dst)
	}
}

// TestHugeOffsets: what a stranger declares is not allocated. The default limit
// holds, and each call is one below the limit of what may be declared or above.
func TestHugeOffsets(t *testing.T) {
	w := newWorld()
	w.do("SET", "k", "v")
	for _, line := range []string{
		"SETRANGE k 536870911 xx", "SETRANGE n 536870912 x", "SETRANGE k 9223372036854775807 x", "SETBIT k 4294967296 1",
		"SETBIT n 9223372036854775807 1", "BITFIELD k SET u8 4294967295 1", "BITFIELD n INCRBY i64 #9223372036854775807 1",
		"BITFIELD k GET u63 4294967295", "GETBIT k 4294967295", "GETRANGE k 0 9223372036854775807", "BITPOS k 1 0 9223372036854775807",
		"BITCOUNT k -9223372036854775808 9223372036854775807 BIT", "SCAN 0 COUNT 9223372036854775807",
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r := w.do(strings.Fields(line)...)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
			t.Errorf("%s: %s after allocating %d bytes", line, r, n)
		}
	}
	w.want(t, `"v"`, "GET k")
	w.want(t, "0", "EXISTS n")
}

// TestScratchIsGivenBack: one large value does not stay in memory.
func TestScratchIsGivenBack(t *testing.T) {
	s := Open(NewMem())
	env := &Env{Version: 1}
	s.Run(nil, env, Lookup([]byte("set")), [][]byte{[]byte("set"), []byte("k"), make([]byte, 8<<20)})
	if cap(s.pos)+cap(s.val)+cap(s.aux) > 3*keptScratch || s.call.args != nil || s.call.out != nil {
		t.Error("the Store keeps a large buffer, or the call")
	}
}
