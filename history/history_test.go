package history

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/parleydb/parley/clock"
)

func drawValue(t *rapid.T, depth int) Value {
	switch rapid.IntRange(0, 3+min(depth, 1)).Draw(t, "kind") {
	case 0:
		return Nil
	case 1:
		return Int(rapid.Int64().Draw(t, "int"))
	case 2:
		return String(rapid.String().Draw(t, "string"))
	case 3:
		return String(string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")))
	}
	var elems []Value
	for range rapid.IntRange(0, 3).Draw(t, "n") {
		elems = append(elems, drawValue(t, depth-1))
	}
	return List(elems...)
}

func TestValueJSONRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := drawValue(t, 3)
		text := v.AppendJSON(nil)
		s := scanner{b: text, max: maxDepth}
		got, err := s.value()
		if err == nil {
			err = s.end()
		}
		if err != nil || got != v {
			t.Fatalf("%s: got %v, want %v, %v", text, got, v, err)
		}
		if v.IsList() && List(v.Elems()...) != v {
			t.Fatalf("%v is not the list of its elements", v)
		}
		_ = v.String()
	})
}

func TestValuesCompare(t *testing.T) {
	if Int(5) != String("5") || Bool(true) != String("true") || String("") == Nil || List() == Nil || Int(5) == String("05") {
		t.Error("values compare wrongly")
	}
	if n, ok := String("-7").Int(); n != -7 || !ok {
		t.Error("a number in a string is a number")
	}
	if _, ok := List(Int(1)).Int(); ok {
		t.Error("a list is no number")
	}
	if got := List(Nil, String("a b"), Int(1)).String(); got != `[null "a b" 1]` {
		t.Error(got)
	}
}

// drawHistory is a history that a recorder could have made.
func drawHistory(t *rapid.T) *History {
	h := &History{Header: Header{Sessions: rapid.SampledFrom([]SessionRule{ByProcess, ByField}).Draw(t, "rule"), Initial: drawValue(t, 1)}}
	if rapid.Bool().Draw(t, "meta") {
		h.Header.Model = "kv"
		h.Header.Timeless = true
		h.Header.Meta = map[string]string{"seed": "7", "a": "b"}
		h.Header.Initials = map[string]Value{"x": Int(1), "y": Nil}
	}
	now := int64(0)
	for i := range rapid.IntRange(0, 10).Draw(t, "n") {
		now += rapid.Int64Range(0, 5).Draw(t, "pause")
		op := Op{Process: rapid.Int64Range(0, 2).Draw(t, "process"), Key: rapid.SampledFrom([]string{"x", "y", "ключ"}).Draw(t, "key"), F: Write, In: drawValue(t, 1), Call: now}
		now += rapid.Int64Range(0, 5).Draw(t, "length")
		op.Return = now
		op.Outcome = rapid.SampledFrom([]Outcome{OK, Fail, Info}).Draw(t, "outcome")
		if h.Header.Sessions == ByField {
			op.Session = fmt.Sprintf("s%d", op.Process)
		}
		if rapid.Bool().Draw(t, "txn") {
			op.F, op.Key, op.In = Txn, "", Nil
			op.Txn = []Step{{F: Append, Key: "x", In: drawValue(t, 1)}, {F: Read, Key: "y"}}
			if op.Outcome == OK {
				op.Txn[1].Out = drawValue(t, 1)
			}
		}
		if rapid.Bool().Draw(t, "details") {
			op.Node, op.Keyspace, op.Level, op.ID = "n1", "main", "session", fmt.Sprintf("id-%d", i)
			op.Version, op.Dot = 7, clock.Dot{Replica: 1, Counter: 2}
		}
		switch op.Outcome {
		case OK:
			op.Out = drawValue(t, 2)
		case Info:
			op.Return, op.Version, op.Dot = Never, 0, clock.Dot{}
		}
		h.Ops = append(h.Ops, op)
	}
	if rapid.Bool().Draw(t, "note") {
		h.Notes = []Note{{Time: 3, Text: "partition \"n1\" begins"}}
	}
	return h
}

func TestFileRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawHistory(t)
		var file bytes.Buffer
		if err := WriteTo(&file, h); err != nil {
			t.Fatal(err)
		}
		got, format, err := ReadFormat(bytes.NewReader(file.Bytes()), Auto, DefaultLimits())
		if len(h.Ops) == 0 {
			if err == nil || !strings.Contains(err.Error(), "no operations") {
				t.Fatalf("an empty history: %v", err)
			}
			return
		}
		if err != nil || format != Parley {
			t.Fatalf("%v, %s\n%s", err, format, file.String())
		}
		for i := range got.Ops {
			if got.Ops[i].Line == 0 {
				t.Fatal("no line number")
			}
			got.Ops[i].Line = 0
		}
		if !reflect.DeepEqual(got, h) {
			t.Fatalf("got  %+v\nwant %+v\n%s", got, h, file.String())
		}
	})
}

