//go:build !linux || steadyws_portable

package wsclient

import "net"

// ownSocket is what a connection's socket is here.
type ownSocket = netSocket

func (s *netSocket) open(nc net.Conn) socket {
	s.nc = nc
	return s
}

func kernelUnread(net.Conn) bool  { return false }
func kernelUnsent(net.Conn) int64 { return -1 }
