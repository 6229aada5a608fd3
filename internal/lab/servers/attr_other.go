//go:build !linux

package servers

import "syscall"

// childAttr keeps Ctrl-C from the servers. Only Linux can also tie their lives
// to the lab's.
func childAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