const head = `{"history":"parley/1"}` + "\n"

// badFiles are files and what the error must say.
var badFiles = []struct{ name, file, want string }{
	{"empty", "", "line 1: the file is empty"},
	{"no header", `{"type":"invoke"}`, "line 1"},
	{"version", `{"history":"parley/9"}`, `line 1: the header says history "parley/9"`},
	{"session rule", `{"history":"parley/1","sessions":"moon"}`, `unknown session rule "moon"`},
	{"truncated", head + `{"type":"invoke","process":1,"time":1,"op":"re`, "line 2: the file is cut off"},
	{"not JSON", head + `hello` + "\n", `line 2: 'h' at column 1`},
	{"after the object", head + `{"type":"note","time":1,"text":"x"} x` + "\n", "line 2: 'x' at column 37, after the end"},
	{"unknown field", head + `{"type":"invoke","proces":1}` + "\n", `line 2: unknown field "proces"`},
	{"field twice", head + `{"time":1,"time":2}` + "\n", `line 2: the field "time" comes twice`},
	{"unknown type", head + `{"type":"begin","process":1,"time":1}` + "\n", `line 2: unknown type "begin"`},
	{"no type", head + `{"process":1,"time":1}` + "\n", `line 2: the field "type" is missing`},
	{"no time", head + `{"type":"ok","process":1}` + "\n", `line 2: the field "time" is missing`},
	{"no process", head + `{"type":"ok","time":1}` + "\n", `line 2: the field "process" is missing`},
	{"no operation", head + `{"type":"invoke","process":1,"time":1}` + "\n", `line 2: the field "op" is missing`},
	{"time is text", head + `{"type":"invoke","process":1,"time":"x"}` + "\n", `line 2: "" at column 37 is not a whole number`},
	{"time is huge", head + `{"type":"invoke","process":1,"time":99999999999999999999}` + "\n", "not a whole number of 64 bits"},
	{"time below zero", head + `{"type":"invoke","process":1,"time":-1}` + "\n", "line 2: time -1 is before the start of the clock"},
	{"completion alone", head + `{"type":"ok","process":1,"time":1}` + "\n", "line 2: process 1: ok without a call"},
	{"two calls", head + `{"type":"invoke","process":1,"time":1,"op":"read"}` + "\n" + `{"type":"invoke","process":1,"time":2,"op":"read"}` + "\n", "line 3: process 1 calls again, but its call in line 2"},
	{"time goes back", head + `{"type":"invoke","process":1,"time":5,"op":"read"}` + "\n" + `{"type":"ok","process":1,"time":4}` + "\n", "line 3: process 1: time goes back from 5 in line 2 to 4"},
	{"another key", head + `{"type":"invoke","process":1,"time":5,"op":"read","key":"x"}` + "\n" + `{"type":"ok","process":1,"time":6,"key":"y"}` + "\n", `line 3: key is "y", but the call in line 2 said "x"`},
	{"another transaction", head + `{"type":"invoke","process":1,"time":5,"op":"txn","txn":[["w","x",1]]}` + "\n" + `{"type":"ok","process":1,"time":6,"txn":[["w","x",2]]}` + "\n", "line 3: step 1 of the transaction is not the one"},
	{"no session", `{"history":"parley/1","sessions":"field"}` + "\n" + `{"type":"invoke","process":1,"time":5,"op":"read"}` + "\n", "line 2: the header says that operations name their session"},
	{"session twice", `{"history":"parley/1","sessions":"field"}` + "\n" + `{"type":"invoke","process":1,"time":5,"op":"read","session":"s"}` + "\n" + `{"type":"invoke","process":2,"time":5,"op":"read","session":"s"}` + "\n", "line 3: session s calls again"},
	{"settled twice", head + `{"type":"invoke","process":1,"time":1,"op":"write","id":"a"}` + "\n" + `{"type":"ok","process":1,"time":2}` + "\n" + `{"type":"fail","process":2,"time":3,"id":"a"}` + "\n", "line 4: the call in line 2 is settled already"},
	{"nesting", head + `{"type":"invoke","process":1,"time":1,"op":"write","value":` + strings.Repeat("[", 100), "line 2: lists nest deeper than 64"},
	{"version below zero", head + `{"type":"invoke","process":1,"time":1,"op":"write","version":-1}` + "\n", "line 2: version -1 is below zero"},
	{"bad dot", head + `{"type":"invoke","process":1,"time":1,"op":"write","dot":"x"}` + "\n", `line 2: "x" is not a dot`},
	{"long line", head + `{"type":"note","time":1,"text":"` + strings.Repeat("x", 5000) + `"}` + "\n", "line 2: the line is longer than 4096 bytes"},
	{"too many", head + strings.Repeat(`{"type":"invoke","process":1,"time":1,"op":"read"}`+"\n"+`{"type":"ok","process":1,"time":1}`+"\n", 101), "line 202: more than 100 operations"},
}

