package history

import (
	"io"
	"slices"
	"strconv"
	"strings"
)

// jepsenReader turns Jepsen's operations into events.
type jepsenReader struct {
	a       *assembler
	in      interner
	limits  Limits
	count   int64 // time, where the file has none: the place of the event
	keyed   bool  // values are [key value] pairs (jepsen.independent)
	decided bool
	pending []ednForm // what came before it was decided whether values have keys
	invoked bool      // some operation had an invocation
	alone   bool      // some transaction had none
}

// readEDN reads a Jepsen, Knossos or Elle history: operations as EDN maps, one
// after the other or in one vector or list; also Porcupine's key-value logs,
// whose maps have a :key and whose append adds to a string. Elle's short forms
// are taken too: transactions without :f or :process, and files of completions
// alone, whose order of time is then not known.
func readEDN(r io.Reader, limits Limits) (*History, error) {
	e := newEDN(r, limits)
	j := &jepsenReader{a: newAssembler(Header{Sessions: ByProcess}, limits), in: make(interner), limits: limits}
	c, err := e.skip()
	if err != nil {
		return nil, err
	}
	end := map[byte]byte{'[': ']', '(': ')'}[c]
	if end == 0 && c != 0 {
		e.back(c)
	}
	for {
		if end != 0 { // each operation is a form of its own
			if c, err = e.skip(); err != nil {
				return nil, err
			}
			if c == end {
				break
			}
			if c == 0 {
				return nil, e.errorf("the file is cut off: its vector does not end")
			}
			e.back(c)
		}
		e.size = 0
		f, err := e.next()
		if err != nil {
			return nil, err
		}
		if f.kind == 0 {
			break
		}
		if err := j.form(f); err != nil {
			return nil, err
		}
	}
	if err := j.flush(true); err != nil {
		return nil, err
	}
	j.countersAdd()
	return j.a.finish()
}

// maxPending is how many operations are looked at to decide whether values have
// keys.
const maxPending = 10_000

// form takes in one form of the file. The first ones wait until it is clear
// whether values are pairs of a key and a value: not all operations tell.
func (j *jepsenReader) form(f ednForm) error {
	if j.decided {
		return j.lined(&f)
	}
	j.pending = append(j.pending, f)
	switch keyed, tells := tellsKeyed(&f); {
	case tells:
		return j.flush(keyed)
	case len(j.pending) == maxPending:
		return j.flush(true)
	}
	return nil
}

// tellsKeyed says whether an invocation's value has a key, if it tells: a read
// by its shape, a compare-and-set by what its second part is, others if they
// cannot be a pair.
func tellsKeyed(f *ednForm) (keyed, tells bool) {
	kind, _ := f.get("type")
	fn, _ := f.get("f")
	process, _ := f.get("process")
	value, ok := f.get("value")
	if _, err := strconv.ParseInt(process.text, 10, 64); err != nil || kind.text != "invoke" {
		return false, fn.text == ""
	}
	isPair := ok && value.kind == '[' && len(value.elems) == 2
	switch {
	case !isPair || txnNames[fn.text]:
		return false, true
	case fn.text == Read:
		return true, true
	case fn.text == CAS:
		return value.elems[1].kind == '[', true
	}
	return false, false
}

// flush goes on with what waited.
func (j *jepsenReader) flush(keyed bool) error {
	if !j.decided {
		j.decided, j.keyed = true, keyed
	}
	for i := range j.pending {
		if err := j.lined(&j.pending[i]); err != nil {
			return err
		}
	}
	j.pending = nil
	return nil
}

func (j *jepsenReader) lined(f *ednForm) error {
	if err := j.op(f); err != nil {
		return &LineError{f.line, err}
	}
	return nil
}

// txnNames are the names under which Jepsen has transactions; Elle leaves it out.
var txnNames = map[string]bool{"": true, "txn": true, "rw": true, "mop": true}

