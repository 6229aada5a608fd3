package servers

import "syscall"

// childAttr puts a server into a process group of its own, so that Ctrl-C
// reaches the lab alone, and has the kernel kill it when the lab dies.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
