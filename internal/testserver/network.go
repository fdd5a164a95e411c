package testserver

import (
	"context"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

const defaultBuffer = 64 << 10

// A Network is a set of addresses inside one process. Make it, its listeners
// and its connections in the synctest bubble that uses them, and set its
// fields before the first dial.
type Network struct {
	// Buffer is how many bytes each direction of a connection holds before
	// Write blocks: both kernels' socket buffers in one. Zero: 64 KiB.
	Buffer int

	// Latency is how long bytes and FINs take one way; a dial takes twice
	// that. A reset arrives at once. Zero: none.
	Latency time.Duration

	mu        sync.Mutex
	listeners map[string]*listener
	dialled   int // connections so far: the client's "port"
}

// NewNetwork returns a network without listeners.
func NewNetwork() *Network {
	return &Network{listeners: make(map[string]*listener)}
}

// Listen takes addr ("host:port", compared as it is written). The backlog has
// no limit, so a dial never waits for Accept.
func (n *Network) Listen(addr string) (net.Listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listeners[addr] != nil {
		return nil, &net.OpError{Op: "listen", Net: "tcp", Addr: address(addr),
			Err: os.NewSyscallError("bind", syscall.EADDRINUSE)}
	}
	l := &listener{network: n, addr: address(addr)}
	l.changed.L = &n.mu
	n.listeners[addr] = l
	return l, nil
}

// DialContext connects to the listener at addr. Where nobody listens, the
// error is a *net.OpError that Is syscall.ECONNREFUSED.
func (n *Network) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	fail := func(err error) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: address(addr), Err: err}
	}
	if err := context.Cause(ctx); err != nil {
		return fail(err)
	}
	if n.Latency > 0 {
		handshake := time.NewTimer(2 * n.Latency)
		defer handshake.Stop()
		select {
		case <-handshake.C:
		case <-ctx.Done():
			return fail(context.Cause(ctx))
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	l := n.listeners[addr]
	if l == nil {
		return fail(os.NewSyscallError("connect", syscall.ECONNREFUSED))
	}
	n.dialled++
	client, server := n.pair(address(fmt.Sprintf("client:%d", n.dialled)), l.addr)
	l.backlog = append(l.backlog, server)
	l.changed.Signal()
	return client, nil
}

// pair makes the two ends of one connection.
func (n *Network) pair(client, server address) (clientEnd, serverEnd *Conn) {
	size := n.Buffer
	if size <= 0 {
		size = defaultBuffer
	}
	up, down := newStream(size, n.Latency), newStream(size, n.Latency)
	return &Conn{in: down, out: up, local: client, remote: server},
		&Conn{in: up, out: down, local: server, remote: client}
}

// address is a net.Addr by name. It says "tcp" because it stands in for TCP.
type address string

func (a address) Network() string { return "tcp" }
func (a address) String() string  { return string(a) }

// listener is a place in a Network; the network's mutex guards it.
type listener struct {
	network *Network
	addr    address
	changed sync.Cond
	backlog []*Conn
	closed  bool
}

func (l *listener) Accept() (net.Conn, error) {
	l.network.mu.Lock()
	defer l.network.mu.Unlock()
	for len(l.backlog) == 0 && !l.closed {
		l.changed.Wait()
	}
	if l.closed {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: l.addr, Err: net.ErrClosed}
	}
	c := l.backlog[0]
	l.backlog = l.backlog[1:]
	return c, nil
}

// Close refuses later dials and, as a kernel does, resets what was dialled
// and never accepted.
func (l *listener) Close() error {
	l.network.mu.Lock()
	if l.closed {
		l.network.mu.Unlock()
		return &net.OpError{Op: "close", Net: "tcp", Addr: l.addr, Err: net.ErrClosed}
	}
	l.closed = true
	delete(l.network.listeners, string(l.addr))
	orphans := l.backlog
	l.backlog = nil
	l.changed.Broadcast()
	l.network.mu.Unlock()

	for _, c := range orphans {
		c.Reset()
	}
	return nil
}

func (l *listener) Addr() net.Addr { return l.addr }
