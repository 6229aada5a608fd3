//go:build unix

package browser

import (
	"os/exec"
	"syscall"
)

// alone gives the browser a process group of its own, so that its helpers end
// with it.
func alone(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
