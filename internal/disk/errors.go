package disk

import (
	"errors"
	"fmt"
)

// ErrClosed is the state of a Disk after Close.
var ErrClosed = errors.New("disk is closed")

// ErrSnapshotDamaged says that a received snapshot chunk is not what was sent:
// a bad checksum, a missing chunk or keys out of order. The receiver aborts.
var ErrSnapshotDamaged = errors.New("snapshot chunk is damaged")

const adviceDamaged = "do not delete it: this node may have promised what is written there. " +
	"Check the drive and keep a copy of the directory. Leave the node down and do not start it on an empty or older directory: " +
	"the others go on while a majority of each group lives. See 'What a directory says' in docs/operations.md"

// DamageError says that a file does not hold what was written there. The node
// must take no part in elections with these files.
type DamageError struct {
	File   string
	Offset int64 // bytes from the file's start; -1 if unknown
	Reason string
	Advice string
}

func (e *DamageError) Error() string {
	at := ""
	if e.Offset >= 0 {
		at = fmt.Sprintf(" at offset %d", e.Offset)
	}
	return fmt.Sprintf("%s is damaged%s: %s; %s", e.File, at, e.Reason, e.Advice)
}

func damage(file string, offset int64, format string, args ...any) *DamageError {
	return &DamageError{File: file, Offset: offset, Reason: fmt.Sprintf(format, args...), Advice: adviceDamaged}
}

// FormatError says that another version of the program wrote the directory.
type FormatError struct {
	File         string
	Found, Reads int // versions: the directory's, and the newest of this program
}

func (e *FormatError) Error() string {
	if e.Found < e.Reads {
		return fmt.Sprintf("%s says format version %d, this program reads version %d only: start the older version of the program that wrote it",
			e.File, e.Found, e.Reads)
	}
	return fmt.Sprintf("%s says format version %d, this program reads versions up to %d: start a newer version of the program",
		e.File, e.Found, e.Reads)
}

// LockedError says that another process uses the directory.
type LockedError struct {
	Dir string
	Err error
}

func (e *LockedError) Error() string {
	return fmt.Sprintf("directory %s is in use by another process (%v): stop that one, or use another directory", e.Dir, e.Err)
}

func (e *LockedError) Unwrap() error { return e.Err }