func (j *jepsenReader) op(f *ednForm) error {
	if f.kind != '{' {
		return errorf("not an operation: want a map with :type, :f, :process and :value, not %v", f)
	}
	kind, _ := f.get("type")
	fn, _ := f.get("f")
	value, _ := f.get("value")
	process, hasProcess := f.get("process")
	isTxn := txnNames[fn.text] && value.kind == '['
	if kind.text == "" || !isTxn && (!hasProcess || fn.text == "") {
		return errorf("an operation without :type, :f or :process")
	}
	j.count++
	now := j.count
	if t, ok := f.get("time"); ok {
		n, err := strconv.ParseInt(t.text, 10, 64)
		if err != nil || n < 0 {
			return errorf(":time is %s, want nanoseconds", t.text)
		}
		now = n
	}
	p, err := strconv.ParseInt(process.text, 10, 64)
	if err != nil && hasProcess { // the nemesis
		j.a.h.Notes = append(j.a.h.Notes, Note{Time: now, Text: strings.TrimSpace(process.text + " " + kind.text + " " + fn.text + " " + value.value().String())})
		return nil
	}
	e := &j.a.e
	*e = event{kind: kind.text, time: now, hasProc: true, hasTime: true}
	e.op.Process = p
	e.op.F = j.in.get([]byte(fn.text))
	key, hasKey := f.get("key")
	if hasKey {
		e.op.Key = j.in.get([]byte(key.value().Text()))
	}
	if err := j.value(e, &value, hasKey); err != nil {
		return err
	}
	if err := j.callFor(e, f.line); err != nil {
		return err
	}
	return j.a.event(e, f.line)
}

// callFor makes the invocation of a transaction of which the file has the
// completion alone. Nothing is then known of time but the order of each process.
func (j *jepsenReader) callFor(e *event, line int) error {
	switch {
	case e.kind == "invoke" && j.alone:
		return errorf("an invocation, but completions before it had none")
	case e.kind == "invoke":
		j.invoked = true
	case !j.invoked && e.op.F == Txn && e.op.Txn != nil:
		j.alone, j.a.h.Header.Timeless = true, true
		call := *e
		call.kind = "invoke"
		call.op.Txn = slices.Clone(e.op.Txn)
		for i := range call.op.Txn {
			call.op.Txn[i].Out = Nil
		}
		return j.a.event(&call, line)
	}
	return nil
}

// countersAdd turns :add into increments where reads gave numbers: Jepsen's
// counters and sets have one name for both.
func (j *jepsenReader) countersAdd() {
	ops := j.a.h.Ops
	numbers := false
	for i := range ops {
		if ops[i].F != Read || ops[i].Outcome != OK || ops[i].Out.IsNil() {
			continue
		}
		if _, isInt := ops[i].Out.Int(); !isInt {
			return
		}
		numbers = true
	}
	for i := range ops {
		if numbers && ops[i].F == Add {
			ops[i].F = Incr
		}
	}
}

// value puts an operation's value where it belongs.
func (j *jepsenReader) value(e *event, value *ednForm, hasKey bool) error {
	op := &e.op
	if txnNames[op.F] {
		op.F = Txn
		if e.kind == "invoke" || e.kind == "ok" || value.kind == '[' && !j.invoked {
			return j.steps(e, value)
		}
		return nil
	}
	if hasKey { // Porcupine's
		op.F = porcupineName(op.F)
		if e.kind == "invoke" {
			j.a.h.Header.Initial = String("")
		}
	}
	if j.keyed && value.kind == '[' && len(value.elems) == 2 {
		op.Key = j.in.get([]byte(value.elems[0].value().Text()))
		value = &value.elems[1]
	}
	v := value.value()
	if e.kind == "invoke" {
		if op.F == Read {
			return nil
		}
		op.In = v
		if op.F == Transfer {
			op.In = transferOf(value)
		}
		return nil
	}
	op.In = resultOf(op.F, v)
	return nil
}

