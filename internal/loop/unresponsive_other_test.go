//go:build !linux

package loop

import "testing"

func unresponsive(t *testing.T) string {
	t.Skip("needs the queue of a Linux listener")
	return ""
}
