package report

import (
	"cmp"
	"math"
	"slices"

	"github.com/parleydb/parley/history"
	"github.com/parleydb/parley/internal/lab/axis"
	"github.com/parleydb/parley/internal/lab/spacetime"
)

// fault is a fault as it is drawn: its texts cut, its end known.
type fault struct {
	name  string
	from  int64
	to    int64 // history.Never: to the end
	nodes []string
}

// faultRow is a fault in the list.
type faultRow struct{ Name, From, To, Lasted string }

// faultsOf are the faults by their beginnings.
func faultsOf(in *Input, s *survey) (out []fault) {
	for _, f := range in.Faults {
		out = append(out, fault{cut(f.Name, maxName), f.From, max(f.To, f.From), f.Nodes})
	}
	slices.SortStableFunc(out, func(a, b fault) int { return cmp.Compare(a.from, b.from) })
	return out
}

func (v *view) faultRows(faults []fault, s *survey) (rows []faultRow) {
	for i, f := range faults {
		if i == maxFaults {
			v.omit("%s of %s faults.", count(len(faults)-i), count(len(faults)))
			break
		}
		row := faultRow{f.name, moment(f.from), "to the end", ""}
		last := s.to
		if f.to != history.Never {
			row.To, last = moment(f.to), f.to
		}
		row.Lasted = axis.Duration(math.Max(float64(last)-float64(f.from), 0))
		rows = append(rows, row)
	}
	return rows
}

// bands are the faults on a diagram: over the nodes that they hit, if these are
// among its lanes.
func bands(faults []fault, lane map[string]int) (out []spacetime.Band) {
	for _, f := range faults[:min(len(faults), maxFaults)] {
		b := spacetime.Band{From: f.from, To: f.to, Label: f.name}
		for _, n := range f.nodes {
			if i, ok := lane[n]; ok {
				b.Lanes = append(b.Lanes, i)
			}
		}
		out = append(out, b)
	}
	return out
}
