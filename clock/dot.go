package clock

import (
	"fmt"
	"strconv"
	"strings"
)

// Dot names one event of one replica: the Counter-th that it made, counted
// from 1. The zero Dot names nothing. Dots are the events of Preguiça,
// Baquero, Almeida, Fonte and Gonçalves, "Dotted Version Vectors" (2010).
type Dot struct {
	Replica uint64
	Counter uint64
}

// IsZero tells the dot that names nothing.
func (d Dot) IsZero() bool { return d.Counter == 0 }

// Compare orders dots by replica, then counter. It is for sorting and says
// nothing of which event happened first.
func (d Dot) Compare(o Dot) int {
	if d.Replica != o.Replica {
		return compare(d.Replica, o.Replica)
	}
	return compare(d.Counter, o.Counter)
}

func compare(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// String is "<replica>:<counter>".
func (d Dot) String() string { return fmt.Sprintf("%d:%d", d.Replica, d.Counter) }

// ParseDot reads what String wrote.
func ParseDot(s string) (Dot, error) {
	r, c, ok := strings.Cut(s, ":")
	replica, err1 := strconv.ParseUint(r, 10, 64)
	counter, err2 := strconv.ParseUint(c, 10, 64)
	if !ok || err1 != nil || err2 != nil || counter == 0 {
		return Dot{}, fmt.Errorf("%q is not a dot: want <replica>:<counter>, both numbers, the counter from 1", s)
	}
	return Dot{Replica: replica, Counter: counter}, nil
}
