package node

import (
	"encoding/binary"
	"errors"
	"slices"

	"github.com/parleydb/parley/internal/data"
)

// A command in an entry, and in a forwarded request:
//
//	kind 1 byte | once id | watches (count, then key and version) |
//	calls (count, then arguments: count, then bytes)
//
// Counts, lengths and versions are uvarints.

var errCommand = errors.New("command does not read")

// encode is appendRequest into the memory of dst, if that is enough.
func encode(dst []byte, r *Request) []byte {
	size := 32 + len(r.Once)
	for _, w := range r.Watches {
		size += len(w.Key) + 16
	}
	for _, c := range r.Calls {
		for _, a := range c.Args {
			size += len(a) + 4
		}
	}
	return appendRequest(slices.Grow(dst[:0], size), r)
}

func appendRequest(dst []byte, r *Request) []byte {
	dst = append(dst, byte(r.Kind))
	dst = appendBytes(dst, r.Once)
	dst = binary.AppendUvarint(dst, uint64(len(r.Watches)))
	for _, w := range r.Watches {
		dst = binary.AppendUvarint(appendBytes(dst, w.Key), w.Version)
	}
	dst = binary.AppendUvarint(dst, uint64(len(r.Calls)))
	for _, c := range r.Calls {
		dst = binary.AppendUvarint(dst, uint64(len(c.Args)))
		for _, a := range c.Args {
			dst = appendBytes(dst, a)
		}
	}
	return dst
}

func appendBytes(dst, b []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

// decoded is a request read back; its byte slices alias the input. It is
// reused, so that reading one allocates nothing.
type decoded struct {
	kind    Kind
	once    []byte
	watches []Watch
	calls   []Call
	args    [][]byte // behind the calls' Args
}

// forget lets go of the input.
func (d *decoded) forget() {
	d.once = nil
	clear(d.watches)
	clear(d.calls)
	clear(d.args)
}

func (d *decoded) read(b []byte) error {
	r := reader{b: b}
	d.kind = Kind(r.byte())
	d.once = r.bytes()
	d.watches, d.calls, d.args = d.watches[:0], d.calls[:0], d.args[:0]
	for range r.count() {
		w := Watch{Key: r.bytes()}
		w.Version = r.uvarint()
		d.watches = append(d.watches, w)
	}
	for range r.count() {
		start := len(d.args)
		for range r.count() {
			d.args = append(d.args, r.bytes())
		}
		d.calls = append(d.calls, Call{Args: d.args[start:len(d.args):len(d.args)]})
	}
	if r.bad || len(r.b) != 0 {
		return errCommand
	}
	for i := range d.calls {
		if c := &d.calls[i]; len(c.Args) > 0 {
			c.Command = data.Lookup(c.Args[0])
		}
	}
	return nil
}

// reader takes fields off b; a field that is not there sets bad.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.bad = true
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

// count is a number of items of at least one byte each, so it never exceeds
// what is left.
func (r *reader) count() uint64 {
	v := r.uvarint()
	if v > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return 0
	}
	return v
}

func (r *reader) bytes() []byte {
	n := r.count()
	if n == 0 {
		return nil
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}