// resultOf is what a completion says beyond its call. Jepsen repeats the
// argument where there is nothing to say.
func resultOf(f string, v Value) Value {
	switch f {
	case Read, Dequeue, Generate:
		return v
	case CAS, Transfer:
		return Bool(true)
	}
	return Nil
}

func porcupineName(f string) string {
	switch f {
	case "get":
		return Read
	case "put":
		return Write
	case "append":
		return Concat
	}
	return f
}

// transferOf takes Jepsen's {:from a, :to b, :amount n}.
func transferOf(f *ednForm) Value {
	from, ok1 := f.get("from")
	to, ok2 := f.get("to")
	amount, ok3 := f.get("amount")
	if !ok1 || !ok2 || !ok3 {
		return f.value()
	}
	return List(from.value(), to.value(), amount.value())
}

func (j *jepsenReader) steps(e *event, f *ednForm) error {
	if f.kind != '[' {
		return errorf("the value of a transaction must be a vector of [f key value]")
	}
	e.op.Txn = []Step{}
	for i := range f.elems {
		m := f.elems[i].elems
		if f.elems[i].kind != '[' || len(m) != 3 {
			return errorf("step %d of the transaction is not [f key value]", i+1)
		}
		st := Step{F: j.in.get([]byte(stepName(m[0].text))), Key: j.in.get([]byte(m[1].value().Text()))}
		if st.F == Read {
			st.Out = m[2].value()
		} else {
			st.In = m[2].value()
		}
		e.op.Txn = append(e.op.Txn, st)
	}
	return nil
}

// readJepsenLog reads the lines that Jepsen's logger writes, as Porcupine's etcd
// logs have them: "INFO  jepsen.util - 3 :invoke :cas [1 2]". Other lines are
// skipped. A compare-and-set that failed did so because it found another value,
// and is judged as that; a read that failed is dropped.
func readJepsenLog(r io.Reader, limits Limits) (*History, error) {
	lines := newLines(r, limits.Line)
	j := &jepsenReader{a: newAssembler(Header{Sessions: ByProcess, Model: "cas-register"}, limits), in: make(interner)}
	for {
		line, err := lines.next()
		if err == io.EOF {
			return j.a.finish()
		}
		if err != nil {
			return nil, err
		}
		fields := strings.Fields(string(line))
		if i := len(fields); i > 0 && fields[0] == "INFO" {
			for i = 0; i < len(fields) && fields[i] != "-"; i++ {
			}
			fields = fields[min(i+1, len(fields)):]
		}
		if len(fields) < 4 || fields[1][0] != ':' {
			continue
		}
		if err := j.logLine(fields, lines.n); err != nil {
			return nil, &LineError{lines.n, err}
		}
	}
}

func (j *jepsenReader) logLine(fields []string, n int) error {
	j.count++
	p, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil {
		j.a.h.Notes = append(j.a.h.Notes, Note{Time: j.count, Text: strings.Join(fields, " ")})
		return nil
	}
	e := &j.a.e
	*e = event{kind: fields[1][1:], time: j.count, hasProc: true, hasTime: true}
	e.op.Process, e.op.F = p, strings.TrimPrefix(fields[2], ":")
	form, err := newEDN(strings.NewReader(strings.Join(fields[3:], " ")), Limits{Line: 1 << 20}).next()
	if err != nil {
		return errorf("the value %q does not read", strings.Join(fields[3:], " "))
	}
	v := form.value()
	switch {
	case e.kind == "fail" && e.op.F == CAS:
		e.kind, e.op.In = "ok", Bool(false)
	case e.kind == "invoke" && e.op.F == Read:
	case e.kind == "invoke":
		e.op.In = v
	case e.kind == "ok":
		e.op.In = resultOf(e.op.F, v)
	}
	return j.a.event(e, n)
}
