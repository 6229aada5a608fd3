package kv

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/parleydb/parley/clock"
)

func TestTokenRoundTripAndDamage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tok := Token{Cluster: rapid.Uint64().Draw(t, "cluster"), Strong: clock.Timestamp(rapid.Uint64().Draw(t, "strong"))}
		for _, s := range rapid.SliceOfN(rapid.Uint64(), 0, 5).Draw(t, "sites") {
			tok.Sites = append(tok.Sites, clock.Timestamp(s))
		}
		text := tok.Encode()
		got, err := DecodeToken(text, tok.Cluster)
		if err != nil || got.Strong != tok.Strong || !slices.Equal(got.Sites, tok.Sites) {
			t.Fatalf("%+v read back as %+v, %v", tok, got, err)
		}
		if _, err := DecodeToken(text, tok.Cluster+1); KindOf(err) != KindToken {
			t.Fatalf("a token of another cluster: %v", err)
		}
		i := rapid.IntRange(0, len(text)-2).Draw(t, "at")
		damaged := []byte(text)
		damaged[i] = map[bool]byte{true: 'A', false: 'B'}[damaged[i] != 'A']
		if _, err := DecodeToken(string(damaged), tok.Cluster); err == nil {
			t.Fatalf("a damaged token was read")
		}
	})
}

func TestLevels(t *testing.T) {
	for _, s := range []string{"eventual", "session", "causal", "quorum", "linearizable", "bounded:200ms"} {
		l, err := ParseLevel(s)
		if err != nil || l.String() != s {
			t.Errorf("%s: %v, %v", s, l, err)
		}
		if err := CheckStrong(l); (err != nil) != (s == "quorum") {
			t.Errorf("a strong keyspace and %s: %v", s, err)
		}
	}
	for _, s := range []string{"", "bounded", "bounded:", "bounded:-1s", "session:1s", "strong"} {
		if _, err := ParseLevel(s); KindOf(err) != KindLevel {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func FuzzDecodeToken(f *testing.F) {
	f.Add(Token{Cluster: 1, Strong: 2, Sites: []clock.Timestamp{3}}.Encode())
	f.Fuzz(func(t *testing.T, s string) {
		if tok, err := DecodeToken(s, 1); err == nil && len(tok.Sites) > len(s) {
			t.Fatalf("%d sites from %d bytes", len(tok.Sites), len(s))
		}
	})
}
