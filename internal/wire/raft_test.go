package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"runtime"
	"strings"
	"testing"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"
)

// optional draws a pointer that may be nil.
func optional[T any](t *rapid.T, name string, g *rapid.Generator[T]) *T {
	if rapid.Bool().Draw(t, name+" absent") {
		return nil
	}
	return new(g.Draw(t, name))
}

func optionalBytes(t *rapid.T, name string) []byte {
	if rapid.Bool().Draw(t, name+" absent") {
		return nil
	}
	return rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, name)
}

// numbers are often small and often neighbours, so that entries follow each
// other.
var numbers = rapid.OneOf(rapid.Uint64Range(0, 3), rapid.Uint64())

func drawEntry(t *rapid.T) *raftpb.Entry {
	e := &raftpb.Entry{
		Term:  optional(t, "term", numbers),
		Index: optional(t, "index", numbers),
		Data:  optionalBytes(t, "data"),
	}
	if p := optional(t, "type", rapid.Int32Range(0, 2)); p != nil {
		e.Type = raftpb.EntryType(*p).Enum()
	}
	return e
}

func drawSnapshot(t *rapid.T) *raftpb.Snapshot {
	s := &raftpb.Snapshot{Data: optionalBytes(t, "snapshot")}
	if rapid.Bool().Draw(t, "metadata") {
		s.Metadata = &raftpb.SnapshotMetadata{Index: optional(t, "index", numbers), Term: optional(t, "term", numbers)}
		if rapid.Bool().Draw(t, "conf") {
			ids := rapid.SliceOfN(numbers, 0, 4)
			s.Metadata.ConfState = &raftpb.ConfState{
				Voters:         ids.Draw(t, "voters"),
				Learners:       ids.Draw(t, "learners"),
				VotersOutgoing: ids.Draw(t, "outgoing"),
				LearnersNext:   ids.Draw(t, "next"),
				AutoLeave:      optional(t, "auto leave", rapid.Bool()),
			}
		}
	}
	return s
}

func drawMessage(t *rapid.T, depth int) *raftpb.Message {
	m := &raftpb.Message{
		To: optional(t, "to", numbers), From: optional(t, "from", numbers), Term: optional(t, "term", numbers),
		LogTerm: optional(t, "log term", numbers), Index: optional(t, "index", numbers), Commit: optional(t, "commit", numbers),
		Vote: optional(t, "vote", numbers), RejectHint: optional(t, "hint", numbers),
		Reject: optional(t, "reject", rapid.Bool()), Context: optionalBytes(t, "context"),
		Entries: rapid.SliceOfN(rapid.Custom(drawEntry), 0, 5).Draw(t, "entries"),
	}
	if rapid.Bool().Draw(t, "consecutive") {
		for i, e := range m.Entries {
			e.Term, e.Index = new(m.GetLogTerm()), new(m.GetIndex()+uint64(i)+1)
		}
	}
	if p := optional(t, "type", rapid.Int32Range(0, int32(len(raftpb.MessageType_name)-1))); p != nil {
		m.Type = raftpb.MessageType(*p).Enum()
	}
	if rapid.Bool().Draw(t, "has snapshot") {
		m.Snapshot = drawSnapshot(t)
	}
	if depth < maxDepth && rapid.Bool().Draw(t, "has responses") {
		m.Responses = append(m.Responses, drawMessage(t, depth+1), drawMessage(t, maxDepth))
	}
	return m
}

// The hand-written codec keeps what protobuf keeps: every field, and whether
// it is present. It does so at the end of any buffer, and only reads m.
func TestRaftSurvives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, group := drawMessage(t, 1), rapid.Uint64().Draw(t, "group")
		before := proto.Clone(m)
		b := AppendRaft([]byte("before"), group, m)
		if !proto.Equal(m, before) {
			t.Fatal("AppendRaft changed its argument")
		}
		if !strings.HasPrefix(string(b), "before") {
			t.Fatal("AppendRaft changed what was there")
		}
		b = b[len("before"):]
		g, got, err := DecodeRaft(b)
		if err != nil || g != group || !proto.Equal(got, m) {
			t.Fatalf("group %d, error %v\n got %v\nwant %v", g, err, got, m)
		}
		for i := range b { // the message shares nothing with its bytes
			b[i] = 0xaa
		}
		if !proto.Equal(got, m) {
			t.Fatal("the message changed with the bytes that it was read from")
		}
		checkWritable(t, got)
	})
}

