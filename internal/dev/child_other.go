//go:build unix && !linux

package dev

import "syscall"

// childAttr puts a node into a process group of its own, so that Ctrl-C reaches
// the supervisor alone. Only Linux can also tie its life to the supervisor's.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
