package history

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"
)

// importSamples are small files of each foreign format and what they say.
var importSamples = []struct{ name, format, file, want string }{
	{"edn lines", EDN, `{:type :invoke, :f :read, :process 0, :time 10, :value nil, :index 0}
{:type :invoke :f :write :process 1 :time 11 :value 3} ; a comment
{:process :nemesis, :type :info, :f :start, :value "cut off", :time 12}
{:type :ok :f :read :process 0 :time 13 :value 3}
{:type :info :f :write :process 1 :time 14 :value 3 :error :timeout}
{:type :invoke :f :cas :process 2 :time 15 :value [3 4]}
{:type :fail :f :cas :process 2 :time 16 :value [3 4]}`,
		"0 read  ->3 ok 10..13; 1 write 3 ->null info 11..never; 2 cas [3 4] ->null fail 15..16"},
	{"edn vector with keys", EDN, `[{:type :invoke, :f :read, :value [7 nil], :process 0, :time 1}
 {:type :ok, :f :read, :value [7 nil], :process 0, :time 2}
 {:type :invoke, :f :cas, :value [7 [1 2]], :process 0, :time 3}
 #jepsen.history.Op{:type :ok, :f :cas, :value [7 [1 2]], :process 0, :time 4}]`,
		"0 read 7 ->null ok 1..2; 0 cas 7 [1 2] ->true ok 3..4"},
	{"edn transactions", EDN, `{:type :invoke, :f :txn, :value [[:r 1 nil] [:append 2 5]], :process 0}
{:type :ok, :f :txn, :value [[:r 1 [4 3]] [:append 2 5]], :process 0}`,
		"0 txn{read 1 [4 3], append 2 5} ->null ok 1..2"},
	{"knossos list", EDN, `({:type :invoke, :f :write, :value 0, :process 0}
 {:type :ok, :f :write, :value 0, :process 0}
 ; a comment
 {:type :invoke, :f :read, :value nil, :process 1}
)`,
		"0 write 0 ->null ok 1..2; 1 read  ->null info 3..never"},
	{"edn writes before reads tell of keys", EDN, `{:type :invoke, :f :write, :value [7 3], :process 0}
{:type :ok, :f :write, :value [7 3], :process 0}
{:type :invoke, :f :read, :value [7 nil], :process 0}
{:type :ok, :f :read, :value [7 3], :process 0}`,
		"0 write 7 3 ->null ok 1..2; 0 read 7 ->3 ok 3..4"},
	{"elle without process and name", EDN, `{:index 0 :type :invoke :value [[:append 253 1] [:r 255 nil]]}
{:index 1 :type :ok :value [[:append 253 1] [:r 255 [2]]]}`,
		"0 txn{append 253 1, read 255 [2]} ->null ok 1..2"},
	{"jepsen counter", EDN, `{:type :invoke, :f :add, :value 2, :process 0}
{:type :ok, :f :add, :value 2, :process 0}
{:type :invoke, :f :read, :value nil, :process 0}
{:type :ok, :f :read, :value 2, :process 0}`,
		"0 incr 2 ->null ok 1..2; 0 read  ->2 ok 3..4"},
	{"dbcop json of 2025", DBCopJSON, `[[{"events":[{"Write":{"variable":0,"version":1}},{"Read":{"variable":1,"version":null}}],"committed":true}],
 [{"events":[{"Read":{"variable":0,"version":1}}],"committed":false}]]`,
		"0/1 txn{write 0 1, read 1 0} ->null ok 0..1; 0/2 txn{read 0 1} ->null fail 0..1"},
	{"dbcop text", DBCopText, "// session 1\n[x:=1 y:=2] [y==2 x:=3]\n---\n[x==1 z==?]\n[x:=4]!\n",
		"0/1 txn{write x 1, write y 2} ->null ok 0..1; 0/1 txn{read y 2, write x 3} ->null ok 2..3; 0/2 txn{read x 1, read z 0} ->null ok 0..1; 0/2 txn{write x 4} ->null fail 2..3"},
	{"plume with hashes", Plume, "w(13296660918851520211,2,0,0)\n", "0/0 txn{write 13296660918851520211 2} ->null ok 0..1"},
	{"edn bank", EDN, `{:type :invoke, :f :transfer, :value {:from 0, :to 1, :amount 5}, :process 0}
{:type :ok, :f :transfer, :value {:from 0, :to 1, :amount 5}, :process 0}
{:type :invoke, :f :read, :value nil, :process 0}
{:type :ok, :f :read, :value {0 5, 1 15}, :process 0}`,
		"0 transfer [0 1 5] ->true ok 1..2; 0 read  ->[[0 5] [1 15]] ok 3..4"},
	{"porcupine kv", EDN, `{:process 1, :type :invoke, :f :append, :key "0", :value "x 1 0 y"}
{:process 1, :type :ok, :f :append, :key "0", :value "x 1 0 y"}
{:process 2, :type :invoke, :f :get, :key "0", :value nil}
{:process 2, :type :ok, :f :get, :key "0", :value "x 1 0 y"}`,
		`1 concat 0 "x 1 0 y" ->null ok 1..2; 2 read 0 ->"x 1 0 y" ok 3..4`},
	{"jepsen log", JepsenLog, "INFO  jepsen.util - 0\t:invoke\t:read\tnil\nnoise\nINFO  jepsen.util - 1\t:invoke\t:cas\t[0 3]\nINFO  jepsen.util - 0\t:ok\t:read\tnil\nINFO  jepsen.util - 1\t:fail\t:cas\t[0 3]\nINFO  jepsen.util - 2\t:invoke\t:write\t4\nINFO  jepsen.util - 2\t:info\t:write\t:timed-out\n",
		"0 read  ->null ok 1..3; 1 cas [0 3] ->false ok 2..4; 2 write 4 ->null info 5..never"},
	{"plume", Plume, "w(1,2,0,0)\nr(1,0,1,5)\nw(3,4,1,5)\nr(1,2,1,6)\nw(9,9,0,-1)\n",
		"0/0 txn{write 1 2} ->null ok 0..1; 0/1 txn{read 1 0, write 3 4} ->null ok 0..1; 0/1 txn{read 1 2} ->null ok 2..3; 0/0 txn{write 9 9} ->null fail 2..3"},
	{"awdit", AWDIT, "w 0 1\nw 1 2\n-----\nr 0 1\n=====\nr 1 0\n",
		"0/1 txn{write 0 1, write 1 2} ->null ok 0..1; 0/1 txn{read 0 1} ->null ok 2..3; 0/2 txn{read 1 0} ->null ok 0..1"},
	{"dbcop json", DBCopJSON, `{"params":{"id":0},"info":"","start":"a","end":"b","data":[[{"events":[{"write":true,"variable":0,"value":1,"success":true},{"write":false,"variable":1,"value":0,"success":false}],"success":true}],[{"events":[{"write":false,"variable":0,"value":1,"success":true}],"success":false}]]}`,
		"0/1 txn{write 0 1} ->null ok 0..1; 0/2 txn{read 0 1} ->null fail 0..1"},
	{"dbcop", DBCop, bincodeSample(),
		"0/1 txn{write 0 1} ->null ok 0..1; 0/2 txn{read 0 1} ->null ok 0..1"},
}

