package sim

import (
	"sort"
	"strings"

	"github.com/parleydb/parley/internal/kv"
)

// checkSession judges read your writes and monotonic reads (Terry et al.,
// "Session Guarantees for Weakly Consistent Replicated Data", PDIS 1994). What
// any operation of the session showed counts; the reads at level session or
// above must not show less.
func checkSession(h *history, report func(string, ...any)) {
	type place struct {
		session int
		key     string
	}
	for _, ops := range h.versions() {
		wrote, saw := map[place]versioned{}, map[place]versioned{}
		for _, op := range ops {
			at := place{op.session, op.key}
			if !op.ok() {
				continue
			}
			if op.write {
				if op.version > wrote[at].version {
					wrote[at] = op
				}
				continue
			}
			if op.level.Kind >= kv.LevelSession {
				if w := wrote[at]; op.version < w.version {
					report("read your writes: %v does not show %v", op, w)
				}
				if r := saw[at]; op.version < r.version {
					report("monotonic reads: %v shows less than %v", op, r)
				}
			}
			if op.version > saw[at].version {
				saw[at] = op
			}
		}
	}
}

// checkBounded holds bounded reads against the clock of the simulation. The
// bound is kept by clocks that may differ.
func checkBounded(h *history, report func(string, ...any)) {
	for _, ops := range h.versions() {
		var acked []versioned
		for _, op := range ops {
			if op.write && op.ok() {
				acked = append(acked, op)
			}
		}
		sort.SliceStable(acked, func(i, j int) bool { return acked[i].ret < acked[j].ret })
		for _, op := range ops {
			if op.write || op.level.Kind != kv.LevelBounded || !op.ok() {
				continue
			}
			if op.staleness > op.level.Bound {
				report("%v states staleness %v, more than its bound %v", op, op.staleness, op.level.Bound)
			}
			since := op.call - op.level.Bound - h.skew
			for _, w := range acked {
				if w.ret >= since {
					break
				}
				if w.version > op.version {
					report("%v at bounded:%v does not show %v", op, op.level.Bound, w)
				}
			}
		}
	}
}

// checkPrefix judges what even eventual reads promise: a state that there was.
func checkPrefix(h *history, report func(string, ...any)) {
	keys, byKey := h.of(verbLog)
	for _, k := range keys {
		for _, r := range byKey[k] {
			if r.ok() && !strings.HasPrefix(h.final[k], text(r.reply)) {
				report("a read of %s at %v at n%d, %v, showed %q, which %q never was", k, r.level, r.node, r.call, text(r.reply), h.final[k])
			}
		}
	}
}
