package check

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/parleydb/parley/history"
)

// buildBank makes the machine of a bank: accounts by name, whose balances a
// read gives all at once and a transfer changes two of. A transfer that said
// false did nothing.
func buildBank(ops []*history.Op, initial func(string) history.Value) (machine, int32, error) {
	start := make(map[string]int64)
	var names []string
	missing := ""
	account := func(name string) {
		if _, ok := start[name]; !ok {
			n, ok := initial(name).Int()
			if !ok {
				missing = name
			}
			start[name] = n
			names = append(names, name)
		}
	}
	for _, op := range ops {
		balances, ok := balancesOf(op.Out)
		if op.F == history.Read && ok {
			for _, b := range balances {
				account(b.name)
			}
		}
		if t, ok := transferOf(op); ok {
			account(t.from)
			account(t.to)
		}
	}
	if missing != "" {
		return nil, 0, fmt.Errorf("what account %s holds at first is not known: it must be in the header's initials, or in --initial", missing)
	}
	slices.Sort(names)
	m := newWords(applyBank(names))
	for _, op := range ops {
		w := wordOp{f: op.F, known: op.Outcome == history.OK}
		switch t, isTransfer := transferOf(op); {
		case isTransfer:
			w.parts, w.amount = []string{t.from, t.to}, t.amount
			if w.known && op.Out == history.Bool(false) {
				w.f = "nothing"
			}
		case op.F == history.Read:
			balances, _ := balancesOf(op.Out)
			w.out = balancesText(names, balances)
		default:
			return nil, 0, errNotInModel("a bank", op)
		}
		m.ops = append(m.ops, w)
	}
	first := make([]balance, 0, len(names))
	for _, n := range names {
		first = append(first, balance{n, start[n]})
	}
	return m, m.number(balancesText(names, first)), nil
}

type transfer struct {
	from, to string
	amount   int64
}

func transferOf(op *history.Op) (transfer, bool) {
	e := op.In.Elems()
	if op.F != history.Transfer || len(e) != 3 {
		return transfer{}, false
	}
	n, ok := e[2].Int()
	return transfer{e[0].Text(), e[1].Text(), n}, ok
}

type balance struct {
	name   string
	amount int64
}

// balancesOf reads [[account, amount], …]; false if it is something else.
func balancesOf(v history.Value) ([]balance, bool) {
	if !v.IsList() {
		return nil, false
	}
	var out []balance
	for _, e := range v.Elems() {
		p := e.Elems()
		if len(p) != 2 {
			return nil, false
		}
		n, ok := p[1].Int()
		if !ok {
			return nil, false
		}
		out = append(out, balance{p[0].Text(), n})
	}
	return out, true
}

func balancesText(names []string, bs []balance) string {
	by := make(map[string]int64, len(bs))
	for _, b := range bs {
		by[b.name] = b.amount
	}
	parts := make([]string, len(names))
	for i, n := range names {
		if a, ok := by[n]; ok {
			parts[i] = strconv.FormatInt(a, 10)
		}
	}
	return strings.Join(parts, " ")
}

func applyBank(names []string) func(string, *wordOp) (string, bool) {
	return func(state string, op *wordOp) (string, bool) {
		switch op.f {
		case history.Read:
			return state, !op.known || state == op.out
		case history.Transfer:
			parts := strings.Split(state, " ")
			for i, name := range op.parts {
				k, _ := slices.BinarySearch(names, name)
				n, _ := strconv.ParseInt(parts[k], 10, 64)
				parts[k] = fmt.Sprint(n + op.amount*int64(2*i-1))
			}
			return strings.Join(parts, " "), true
		}
		return state, true
	}
}

// Bank checks the total of a bank: every read shows all accounts, their sum is
// always the same, and no balance is below zero unless overdraft is allowed.
// It is Jepsen's bank test: a total that changes shows a transaction that was
// seen half done. total is the sum that must be found; nil means that of the
// initial values, or of the first read if there are none. O(sum of the sizes of
// reads).
func Bank(h *history.History, total *int64, overdraft bool) Result {
	const level = "bank"
	ops := byCall(h.Ops)
	if total == nil && len(h.Header.Initials) > 0 {
		sum := int64(0)
		for _, v := range h.Header.Initials {
			n, _ := v.Int()
			sum += n
		}
		total = &sum
	}
	res := holds(level, len(h.Ops))
	accounts := len(h.Header.Initials)
	reads := 0
	for _, i := range ops {
		op := &h.Ops[i]
		if op.F != history.Read || op.Outcome != history.OK {
			continue
		}
		balances, ok := balancesOf(op.Out)
		if !ok {
			return unknown(level, len(h.Ops), "a read of all accounts must give {account: amount, …}, not %s%s", op.Out, inLine(op))
		}
		reads++
		sum := int64(0)
		for _, b := range balances {
			sum += b.amount
			if b.amount < 0 && !overdraft {
				res.add(Violation{"negative balance", b.name, []int{i}, fmt.Sprintf("%s: account %s has %d, which is below zero", tell(op), b.name, b.amount)})
			}
		}
		if total == nil {
			total, accounts = &sum, max(accounts, len(balances))
		}
		switch {
		case len(balances) < accounts:
			res.add(Violation{"missing account", "", []int{i}, fmt.Sprintf("%s: it shows %d accounts of %d", tell(op), len(balances), accounts)})
		case sum != *total:
			res.add(Violation{"wrong total", "", []int{i}, fmt.Sprintf("%s: the accounts hold %d together, but must hold %d", tell(op), sum, *total)})
		}
	}
	if reads == 0 {
		return unknown(level, len(h.Ops), "no read of all accounts was answered")
	}
	return res
}