func bincodeSample() string {
	var b []byte
	num := func(ns ...uint64) {
		for _, n := range ns {
			b = binary.LittleEndian.AppendUint64(b, n)
		}
	}
	text := func(s string) { num(uint64(len(s))); b = append(b, s...) }
	num(0, 2, 1, 2, 2)
	text("info")
	text("start")
	text("end")
	num(2)
	num(1, 1)
	b = append(b, 1)
	num(0, 1)
	b = append(b, 1, 1)
	num(1, 1)
	b = append(b, 0)
	num(0, 1)
	b = append(b, 1, 1)
	return string(b)
}

func brief(h *History) string {
	var ops []string
	for i := range h.Ops {
		o := &h.Ops[i]
		s := String(o.SessionName()).Text()
		if o.Session != "" {
			s = "0/" + s
		}
		s += " " + o.F
		if o.F == Txn {
			var steps []string
			for _, st := range o.Txn {
				v := st.In
				if st.F == Read {
					v = st.Out
				}
				steps = append(steps, st.F+" "+st.Key+" "+v.String())
			}
			s += "{" + strings.Join(steps, ", ") + "}"
		} else if o.Key != "" || o.F == Read {
			s += " " + o.Key
		}
		if !o.In.IsNil() {
			s += " " + o.In.String()
		}
		ret := Int(o.Return).Text()
		if o.Return == Never {
			ret = "never"
		}
		ops = append(ops, s+" ->"+o.Out.String()+" "+o.Outcome.String()+" "+Int(o.Call).Text()+".."+ret)
	}
	return strings.Join(ops, "; ")
}

func TestImport(t *testing.T) {
	for _, c := range importSamples {
		t.Run(c.name, func(t *testing.T) {
			h, format, err := ReadFormat(strings.NewReader(c.file), Auto, DefaultLimits())
			if err != nil {
				t.Fatal(err)
			}
			if format != c.format {
				t.Errorf("taken for %s, is %s", format, c.format)
			}
			if got := brief(h); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if timeless := c.format == Plume || c.format == AWDIT || c.format == DBCop || c.format == DBCopJSON || c.format == DBCopText; h.Header.Timeless != timeless {
				t.Errorf("timeless is %v", h.Header.Timeless)
			}
		})
	}
}

