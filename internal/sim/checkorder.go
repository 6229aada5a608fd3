package sim

import (
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/parleydb/parley/internal/kv"
)

// position is where a word of a log ends in it.
func position(log, word string) (int64, bool) {
	i := 0
	if !strings.HasPrefix(log, word) {
		at := strings.Index(log, ";"+word)
		if at < 0 {
			return 0, false
		}
		i = at + 1
	}
	return int64(i + len(word)), true
}

// judgeTime bounds Porcupine on one history.
const judgeTime = 10 * time.Second

// checkLinearizable holds the operations on logs and counters against each
// other: versions must follow the order of real time. Versions are unique among
// writes, so this decides linearizability of the object (as in Knossos' and
// Elle's "recoverable" registers: Kingsbury and Alvaro, "Elle", VLDB 2020,
// section 4). Pairs have no versions: Porcupine searches.
func checkLinearizable(h *history, report func(string, ...any)) {
	for _, ops := range h.versions() {
		ops = slices.DeleteFunc(ops, func(v versioned) bool { return v.level.Kind != kv.LevelLinearizable })
		byRet := slices.Clone(ops)
		sort.SliceStable(byRet, func(i, j int) bool { return byRet[i].ret < byRet[j].ret })
		var latest *versioned // the highest version of those that ended
		n := 0
		for i := range ops {
			op := &ops[i]
			for n < len(byRet) && byRet[n].ret < op.call {
				if latest == nil || byRet[n].version > latest.version {
					latest = &byRet[n]
				}
				n++
			}
			if latest != nil && (op.version < latest.version || op.write && op.version == latest.version) {
				report("%v came after %v and is older", op, latest)
			}
		}
	}
	checkPairs(h, report)
}

func checkPairs(h *history, report func(string, ...any)) {
	var ops []porcupine.Operation
	seen, deleted := shown(h), deletions(h)
	for _, r := range h.records {
		if pairOf(r) == "" || r.outcome == kv.OutcomeFailed {
			continue
		}
		reads := r.verb == verbGet || r.verb == verbPair
		if r.outcome == kv.OutcomeUnknown && (reads || r.value != "" && !seen[r.value] && deleted[pairOf(r)] < r.call) {
			continue // one that nobody saw may as well come last
		}
		ops = append(ops, porcupine.Operation{ClientId: r.session, Input: r, Call: int64(r.call), Output: r, Return: int64(r.ret)})
	}
	switch porcupine.CheckOperationsTimeout(pairModel, ops, judgeTime) {
	case porcupine.Illegal:
		report("the history of the pairs of keys has no order that explains all replies")
	case porcupine.Unknown:
		h.unjudged = true
	}
}

// deletions are, by pair, when the last deletion that found something ended: it
// saw a write, though not of what.
func deletions(h *history) map[string]time.Duration {
	last := map[string]time.Duration{}
	for _, r := range h.records {
		if n, _ := number(r.reply); r.verb == verbDel && r.ok() && n == 1 {
			last[pairOf(r)] = max(last[pairOf(r)], r.ret)
		}
	}
	return last
}

// shown are the values that some reply or expectation names.
func shown(h *history) map[string]bool {
	seen := map[string]bool{}
	for _, r := range h.records {
		if pairOf(r) == "" {
			continue
		}
		seen[r.old] = true
		rest := strings.TrimPrefix(r.reply, "*2\r\n")
		for range 2 {
			s, after, _ := bulk(rest)
			seen[s], rest = true, after
		}
	}
	return seen
}

// pairOf is the pair that an operation is on; "" for none.
func pairOf(r *record) string {
	switch r.verb {
	case verbBoth, verbPair:
		return r.key
	case verbGet, verbSet, verbDel, verbCAS:
		return r.key[1:strings.Index(r.key, "}")]
	}
	return ""
}

// pairState are the values of keys a and b; "" for no key.
type pairState struct{ a, b string }

func (s *pairState) at(key string) *string {
	if strings.HasSuffix(key, "a") {
		return &s.a
	}
	return &s.b
}

// pairModel is a pair of keys.
var pairModel = porcupine.Model{
	Partition: func(ops []porcupine.Operation) [][]porcupine.Operation {
		var keys []string
		byKey := map[string][]porcupine.Operation{}
		for _, o := range ops {
			k := pairOf(o.Input.(*record))
			if byKey[k] == nil {
				keys = append(keys, k)
			}
			byKey[k] = append(byKey[k], o)
		}
		var parts [][]porcupine.Operation
		for _, k := range keys {
			parts = append(parts, byKey[k])
		}
		return parts
	},
	Init: func() any { return pairState{} },
	Step: func(state, in, _ any) (bool, any) {
		s, r := state.(pairState), in.(*record)
		return stepPair(s, r)
	},
}

const (
	replyOK        = "+OK\r\n"
	replyAborted   = "_\r\n"
	replyAbortedTx = "*-1\r\n"
)

// stepPair says whether r may follow the state, and the state after it.
func stepPair(s pairState, r *record) (bool, any) {
	known := r.ok()
	switch r.verb {
	case verbGet:
		return text(r.reply) == *s.at(r.key), s
	case verbPair:
		rest, _ := strings.CutPrefix(r.reply, "*2\r\n")
		a, rest, _ := bulk(rest)
		b, _, ok := bulk(rest)
		return ok && a == s.a && b == s.b, s
	case verbSet:
		*s.at(r.key) = r.value
		return !known || r.reply == replyOK, s
	case verbBoth:
		return !known || r.reply == "*2\r\n"+replyOK+replyOK, pairState{r.value, r.value}
	case verbDel:
		n, _ := number(r.reply)
		had := *s.at(r.key) != ""
		*s.at(r.key) = ""
		return !known || had == (n == 1), s
	case verbCAS:
		aborted := r.reply == replyAborted || r.reply == replyAbortedTx
		if known && aborted {
			return true, s
		}
		if *s.at(r.key) != r.old {
			return !known, s // unknown: then it was aborted
		}
		*s.at(r.key) = r.value
		return true, s
	}
	return false, s
}
