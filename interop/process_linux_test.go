package interop

import "syscall"

// endsWithTheTest has the kernel end a server when the test's process is gone,
// however that came about: no server outlives a panic or a timeout.
var endsWithTheTest = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
