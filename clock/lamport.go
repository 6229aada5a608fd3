package clock

// Lamport is a logical clock (Lamport, "Time, Clocks, and the Ordering of
// Events in a Distributed System", CACM 1978, implementation rules IR1 and
// IR2). If event a happened before b, a's time is less than b's. The converse
// does not hold: of two times nothing follows but that the later one did not
// happen before the earlier one. It is for one goroutine; the zero value is a
// clock that has seen nothing.
type Lamport struct {
	time uint64
}

// Time is the time of the last event; 0 before the first.
func (l *Lamport) Time() uint64 { return l.time }

// Tick is a local event, or the sending of a message, and gives its time.
func (l *Lamport) Tick() uint64 {
	l.time++
	return l.time
}

// Receive is the arrival of a message that was sent at the given time, and
// gives the arrival's time.
func (l *Lamport) Receive(sent uint64) uint64 {
	l.time = max(l.time, sent) + 1
	return l.time
}

// Before breaks ties between processes, so that all events get one total
// order: time first, then process (section "Ordering the Events Totally").
func Before(timeA, processA, timeB, processB uint64) bool {
	return timeA < timeB || timeA == timeB && processA < processB
}
