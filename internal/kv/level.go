package kv

import (
	"fmt"
	"strings"
	"time"
)

// LevelKind names a consistency level without its parameter.
type LevelKind uint8

// The levels, weakest first. LevelDefault stands for the keyspace's own.
const (
	LevelDefault LevelKind = iota
	LevelEventual
	LevelBounded
	LevelSession
	LevelCausal
	LevelQuorum
	LevelLinearizable
)

var levelNames = [...]string{"default", "eventual", "bounded", "session", "causal", "quorum", "linearizable"}

func (k LevelKind) String() string { return levelNames[k] }

// Level is what one operation asks for. Bound is set for LevelBounded only.
type Level struct {
	Kind  LevelKind
	Bound time.Duration
}

// Linearizable is the default level of a strong keyspace.
var Linearizable = Level{Kind: LevelLinearizable}

// String is the form that ParseLevel reads.
func (l Level) String() string {
	if l.Kind == LevelBounded {
		return "bounded:" + l.Bound.String()
	}
	return l.Kind.String()
}

// ParseLevel reads a level's name, in any case: "session", "bounded:200ms".
func ParseLevel(s string) (Level, error) {
	name, bound, parameter := strings.Cut(strings.ToLower(s), ":")
	if name == "bounded" {
		d, err := time.ParseDuration(bound)
		if err != nil || d <= 0 {
			return Level{}, Errorf(KindLevel, "bounded needs a positive duration, as in bounded:200ms, not %q", bound)
		}
		return Level{Kind: LevelBounded, Bound: d}, nil
	}
	for k := LevelEventual; k <= LevelLinearizable; k++ {
		if k != LevelBounded && name == k.String() && !parameter {
			return Level{Kind: k}, nil
		}
	}
	return Level{}, Errorf(KindLevel, "unknown level %q; levels are eventual, bounded:<duration>, session, causal, quorum, linearizable", s)
}

// StrongLevels are the levels that a strong keyspace gives.
var StrongLevels = []LevelKind{LevelEventual, LevelBounded, LevelSession, LevelCausal, LevelLinearizable}

// CheckStrong refuses a level that a strong keyspace cannot give.
func CheckStrong(l Level) error {
	for _, k := range StrongLevels {
		if l.Kind == k {
			return nil
		}
	}
	return Errorf(KindLevel, "a strong keyspace does not give %s; it gives eventual, bounded:<duration>, session, causal, linearizable", l)
}

var _ fmt.Stringer = Level{}
