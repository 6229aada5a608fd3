package history

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

func errorf(format string, args ...any) error { return fmt.Errorf(format, args...) }

// sessionsBuilder collects transactions of sessions that have no clock.
type sessionsBuilder struct {
	h      History
	limits Limits
	zeros  map[string]bool // keys to which 0 is written: their initial value is not 0
	unset  [][2]int        // operations and steps that read what was there at first, whatever that is
	clock  map[string]int64
}

func newSessions(limits Limits) *sessionsBuilder {
	return &sessionsBuilder{
		h: History{Header: Header{Initial: Int(0), Sessions: ByField, Timeless: true}}, limits: limits,
		zeros: make(map[string]bool), clock: make(map[string]int64),
	}
}

// begin starts a transaction of a session and gives its number.
func (b *sessionsBuilder) begin(session string, line int, outcome Outcome) (int, error) {
	if len(b.h.Ops) == b.limits.Ops {
		return 0, limitErrorf("more than %d operations", b.limits.Ops)
	}
	t := b.clock[session]
	b.clock[session] += 2
	b.h.Ops = append(b.h.Ops, Op{Session: session, F: Txn, Txn: []Step{}, Outcome: outcome, Call: t, Return: t + 1, Line: line})
	return len(b.h.Ops) - 1, nil
}

func (b *sessionsBuilder) step(i int, write bool, key, value string) {
	op := &b.h.Ops[i]
	if !write {
		op.Txn = append(op.Txn, Step{F: Read, Key: key, Out: String(value)})
		return
	}
	op.Txn = append(op.Txn, Step{F: Write, Key: key, In: String(value)})
	if value == "0" {
		b.zeros[key] = true
	}
}

// readUnset adds a read of a key that nothing was written to yet.
func (b *sessionsBuilder) readUnset(i int, key string) {
	op := &b.h.Ops[i]
	b.unset = append(b.unset, [2]int{i, len(op.Txn)})
	op.Txn = append(op.Txn, Step{F: Read, Key: key})
}

// finish gives the history. Where 0 is written, it was not there before.
func (b *sessionsBuilder) finish() *History {
	if len(b.zeros) > 0 {
		b.h.Header.Initials = make(map[string]Value, len(b.zeros))
		for k := range b.zeros {
			b.h.Header.Initials[k] = Nil
		}
	}
	for _, at := range b.unset {
		s := &b.h.Ops[at[0]].Txn[at[1]]
		s.Out = b.h.Header.InitialOf(s.Key)
	}
	return &b.h
}

// readPlume reads the text of Plume, PolySI and AWDIT: a line per step,
// r(key,value,session,transaction) or w(…). Transaction -1 failed. A session's
// transactions are in the order of their first lines. Keys hold 0 at first.
func readPlume(r io.Reader, limits Limits) (*History, error) {
	type txnName struct{ session, txn string }
	b := newSessions(limits)
	txns := make(map[txnName]int)
	in := make(interner)
	err := eachLine(r, limits, func(line []byte, n int, last bool) error {
		body, ok := strings.CutSuffix(string(line), ")")
		if !ok || len(body) < 2 || body[1] != '(' || body[0] != 'r' && body[0] != 'w' {
			if last {
				return errors.New("the file is cut off in the middle of this line")
			}
			return fmt.Errorf("%q is not r(key,value,session,transaction) or w(…)", line)
		}
		parts := strings.Split(body[2:], ",")
		if len(parts) != 4 {
			return fmt.Errorf("%d numbers, want key, value, session and transaction", len(parts))
		}
		for i, p := range parts {
			parts[i] = strings.TrimSpace(p)
			if !isNumber(parts[i]) {
				return fmt.Errorf("%q is not a number", parts[i])
			}
		}
		key, value, name := in.get([]byte(parts[0])), parts[1], txnName{parts[2], parts[3]}
		i, ok := txns[name]
		if !ok || name.txn == "-1" {
			outcome := OK
			if name.txn == "-1" {
				outcome = Fail
			}
			var err error
			if i, err = b.begin(in.get([]byte(parts[2])), n, outcome); err != nil {
				return err
			}
			txns[name] = i
		}
		b.step(i, body[0] == 'w', key, value)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return b.finish(), nil
}

// isNumber takes signed and unsigned numbers of 64 bits: keys may be hashes.
func isNumber(s string) bool {
	_, err := strconv.ParseInt(s, 10, 64)
	_, errUnsigned := strconv.ParseUint(s, 10, 64)
	return err == nil || errUnsigned == nil
}

// readAWDIT reads AWDIT's text for tests: "w key value" and "r key value", a
// line of dashes between transactions, of equal signs between sessions.
func readAWDIT(r io.Reader, limits Limits) (*History, error) {
	b := newSessions(limits)
	session, open := 1, -1
	err := eachLine(r, limits, func(line []byte, n int, last bool) error {
		text := strings.TrimSpace(string(line))
		switch {
		case text == "":
			return nil
		case strings.Trim(text, "-") == "":
			open = -1
			return nil
		case strings.Trim(text, "=") == "":
			session++
			open = -1
			return nil
		}
		f := strings.Fields(text)
		if len(f) != 3 || f[0] != "r" && f[0] != "w" {
			if last {
				return errors.New("the file is cut off in the middle of this line")
			}
			return fmt.Errorf("%q is not \"r key value\" or \"w key value\"", text)
		}
		if open < 0 {
			var err error
			if open, err = b.begin(strconv.Itoa(session), n, OK); err != nil {
				return err
			}
		}
		b.step(open, f[0] == "w", f[1], f[2])
		return nil
	})
	if err != nil {
		return nil, err
	}
	return b.finish(), nil
}

// eachLine calls fn for each line that is not empty; its errors get the number.
func eachLine(r io.Reader, limits Limits, fn func(line []byte, n int, last bool) error) error {
	lines := newLines(r, limits.Line)
	for {
		line, err := lines.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if len(line) == 0 {
			continue
		}
		if err := fn(line, lines.n, lines.last); err != nil {
			return &LineError{lines.n, err}
		}
	}
}
