package resp

import (
	"bufio"
	"bytes"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

func TestRender(t *testing.T) {
	for _, c := range []struct{ name, neutral, two, three string }{
		{"simple", "+OK\r\n", "+OK\r\n", "+OK\r\n"},
		{"error", "-ERR x\r\n", "-ERR x\r\n", "-ERR x\r\n"},
		{"int", ":1\r\n", ":1\r\n", ":1\r\n"},
		{"bulk", "$2\r\nhi\r\n", "$2\r\nhi\r\n", "$2\r\nhi\r\n"},
		{"bulk that looks like null", "$5\r\n*-1\r\n\r\n", "$5\r\n*-1\r\n\r\n", "$5\r\n*-1\r\n\r\n"},
		{"null", "_\r\n", "$-1\r\n", "_\r\n"},
		{"null array", "*-1\r\n", "*-1\r\n", "_\r\n"},
		{"bool", "#t\r\n", ":1\r\n", "#t\r\n"},
		{"false", "#f\r\n", ":0\r\n", "#f\r\n"},
		{"double", ",1.5\r\n", "$3\r\n1.5\r\n", ",1.5\r\n"},
		{"big number", "(123\r\n", "$3\r\n123\r\n", "(123\r\n"},
		{"verbatim", "=6\r\ntxt:hi\r\n", "$2\r\nhi\r\n", "=6\r\ntxt:hi\r\n"},
		{"map", "%1\r\n+a\r\n_\r\n", "*2\r\n+a\r\n$-1\r\n", "%1\r\n+a\r\n_\r\n"},
		{"set", "~1\r\n:1\r\n", "*1\r\n:1\r\n", "~1\r\n:1\r\n"},
		{"push", ">2\r\n+a\r\n*-1\r\n", "*2\r\n+a\r\n*-1\r\n", ">2\r\n+a\r\n_\r\n"},
		{"nested", "*2\r\n%1\r\n$1\r\nk\r\n~1\r\n,2\r\n#t\r\n", "*2\r\n*2\r\n$1\r\nk\r\n*1\r\n$1\r\n2\r\n:1\r\n", "*2\r\n%1\r\n$1\r\nk\r\n~1\r\n,2\r\n#t\r\n"},
		{"null array beside its looks", "*2\r\n*-1\r\n$5\r\n*-1\r\n\r\n", "*2\r\n*-1\r\n$5\r\n*-1\r\n\r\n", "*2\r\n_\r\n$5\r\n*-1\r\n\r\n"},
		{"attribute", "|1\r\n+a\r\n*2\r\n:1\r\n%1\r\n+x\r\n+y\r\n:7\r\n", ":7\r\n", "|1\r\n+a\r\n*2\r\n:1\r\n%1\r\n+x\r\n+y\r\n:7\r\n"},
		{"attribute in an attribute", "|1\r\n+a\r\n|1\r\n+b\r\n+c\r\n:1\r\n:7\r\n", ":7\r\n", "|1\r\n+a\r\n|1\r\n+b\r\n+c\r\n:1\r\n:7\r\n"},
		{"attribute in an array", "*2\r\n|1\r\n+a\r\n+b\r\n_\r\n:7\r\n", "*2\r\n$-1\r\n:7\r\n", "*2\r\n|1\r\n+a\r\n+b\r\n_\r\n:7\r\n"},
		{"several values", "+a\r\n_\r\n*-1\r\n$1\r\na\r\n#t\r\n", "+a\r\n$-1\r\n*-1\r\n$1\r\na\r\n:1\r\n", "+a\r\n_\r\n_\r\n$1\r\na\r\n#t\r\n"},
		{"bulk and more", "$1\r\na\r\n#t\r\n", "$1\r\na\r\n:1\r\n", "$1\r\na\r\n#t\r\n"},
		{"nothing", "", "", ""},
		{"fault", "_\r\nxyz\r\n_\r\n", "$-1\r\nxyz\r\n_\r\n", "_\r\nxyz\r\n_\r\n"},
	} {
		if got := string(Render([]byte("before"), []byte(c.neutral), 2)); got != "before"+c.two {
			t.Errorf("%s, protocol 2: got %q, want %q", c.name, got, c.two)
		}
		if got := string(Render([]byte("before"), []byte(c.neutral), 3)); got != "before"+c.three {
			t.Errorf("%s, protocol 3: got %q, want %q", c.name, got, c.three)
		}
	}
}

// tree is a reply with its neutral encoding and what either protocol reads.
type tree struct {
	neutral    []byte
	two, three Reply
}

func drawTree(t *rapid.T, depth int) tree {
	kinds := 10
	if depth == 0 {
		kinds = 8
	}
	text := func() string { return rapid.String().Draw(t, "text") }
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		s := text()
		return same(AppendBulkString(nil, s), Reply{Kind: KindBulk, Str: s})
	case 1:
		n := rapid.Int64().Draw(t, "int")
		return same(AppendInt(nil, n), Reply{Kind: KindInt, Int: n})
	case 2:
		null := Reply{Kind: KindNull}
		if rapid.Bool().Draw(t, "array") {
			return same(AppendNullArray(nil), null)
		}
		return same(AppendNull(nil), null)
	case 3:
		v := rapid.Bool().Draw(t, "bool")
		n := map[bool]int64{true: 1}[v]
		return tree{AppendBool(nil, v), Reply{Kind: KindInt, Int: n}, Reply{Kind: KindBool, Int: n}}
	case 4:
		f := rapid.Float64().Draw(t, "double")
		return tree{AppendDouble(nil, f), Reply{Kind: KindBulk, Str: string(appendFloat(nil, f))}, Reply{Kind: KindDouble, Float: f}}
	case 5:
		s := text()
		return tree{AppendVerbatim(nil, "mkd", s), Reply{Kind: KindBulk, Str: s}, Reply{Kind: KindVerbatim, Format: "mkd", Str: s}}
	case 6:
		return tree{AppendBigNumber(nil, "12345678901234567890"), Reply{Kind: KindBulk, Str: "12345678901234567890"}, Reply{Kind: KindBigNumber, Str: "12345678901234567890"}}
	case 7:
		return same(AppendError(nil, "ERR x"), Reply{Kind: KindError, Str: "ERR x"})
	case 8:
		return drawAttributed(t, depth)
	}
	return drawAggregate(t, depth)
}