// checkWritable writes through every pointer and slice of the entries, which
// lie side by side in memory, and sees that no other one changes.
func checkWritable(t *rapid.T, m *raftpb.Message) {
	for i, e := range m.Entries {
		var others []proto.Message
		for _, o := range m.Entries {
			others = append(others, proto.Clone(o))
		}
		if e.Term != nil {
			*e.Term++
		}
		if e.Index != nil {
			*e.Index++
		}
		e.Data = append(e.Data, 1, 2, 3)
		for j, o := range m.Entries {
			if j != i && !proto.Equal(o, others[j]) {
				t.Fatalf("entry %d changed with entry %d", j, i)
			}
		}
	}
}

// Every field of this raft release is known here; a new one fails this test.
func TestRaftFieldsAreAllKnown(t *testing.T) {
	for m, want := range map[proto.Message]int{
		&raftpb.Message{}: 14, &raftpb.Entry{}: 4, &raftpb.Snapshot{}: 2,
		&raftpb.SnapshotMetadata{}: 3, &raftpb.ConfState{}: 5,
	} {
		d := m.ProtoReflect().Descriptor()
		if n := d.Fields().Len(); n != want {
			t.Errorf("%s has %d fields, the codec knows %d", d.Name(), n, want)
		}
	}
}

func TestRaftTakesNilElements(t *testing.T) {
	m := &raftpb.Message{Entries: []*raftpb.Entry{nil, {Index: new(uint64(1))}}}
	_, got, err := DecodeRaft(AppendRaft(nil, 0, m))
	if err != nil || len(got.Entries) != 2 || !proto.Equal(got.Entries[0], &raftpb.Entry{}) {
		t.Errorf("%v, error %v", got, err)
	}
}

// appendMsg is a message as the leader sends it: n entries of size bytes.
func appendMsg(n, size int) *raftpb.Message {
	m := &raftpb.Message{
		Type: raftpb.MsgApp.Enum(), To: new(uint64(2)), From: new(uint64(1)), Term: new(uint64(7)),
		LogTerm: new(uint64(7)), Index: new(uint64(1_000_000)), Commit: new(uint64(999_999)),
	}
	for i := range n {
		m.Entries = append(m.Entries, &raftpb.Entry{
			Type: raftpb.EntryNormal.Enum(), Term: new(uint64(7)), Index: new(uint64(1_000_001 + i)),
			Data: bytes.Repeat([]byte{byte(i)}, size),
		})
	}
	return m
}

func heartbeatMsg() *raftpb.Message {
	return &raftpb.Message{
		Type: raftpb.MsgHeartbeat.Enum(), To: new(uint64(2)), From: new(uint64(1)), Term: new(uint64(7)),
		Commit: new(uint64(999_999)), Context: []byte("12345678"),
	}
}

// An entry that follows the one before takes three bytes and its data.
func TestRaftIsCompact(t *testing.T) {
	one, hundred := len(AppendRaft(nil, 1, appendMsg(1, 100))), len(AppendRaft(nil, 1, appendMsg(100, 100)))
	if hundred-one != 99*(100+3) {
		t.Errorf("99 more entries of 100 bytes take %d bytes", hundred-one)
	}
	if n := len(AppendRaft(nil, 1, heartbeatMsg())); n > 20 {
		t.Errorf("a heartbeat takes %d bytes", n)
	}
}

