//go:build !linux || steadyws_portable

package wsclient

import "net"

func newSocket(nc net.Conn) socket { return &netSocket{nc: nc} }

func kernelUnread(net.Conn) bool  { return false }
func kernelUnsent(net.Conn) int64 { return -1 }