func TestBadFiles(t *testing.T) {
	for _, c := range badFiles {
		t.Run(c.name, func(t *testing.T) {
			_, err := ReadFrom(strings.NewReader(c.file), Limits{Line: 4096, Ops: 100})
			var line *LineError
			if err == nil || !strings.Contains(err.Error(), c.want) || !errors.As(err, &line) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestAmbiguousIsSettledLater(t *testing.T) {
	file := head + `{"type":"invoke","process":1,"time":1,"op":"write","key":"x","value":1,"id":"a"}
{"type":"info","process":1,"time":5}
{"type":"invoke","process":1,"time":6,"op":"write","key":"x","value":2,"id":"b"}
{"type":"info","process":1,"time":7}
{"type":"ok","process":9,"time":20,"id":"a"}
{"type":"fail","process":9,"time":21,"id":"b"}
`
	h, err := ReadFrom(strings.NewReader(file), DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	if a, b := h.Ops[0], h.Ops[1]; a.Outcome != OK || a.Return != 20 || b.Outcome != Fail {
		t.Fatalf("%+v\n%+v", a, b)
	}
}

func TestRecorder(t *testing.T) {
	r := NewRecorder(Header{Model: "kv"})
	a := r.Invoke(Op{F: Read, Key: "x", Call: 1, Outcome: OK})
	b := r.Invoke(Op{F: Write, Key: "x", Call: 2})
	c := r.Invoke(Op{F: Write, Key: "x", Call: 3})
	r.OK(a, 5, Int(1))
	r.Fail(b, 6)
	r.Op(c).Node = "n1"
	r.Note(7, "over")
	h := r.History()
	if h.Ops[a].Out != Int(1) || h.Ops[a].Return != 5 || h.Ops[b].Outcome != Fail || h.Ops[c].Outcome != Info || h.Ops[c].Return != Never || h.Ops[c].Node != "n1" || len(h.Notes) != 1 {
		t.Fatalf("%+v", h)
	}
}

func TestOpOrder(t *testing.T) {
	a, b := Op{Call: 1, Return: 5}, Op{Call: 5, Return: 6}
	if a.Before(&b) {
		t.Error("operations that touch are concurrent")
	}
	b.Call = 6
	if !a.Before(&b) || b.Before(&a) {
		t.Error("order is wrong")
	}
	if (&Op{Process: 3}).SessionName() != "3" || (&Op{Process: 3, Session: "s"}).SessionName() != "s" {
		t.Error("session names")
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestWriterErrorsStick(t *testing.T) {
	w, err := NewWriter(brokenWriter{}, Header{})
	if err != nil {
		t.Fatal(err) // buffered
	}
	if err := w.Flush(); err == nil {
		t.Fatal("the error is lost")
	}
	if err := w.Note(Note{}); err == nil {
		t.Fatal("the error does not stick")
	}
}

func FuzzReadFormat(f *testing.F) {
	for _, c := range badFiles {
		f.Add([]byte(c.file))
	}
	for _, s := range importSamples {
		f.Add([]byte(s.file))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, format := range Formats() {
			h, _, err := ReadFormat(bytes.NewReader(data), format, Limits{Line: 1 << 12, Ops: 1000})
			if err != nil {
				if err.Error() == "" {
					t.Fatal("an error without words")
				}
				continue
			}
			if format != Parley {
				continue
			}
			var again bytes.Buffer
			if err := WriteTo(&again, h); err != nil {
				t.Fatal(err)
			}
			if _, err := ReadFrom(&again, DefaultLimits()); err != nil {
				t.Fatalf("what was read does not read again: %v\n%s", err, again.String())
			}
		}
	})
}

func BenchmarkRead(b *testing.B) {
	var file bytes.Buffer
	w, _ := NewWriter(&file, Header{})
	for i := range 100_000 {
		op := Op{Process: int64(i % 20), Key: fmt.Sprintf("key%d", i%1000), F: Write, In: Int(int64(i)), Call: int64(i * 1000), Return: int64(i*1000 + 500), Outcome: OK, Node: "n1", Level: "linearizable"}
		w.Invoke(&op)
		w.Complete(&op, op.Return)
	}
	w.Flush()
	b.SetBytes(int64(file.Len()))
	for b.Loop() {
		if _, err := ReadFrom(bytes.NewReader(file.Bytes()), DefaultLimits()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(100_000*float64(b.N)/b.Elapsed().Seconds(), "ops/s")
}
