package disk

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// The value cache has every key's newest value as soon as no generation has it
// any more, however changes fall into generations of which up to two are still
// in the background: a late value never comes over a newer one, and none is
// read from Pebble again.
func TestCacheIsUpToDate(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 0))
			d := memDisk(t, background)
			s := d.State(1)
			want := map[string]string{}
			var releases []func()
			releaseAll := func() {
				for _, release := range releases {
					release()
				}
				releases = nil
			}
			t.Cleanup(releaseAll)
			for i := range 300 {
				key := fmt.Sprint("key", rnd.IntN(6))
				switch n := rnd.IntN(12); {
				case n == 0 && len(d.chain) < maxChain:
					cover(d, 1, uint64(i+1))
					releases = append(releases, held(d))
					d.freeze(d.touched)
				case n == 1 && len(d.chain) > 0:
					releases[0]()
					releases = releases[1:]
					d.await()
				case n == 2:
					s.Delete([]byte(key))
					delete(want, key)
				case n < 8:
					want[key] = fmt.Sprint(i)
					s.Set([]byte(key), []byte(want[key]))
				}
				for k := range 6 {
					key := fmt.Sprint("key", k)
					if got, ok := s.Get([]byte(key)); string(got) != want[key] || ok != (want[key] != "") {
						t.Fatalf("step %d: %s is %q, %v, want %q", i, key, got, ok, want[key])
					}
				}
			}
			releaseAll()
			cover(d, 1, 1000)
			settle(t, d)
			if m := d.Metrics(); m.CacheHits == 0 || m.CacheMisses > 0 {
				t.Errorf("%d reads found by the cache, %d in Pebble", m.CacheHits, m.CacheMisses)
			}
		})
	}
}