// Every prefix of a message, and a message with more behind it, is refused.
func TestRaftRefusesWrongLengths(t *testing.T) {
	m := appendMsg(3, 5)
	m.Context = []byte("context")
	m.Snapshot = &raftpb.Snapshot{Data: []byte("data"), Metadata: &raftpb.SnapshotMetadata{
		Index: new(uint64(1)), ConfState: &raftpb.ConfState{Voters: []uint64{1, 2, 3}}}}
	m.Responses = []*raftpb.Message{heartbeatMsg()}
	b := AppendRaft(nil, 300, m)
	for n := range len(b) {
		if _, got, err := DecodeRaft(b[:n]); err == nil || got != nil {
			t.Errorf("the first %d of %d bytes read as %v", n, len(b), got)
		}
	}
	if _, _, err := DecodeRaft(append(b, 0)); err == nil || !strings.Contains(err.Error(), "1 bytes are left over") {
		t.Error(err)
	}
}

// raw builds the payload of a message by hand, with group 0.
func raw(flags uint16, rest ...uint64) []byte {
	b := binary.LittleEndian.AppendUint16([]byte{0}, flags)
	for _, v := range rest {
		b = binary.AppendUvarint(b, v)
	}
	return b
}

func TestRaftRefusals(t *testing.T) {
	deep := heartbeatMsg()
	for range maxDepth {
		deep = &raftpb.Message{Responses: []*raftpb.Message{deep}}
	}
	wide := &raftpb.Message{}
	for range maxResponses + 1 {
		wide.Responses = append(wide.Responses, &raftpb.Message{})
	}
	// Limits count all of a message's parts together.
	wideBelow := &raftpb.Message{Responses: []*raftpb.Message{{Responses: wide.Responses[:maxResponses]}}}
	half := append(raw(hasEntries, MaxEntries/2+1)[1:], make([]byte, MaxEntries/2+1)...)
	long := append(append(raw(hasResponses, 2), half...), half...)
	for _, c := range []struct {
		name, want string
		b          []byte
	}{
		{"nothing", "ends early", nil},
		{"flags of a later version", "flags 0x8000 are not known", raw(1 << 15)},
		{"message type", "message type 24 is not known", raw(hasType, 24)},
		{"message type beyond 32 bits", "message type 18446744073709551615 is not known", raw(hasType, 1<<64-1)},
		{"entry type", "entry type 3 is not known", raw(hasEntries, 1, entryType, 3)},
		{"entry flags", "flags 0x20 are not known", raw(hasEntries, 1, 1<<5)},
		{"successor with a term", "contradict each other", raw(hasEntries, 1, entrySuccessor|entryTerm, 3)},
		{"snapshot flags", "flags 0x80 are not known", append(raw(hasSnapshot), 1<<7)},
		{"too many entries", "1048577 entries are too many", raw(hasEntries, MaxEntries+1)},
		{"too many members", "16385 members are too many", append(raw(hasSnapshot, snapMeta|snapConf), raw(0, maxMembers+1)[3:]...)},
		{"lengths that overflow", "ends early", raw(hasEntries, 2, entryData, 1<<64-1, entryData, 2, 0, 0, 0)},
		{"an endless number", "ends early", append(raw(hasTo), bytes.Repeat([]byte{0xff}, 11)...)},
		{"deep", "nested deeper than 4", AppendRaft(nil, 0, deep)},
		{"wide", "1025 responses are too many", AppendRaft(nil, 0, wide)},
		{"wide below", "1024 responses are too many", AppendRaft(nil, 0, wideBelow)},
		{"long in two parts", "524289 entries are too many", long},
	} {
		_, m, err := DecodeRaft(c.b)
		var fe *FrameError
		if m != nil || !errors.As(err, &fe) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, error %v; want one with %q", c.name, m, err, c.want)
		}
	}
}

// A few bytes that declare a lot take no memory for it.
func TestRaftAllocatesOnlyForWhatIsThere(t *testing.T) {
	junk := bytes.Repeat([]byte{0xff}, 1<<20)
	for name, b := range map[string][]byte{
		"context":   raw(hasContext, 1<<60),
		"entries":   raw(hasEntries, MaxEntries, 0),
		"junk":      append(raw(hasEntries, 1<<20-10), junk...),
		"data":      raw(hasEntries, 1, entryData, 1<<60),
		"snapshot":  raw(hasSnapshot, snapData, 1<<60),
		"members":   raw(hasSnapshot, snapMeta|snapConf, maxMembers),
		"responses": append(raw(hasResponses, maxResponses), junk...),
	} {
		if n := allocated(func() {
			if _, _, err := DecodeRaft(b); err == nil {
				t.Errorf("%s: no error", name)
			}
		}); n > 4<<10 {
			t.Errorf("%s: %d bytes allocated", name, n)
		}
	}
}

