//go:build linux && !steadyws_portable && (amd64 || arm64)

package wsclient

import (
	"testing"
	"unsafe"
)

// What an idle connection holds is mostly these two, on 64 bits. The allocator rounds them up, to
// steps of 128 and 256 bytes here, and puts a header of 8 bytes before each.
func TestSizesOfAnIdleConnection(t *testing.T) {
	if n := unsafe.Sizeof(Client{}); n > 1152-8 {
		t.Errorf("a Client has %d bytes", n)
	}
	if n := unsafe.Sizeof(connection{}); n > 1536-8 {
		t.Errorf("a connection has %d bytes", n)
	}
}