// TestImportCutOff: every sample, cut off anywhere, is refused or read as less;
// binary and nested formats are always refused.
func TestImportCutOff(t *testing.T) {
	for _, c := range importSamples {
		t.Run(c.name, func(t *testing.T) {
			for n := range len(c.file) {
				_, _, err := ReadFormat(strings.NewReader(c.file[:n]), c.format, DefaultLimits())
				if (c.format == DBCop || c.format == DBCopJSON) && err == nil {
					t.Fatalf("cut at %d of %d it was read", n, len(c.file))
				}
			}
		})
	}
}

func TestBadImports(t *testing.T) {
	for _, c := range []struct{ name, format, file, want string }{
		{"edn cut off", EDN, "{:type :invoke\n :f :read", "line 2: the file is cut off in the middle of a form that begins in line 1"},
		{"edn vector", EDN, "[{:type :invoke, :f :read, :process 0, :value nil}", "line 1: the file is cut off: its vector does not end"},
		{"edn odd map", EDN, "{:type}", "line 1: a map with a key that has no value"},
		{"edn closing", EDN, "}", "line 1: '}' closes nothing"},
		{"edn other", EDN, "\n\n7", "line 3: not an operation"},
		{"edn time", EDN, "{:type :invoke, :f :read, :process 0, :time x}", "line 1: :time is x"},
		{"edn contradiction", EDN, "{:type :ok, :f :read, :process 0, :value 1}", "line 1: process 0: ok without a call"},
		{"edn zero byte", EDN, "{:type :invoke, :f :read, :process 0, :value nil}\n\x00{:type :ok, :f :read, :process 0, :value 1}", "line 2: a byte of zero"},
		{"edn nesting", EDN, strings.Repeat("[", 100), "nest deeper"},
		{"edn tags", EDN, strings.Repeat("#a ", 100), "nest deeper"},
		{"log", JepsenLog, "INFO  jepsen.util - 0\t:ok\t:read\t3\n", "line 1: process 0: ok without a call"},
		{"plume", Plume, "w(1,2,0,0)\nw(1,2,0)\n", "line 2: 3 numbers"},
		{"plume text", Plume, "w(1,2,0,0)\nw(x,2,0,0)\n", `line 2: "x" is not a number`},
		{"plume cut off", Plume, "w(1,2,0,0)\nw(1,2", "line 2: the file is cut off"},
		{"awdit", AWDIT, "w 1 2\nx 1 2\n", `line 2: "x 1 2" is not`},
		{"dbcop", DBCop, bincodeSample()[:50], "the file is cut off"},
		{"dbcop more", DBCop, bincodeSample() + "x", "something after the last session"},
		{"dbcop json", DBCopJSON, "{\"params\":{},\n\"data\":[[{\"evnts\":[]}]]}", `line 2: unknown field "evnts"`},
		{"unknown", Auto, "what is this", `line 1: no known format begins with "what is this"`},
		{"nothing", Auto, "", "line 1: the file is empty"},
		{"edn half without calls", EDN, "{:type :ok, :process 0, :value [[:w 1 1]]}\n{:type :invoke, :process 0, :value [[:w 1 2]]}", "line 2: an invocation, but completions before it had none"},
		{"dbcop text", DBCopText, "[x:=1]\n[x=1]\n", `line 2: "x=1" is not a write`},
		{"dbcop text cut off", DBCopText, "[x:=1]\n[x:=", "line 2: the file is cut off"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := ReadFormat(strings.NewReader(c.file), c.format, DefaultLimits())
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	if _, _, err := ReadFormat(strings.NewReader("x"), "nonsense", DefaultLimits()); err == nil || !strings.Contains(err.Error(), "unknown format") {
		t.Error(err)
	}
	var line *LineError
	if _, _, err := ReadFormat(strings.NewReader("}"), EDN, DefaultLimits()); !errors.As(err, &line) {
		t.Error("not a LineError")
	}
}

func TestExplicitZerosAreNotInitial(t *testing.T) {
	h, _, err := ReadFormat(strings.NewReader("w(1,0,0,0)\nr(2,0,1,1)\n"), Auto, DefaultLimits())
	if err != nil || h.Header.InitialOf("1") != Nil || h.Header.InitialOf("2") != Int(0) {
		t.Fatalf("%v %+v", err, h.Header)
	}
}

// TestElleCompletionsAlone: without invocations only the order of each process
// is known.
func TestElleCompletionsAlone(t *testing.T) {
	h, format, err := ReadFormat(strings.NewReader("{:process 0, :type :ok, :value [[:append x 1] [:r y [1]]]}\n{:process 1, :type :fail, :value [[:append y 2]]}\n"), Auto, DefaultLimits())
	if err != nil || format != EDN || !h.Header.Timeless || brief(h) != "0 txn{append x 1, read y [1]} ->null ok 1..1; 1 txn{append y 2} ->null fail 2..2" {
		t.Fatalf("%v %s %+v", err, brief(h), h.Header)
	}
}