// allocated is the number of bytes that fn takes from the heap.
func allocated(fn func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	fn()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestRaftAllocations(t *testing.T) {
	for _, c := range []struct {
		name string
		m    *raftpb.Message
		want float64
	}{
		{"heartbeat", heartbeatMsg(), 1},
		{"append of 100 entries", appendMsg(100, 100), 4},
	} {
		b := AppendRaft(nil, 1, c.m)
		if n := testing.AllocsPerRun(100, func() { b = AppendRaft(b[:0], 1, c.m) }); n != 0 {
			t.Errorf("%s: AppendRaft allocates %v times", c.name, n)
		}
		if n := testing.AllocsPerRun(100, func() { _, _, _ = DecodeRaft(b) }); n != c.want {
			t.Errorf("%s: DecodeRaft allocates %v times, not %v", c.name, n, c.want)
		}
	}
}

func FuzzDecodeRaft(f *testing.F) {
	f.Add(AppendRaft(nil, 3, heartbeatMsg()))
	f.Add(AppendRaft(nil, 300, appendMsg(3, 10)))
	f.Add(AppendRaft(nil, 1, &raftpb.Message{
		Snapshot:  &raftpb.Snapshot{Metadata: &raftpb.SnapshotMetadata{ConfState: &raftpb.ConfState{Voters: []uint64{1}}}},
		Responses: []*raftpb.Message{heartbeatMsg()},
	}))
	f.Add(raw(hasEntries, 2, entryData, 1<<64-1, entryData, 2, 0, 0, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		var group uint64
		var m *raftpb.Message
		var err error
		// An empty entry is one byte here and about 130 in memory.
		if n := allocated(func() { group, m, err = DecodeRaft(b) }); n > 1<<16+512*uint64(len(b)) {
			t.Fatalf("%d bytes of input took %d of memory", len(b), n)
		}
		if err != nil {
			if m != nil {
				t.Fatal("a message with an error")
			}
			return
		}
		g, again, err := DecodeRaft(AppendRaft(nil, group, m))
		if err != nil || g != group || !proto.Equal(m, again) {
			t.Fatalf("error %v\n got %v\nwant %v", err, again, m)
		}
	})
}

var benchMessages = []struct {
	name string
	m    *raftpb.Message
}{
	{"heartbeat", heartbeatMsg()},
	{"append/1x10000", appendMsg(1, 10_000)},
	{"append/64x128", appendMsg(64, 128)},
}

func BenchmarkAppendRaft(b *testing.B) {
	for _, c := range benchMessages {
		b.Run(c.name, func(b *testing.B) {
			buf := AppendRaft(nil, 1, c.m)
			b.SetBytes(int64(len(buf)))
			b.ReportAllocs()
			for b.Loop() {
				buf = AppendRaft(buf[:0], 1, c.m)
			}
		})
	}
}

func BenchmarkDecodeRaft(b *testing.B) {
	for _, c := range benchMessages {
		b.Run(c.name, func(b *testing.B) {
			buf := AppendRaft(nil, 1, c.m)
			b.SetBytes(int64(len(buf)))
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := DecodeRaft(buf); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkProtobuf is what AppendRaft and DecodeRaft are there to beat.
func BenchmarkProtobuf(b *testing.B) {
	for _, c := range benchMessages {
		buf, _ := proto.Marshal(c.m)
		b.Run("marshal/"+c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				buf, _ = proto.MarshalOptions{}.MarshalAppend(buf[:0], c.m)
			}
		})
		b.Run("unmarshal/"+c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var m raftpb.Message
				if err := proto.Unmarshal(buf, &m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
