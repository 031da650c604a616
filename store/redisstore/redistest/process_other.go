//go:build !linux

package redistest

import "syscall"

// attributes returns none: only Linux ends a program with the one that started
// it.
func attributes() *syscall.SysProcAttr { return nil }
