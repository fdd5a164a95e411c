//go:build !linux

package interop

import "syscall"

var endsWithTheTest *syscall.SysProcAttr
