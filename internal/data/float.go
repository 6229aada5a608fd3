package data

import (
	"bytes"
	"math/big"
	"regexp"
)

// INCRBYFLOAT computes in C's long double, which on the machines that Redis
// mostly runs on is the 80-bit format of the x87: 64 bits of precision and 15 of
// exponent. big.Float with that precision rounds the same way, and does so on
// every machine, which float64 hardware with fused operations need not.
const (
	longDoublePrec   = 64
	longDoubleMaxExp = 16384  // largest exponent of a finite value, mantissa in [0.5,1)
	longDoubleMinExp = -16444 // that of the smallest denormal
	longDoubleText   = 5 * 1024
	exponentDigits   = 6 // more of them are out of range for any mantissa but zero
)

// The forms that C's strtold reads, without NaN. The groups are the mantissa and
// the exponent's digits.
var (
	decimalForm  = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?0*([0-9]+))?$`)
	hexForm      = regexp.MustCompile(`^[+-]?0[xX]([0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)(?:[pP][+-]?0*([0-9]+))?$`)
	infinityForm = regexp.MustCompile(`^[+-]?(?i:inf|infinity)$`)
)

// parseFloat reads a number as Redis does. The result may be infinite.
func parseFloat(b []byte) (*big.Float, bool) {
	if len(b) == 0 || len(b) >= longDoubleText {
		return nil, false
	}
	f := new(big.Float).SetPrec(longDoublePrec)
	if infinityForm.Match(b) {
		return f.SetInf(b[0] == '-'), true
	}
	base := 10
	m := decimalForm.FindSubmatch(b)
	if m == nil {
		base = 0
		m = hexForm.FindSubmatch(b)
	}
	if m == nil {
		return nil, false
	}
	mantissa, exponent := m[1], m[2]
	if !bytes.ContainsAny(mantissa, "123456789abcdefABCDEF") {
		return f, true // zero, with any exponent
	}
	if len(exponent) > exponentDigits {
		return nil, false
	}
	_, _, err := f.Parse(string(b), base)
	if e := f.MantExp(nil); err != nil || e > longDoubleMaxExp || e < longDoubleMinExp {
		return nil, false
	}
	return f, true
}

// addFloats is not ok when the sum is not a finite number.
func addFloats(a, b *big.Float) (sum *big.Float, ok bool) {
	if a.IsInf() || b.IsInf() {
		return nil, false
	}
	sum = new(big.Float).SetPrec(longDoublePrec).Add(a, b)
	return sum, sum.MantExp(nil) <= longDoubleMaxExp
}

// appendFloat writes 17 digits after the point, without zeros at the end.
func appendFloat(dst []byte, f *big.Float) []byte {
	from := len(dst)
	dst = f.Append(dst, 'f', 17)
	for dst[len(dst)-1] == '0' {
		dst = dst[:len(dst)-1]
	}
	if dst[len(dst)-1] == '.' {
		dst = dst[:len(dst)-1]
	}
	if string(dst[from:]) == "-0" {
		dst = append(dst[:from], '0')
	}
	return dst
}
