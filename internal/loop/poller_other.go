//go:build !linux

package loop

func newPoller(l *Loop) (poller, error) { return newPortable(l), nil }
