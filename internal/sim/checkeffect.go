package sim

import (
	"strings"

	"github.com/parleydb/parley/internal/kv"
)

// times counts a word in a log.
func times(log, word string) (n int) {
	for w := range strings.SplitAfterSeq(log, ";") {
		if w == word {
			n++
		}
	}
	return n
}

// checkDurability looks for acknowledged writes in the last state.
func checkDurability(h *history, report func(string, ...any)) {
	keys, byKey := h.of(verbAppend)
	for _, k := range keys {
		for _, r := range byKey[k] {
			if r.ok() && times(h.final[k], r.value) == 0 {
				report("append of %s to %s was acknowledged at %v by n%d and is gone", r.value, k, r.ret, r.node)
			}
		}
	}
	keys, byKey = h.of(verbIncr)
	for _, k := range keys {
		last := h.count(k)
		by := map[int64]*record{}
		for _, r := range byKey[k] {
			n, _ := number(r.reply)
			switch {
			case !r.ok():
			case n > last:
				report("incr of %s to %d was acknowledged at %v by n%d, and it ends at %d", k, n, r.ret, r.node, last)
			case by[n] != nil:
				report("%s was counted to %d twice, at %v by n%d and at %v by n%d: one is lost", k, n, by[n].ret, by[n].node, r.ret, r.node)
			}
			by[n] = r
		}
	}
}

// checkOnce looks for effects that came twice.
func checkOnce(h *history, report func(string, ...any)) {
	keys, byKey := h.of(verbAppend)
	for _, k := range keys {
		for _, r := range byKey[k] {
			if n := times(h.final[k], r.value); n > 1 {
				report("append of %s to %s at %v (id %q, %s) took effect %d times", r.value, k, r.call, r.id, r.outcome, n)
			}
			for _, other := range r.again {
				if r.ok() && other != r.reply {
					report("append of %s with id %s got the reply %q first and %q later", r.value, r.id, r.reply, other)
				}
			}
		}
	}
	keys, byKey = h.of(verbIncr)
	for _, k := range keys {
		last := h.count(k)
		most := int64(0)
		for _, r := range byKey[k] {
			if r.outcome != kv.OutcomeFailed {
				most++
			}
		}
		if last > most {
			report("%s is at %d after %d increments that may have happened", k, last, most)
		}
	}
}

// checkOutcome looks for effects that were denied.
func checkOutcome(h *history, report func(string, ...any)) {
	keys, byKey := h.of(verbAppend)
	for _, k := range keys {
		for _, r := range byKey[k] {
			if r.outcome != kv.OutcomeFailed || times(h.final[k], r.value) == 0 {
				continue
			}
			if r.outcast {
				report("OUTCOME said at %v that %s was never appended to %s, and it is there", r.ret, r.value, k)
			} else {
				report("append of %s to %s was answered at %v by n%d as failed (%q), and it is there", r.value, k, r.ret, r.node, r.reply)
			}
		}
	}
}

// checkExpiry holds what readers saw of leases against the stamps of their
// receipts alone: the same stamp must decide alike on every node, whatever its
// clock says.
func checkExpiry(h *history, report func(string, ...any)) {
	_, leases := h.of(verbLease)
	keys, looks := h.of(verbLook)
	for _, k := range keys {
		set := leases[k][0]
		if set.outcome == kv.OutcomeUnknown {
			continue
		}
		deadline := set.stamp.Millis() + set.ttl.Milliseconds()
		for _, r := range looks[k] {
			if !r.ok() || r.stamp == set.stamp {
				continue
			}
			shown := text(r.reply) != ""
			switch should := set.ok() && r.stamp > set.stamp && r.stamp.Millis() < deadline; {
			case shown && !should:
				report("%s, set at stamp %v for %v, shows at n%d at stamp %v (%v)", k, set.stamp, set.ttl, r.node, r.stamp, r.level)
			case !shown && should:
				report("%s, set at stamp %v for %v, does not show at n%d at stamp %v (%v)", k, set.stamp, set.ttl, r.node, r.stamp, r.level)
			}
		}
	}
}
