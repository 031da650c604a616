package redistest

import "syscall"

// attributes makes the kernel kill a program whose test run was killed.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
