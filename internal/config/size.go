package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Size is a number of bytes, written as "512", "64KiB", "64MiB" or "1GiB".
type Size int64

// Units of Size.
const (
	KiB Size = 1 << 10
	MiB Size = 1 << 20
	GiB Size = 1 << 30
)

var sizeUnits = []struct {
	suffix string
	bytes  Size
}{{"GiB", GiB}, {"MiB", MiB}, {"KiB", KiB}}

// String writes the size in the largest unit that shows it exactly.
func (s Size) String() string {
	for _, u := range sizeUnits {
		if s != 0 && s%u.bytes == 0 {
			return strconv.FormatInt(int64(s/u.bytes), 10) + u.suffix
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// Set parses a size; it makes Size a flag's value.
func (s *Size) Set(text string) error {
	number, unit := text, Size(1)
	for _, u := range sizeUnits {
		if rest, ok := strings.CutSuffix(text, u.suffix); ok {
			number, unit = rest, u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/int64(unit) {
		return fmt.Errorf("size %q: write bytes as 512, 64KiB, 64MiB or 1GiB", text)
	}
	*s = Size(n) * unit
	return nil
}

// Type names the value in the help of a flag.
func (s *Size) Type() string { return "size" }

// UnmarshalText parses a size in a TOML file, where a plain integer is bytes.
func (s *Size) UnmarshalText(text []byte) error { return s.Set(string(text)) }