func same(neutral []byte, r Reply) tree { return tree{neutral, r, r} }

func drawAttributed(t *rapid.T, depth int) tree {
	value := drawTree(t, 0)
	key, info := drawTree(t, depth-1), drawTree(t, depth-1)
	neutral := append(append(AppendAttribute(nil, 1), key.neutral...), info.neutral...)
	three := value.three
	three.Attrs = []Reply{key.three, info.three}
	return tree{append(neutral, value.neutral...), value.two, three}
}

func drawAggregate(t *rapid.T, depth int) tree {
	n := rapid.IntRange(0, 4).Draw(t, "n")
	kind := rapid.SampledFrom([]Kind{KindArray, KindMap, KindSet, KindPush}).Draw(t, "aggregate")
	neutral := appendHead(nil, byte(kind), n)
	two, three := Reply{Kind: KindArray, Elems: []Reply{}}, Reply{Kind: kind, Elems: []Reply{}}
	if kind == KindMap {
		n *= 2
	}
	for range n {
		e := drawTree(t, depth-1)
		neutral = append(neutral, e.neutral...)
		two.Elems, three.Elems = append(two.Elems, e.two), append(three.Elems, e.three)
	}
	return tree{neutral, two, three}
}

// Whatever a reply is made of, a client of either protocol reads the tree that
// was meant, and nothing is left over.
func TestRenderIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tr := drawTree(t, 3)
		for proto, want := range map[int]Reply{2: tr.two, 3: tr.three} {
			r := bufio.NewReader(bytes.NewReader(Render(nil, tr.neutral, proto)))
			got, err := ReadReply(r, DefaultLimits())
			if err != nil || describe(got) != describe(want) {
				t.Fatalf("%q, protocol %d: got %v, %v; want %v", tr.neutral, proto, got, err, want)
			}
			if r.Buffered() > 0 {
				t.Fatalf("%q, protocol %d: %d bytes left over", tr.neutral, proto, r.Buffered())
			}
			if Same(tr.neutral) && !bytes.Equal(Render(nil, tr.neutral, proto), tr.neutral) {
				t.Fatalf("%q, protocol %d: it is not the same", tr.neutral, proto)
			}
		}
	})
}

func describe(r Reply) string { return fmt.Sprintf("%+v %v", r.Attrs, r) }

func TestRenderAllocatesNothing(t *testing.T) {
	dst := make([]byte, 0, 1024)
	for _, neutral := range []string{"$5\r\nvalue\r\n", "+OK\r\n", "_\r\n", "%1\r\n$1\r\nk\r\n,1.5\r\n", "*1\r\n*-1\r\n"} {
		in := []byte(neutral)
		for proto := 2; proto <= 3; proto++ {
			if n := testing.AllocsPerRun(100, func() { Render(dst, in, proto) }); n != 0 {
				t.Errorf("%q, protocol %d: %v allocations", in, proto, n)
			}
		}
	}
}

func BenchmarkRender(b *testing.B) {
	bulk := AppendBulk(nil, make([]byte, 100))
	pairs := AppendMap(nil, 100)
	for range 100 {
		pairs = AppendBulk(AppendBulkString(pairs, "field"), make([]byte, 20))
	}
	for name, in := range map[string][]byte{"bulk": bulk, "map of 100": pairs} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var dst []byte
			for b.Loop() {
				dst = Render(dst[:0], in, 2)
			}
		})
	}
}
