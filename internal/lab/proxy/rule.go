package proxy

import "time"

// Cut says how a link is cut.
type Cut uint8

// The ways of cutting, mildest first.
const (
	Open  Cut = iota
	Hold      // bytes wait until the cut ends
	Drop      // bytes vanish; the connection is reset when the cut ends
	Reset     // connections are reset, and new ones refused
)

// Rule is what happens to the bytes from one end to another. The zero Rule lets
// them pass.
type Rule struct {
	Cut            Cut
	Delay          time.Duration // how much later they arrive
	Loss           int           // percent of pieces that are lost and sent again
	BytesPerSecond int           // 0: no limit
}

// and is both rules at once.
func (r Rule) and(o Rule) Rule {
	r.Cut = max(r.Cut, o.Cut)
	r.Delay += o.Delay
	r.Loss += o.Loss - r.Loss*o.Loss/100
	switch {
	case r.BytesPerSecond == 0:
		r.BytesPerSecond = o.BytesPerSecond
	case o.BytesPerSecond != 0:
		r.BytesPerSecond = min(r.BytesPerSecond, o.BytesPerSecond)
	}
	return r
}
