//go:build linux && !steadyws_portable

package wsclient

import (
	"strconv"
	"testing"
	"unsafe"
)

// What an idle connection holds is mostly these two. The allocator rounds them up, to
// steps of 128 and 256 bytes here, and puts a header of 8 bytes before each.
func TestSizesOfAnIdleConnection(t *testing.T) {
	if strconv.IntSize < 64 {
		t.Skip("everything is smaller")
	}
	if n := unsafe.Sizeof(Client{}); n > 1152-8 {
		t.Errorf("a Client has %d bytes", n)
	}
	if n := unsafe.Sizeof(connection{}); n > 1536-8 {
		t.Errorf("a connection has %d bytes", n)
	}
}
