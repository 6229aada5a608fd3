package proxy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/parleydb/parley/internal/lab"
)

func TestPartitions(t *testing.T) {
	// Rows are senders, columns receivers; x is cut.
	for _, c := range []struct {
		fault lab.Fault
		nodes int
		want  string
	}{
		{lab.Fault{Shape: lab.ShapeHalves, Nodes: []int{0}}, 3, ".xx x.. x.."},
		{lab.Fault{Nodes: []int{0, 2}}, 4, ".x.x x.x. .x.x x.x."},
		{lab.Fault{Shape: lab.ShapeOneWay, Nodes: []int{1}}, 3, "... x.x ..."},
		{lab.Fault{Shape: lab.ShapeBridge, Nodes: []int{0}}, 3, "... ..x .x."},
		{lab.Fault{Shape: lab.ShapeBridge, Nodes: []int{2}}, 5, "...xx ...xx ..... xx... xx..."},
		{lab.Fault{Shape: lab.ShapeBridge, Nodes: []int{2, 4, 0, 1, 3}}, 5, ".x.x. x...x ..... x...x .x.x."},
		{lab.Fault{Shape: lab.ShapeRing}, 5, "..xx. ...xx x...x xx... .xx.."},
		{lab.Fault{Shape: lab.ShapeRing, Nodes: []int{0, 2, 1, 3}}, 4, ".x.. x... ...x ..x."},
	} {
		c.fault.Kind = lab.FaultPartition
		rule, err := RuleFor(c.fault, c.nodes)
		if err != nil {
			t.Errorf("%s: %v", c.fault, err)
			continue
		}
		var rows []string
		for from := range c.nodes {
			row := ""
			for to := range c.nodes {
				row += map[Cut]string{Open: ".", Drop: "x"}[rule(from, to).Cut]
			}
			rows = append(rows, row)
		}
		if got := strings.Join(rows, " "); got != c.want {
			t.Errorf("%s of %d: %s, want %s", c.fault, c.nodes, got, c.want)
		}
	}
}

func TestRulesOfFaults(t *testing.T) {
	rule, err := RuleFor(lab.Fault{Kind: lab.FaultDelay, Nodes: []int{1}, Amount: time.Second}, 3)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		from, to int
		want     time.Duration
	}{{0, 1, time.Second}, {1, 2, time.Second}, {0, 2, 0}} {
		if got := rule(c.from, c.to).Delay; got != c.want {
			t.Errorf("%d to %d: %s", c.from, c.to, got)
		}
	}
	if rule, err = RuleFor(lab.Fault{Kind: lab.FaultSlow, Bytes: 9}, 3); err != nil || rule(0, 2).BytesPerSecond != 9 {
		t.Errorf("slow: %v", err)
	}
	if rule, err = RuleFor(lab.Fault{Kind: lab.FaultLoss, Percent: 9}, 3); err != nil || rule(0, 2).Loss != 9 {
		t.Errorf("loss: %v", err)
	}
}

func TestFaultsRefused(t *testing.T) {
	for want, f := range map[string]lab.Fault{
		"TCP":            {Kind: lab.FaultDuplicate, Percent: 10},
		"no node 3":      {Kind: lab.FaultPartition, Nodes: []int{3}},
		"no node -1":     {Kind: lab.FaultDelay, Nodes: []int{-1}, Amount: 1},
		"cuts no link":   {Kind: lab.FaultPartition, Shape: lab.ShapeRing},
		"unknown shape":  {Kind: lab.FaultPartition, Shape: lab.ShapeFsync},
		"twice":          {Kind: lab.FaultPartition, Shape: lab.ShapeBridge, Nodes: []int{0, 0}},
		"above zero":     {Kind: lab.FaultDelay},
		"1 to 100":       {Kind: lab.FaultLoss, Percent: 101},
		"bytes a second": {Kind: lab.FaultSlow},
		"no fault of":    {Kind: lab.FaultKill},
	} {
		if _, err := RuleFor(f, 3); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", f, err, want)
		}
	}
}

func TestRulesAddUp(t *testing.T) {
	got := fmt.Sprint(Rule{Cut: Hold, Delay: 1, Loss: 50, BytesPerSecond: 5}.and(Rule{Cut: Drop, Delay: 2, Loss: 50, BytesPerSecond: 3}))
	if want := fmt.Sprint(Rule{Drop, 3, 75, 3}); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := (Rule{BytesPerSecond: 7}).and(Rule{}); got.BytesPerSecond != 7 {
		t.Errorf("%+v", got)
	}
}
