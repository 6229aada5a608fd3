package data

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// naiveMatch tries every length of every *.
func naiveMatch(p, s string) bool {
	if p == "" || s == "" {
		return strings.Trim(p, "*") == "" && s == ""
	}
	if p[0] == '*' {
		return naiveMatch(p[1:], s) || naiveMatch(p, s[1:])
	}
	next, ok := matchOne([]byte(p), 0, s[0])
	return ok && naiveMatch(p[next:], s[1:])
}

var hostile = rapid.StringOfN(rapid.SampledFrom([]rune(`ab*?[]^-\`)), 0, 12, -1)

func TestMatchAgainstNaive(t *testing.T) {
	withChecks(t, "3000", func(t *rapid.T) {
		p, s := hostile.Draw(t, "pattern"), hostile.Draw(t, "s")
		if s == "" {
			return // the odd case, which the transcripts show
		}
		if got, want := match([]byte(p), []byte(s)), naiveMatch(p, s); got != want {
			t.Fatalf("%q on %q: %v", p, s, got)
		}
	})
}

// TestMatchIsNotExponential: with the naive way these take longer than the
// universe is old.
func TestMatchIsNotExponential(t *testing.T) {
	s := []byte(strings.Repeat("a", 5000))
	start := time.Now()
	for _, p := range []string{strings.Repeat("a*", 500) + "b", strings.Repeat("*a", 500) + "b", strings.Repeat("*?[a]", 300) + "b", strings.Repeat("*", 5000) + "b"} {
		if match([]byte(p), s) {
			t.Errorf("%.20q... matches", p)
		}
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("took %v", d)
	}
}

func FuzzMatch(f *testing.F) {
	f.Add([]byte("h[^a-c]*\\?"), []byte("hello?"))
	f.Add([]byte("[\\"), []byte("\\"))
	f.Fuzz(func(t *testing.T, p, s []byte) { match(p, s) })
}

// TestMatchAgainstRedis asks a real server about generated patterns.
func TestMatchAgainstRedis(t *testing.T) {
	r := startRedis(t)
	withChecks(t, "1000", func(t *rapid.T) {
		calls := [][]string{{"FLUSHALL"}}
		var patterns, strs []string
		for range 20 {
			s, p := hostile.Draw(t, "s"), hostile.Draw(t, "pattern")
			if p == "*" {
				continue // which KEYS does not even look at
			}
			patterns, strs = append(patterns, p), append(strs, s)
			calls = append(calls, []string{"SET", s, ""}, []string{"KEYS", p}, []string{"DEL", s})
		}
		replies := r.pipeline(calls)[1:]
		for i, p := range patterns {
			if got, want := match([]byte(p), []byte(strs[i])), len(replies[3*i+1].Elems) == 1; got != want {
				t.Fatalf("%q on %q: Redis says %v", p, strs[i], want)
			}
		}
	})
}
