package testserver

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// gate is the accepted socket with the faults built in. It lies beneath TLS,
// so that a frozen write can go on after a thaw: tls.Conn itself does not
// survive a write that was cut by a deadline.
type gate struct {
	net.Conn
	done chan struct{} // closed with the socket

	mu     sync.Mutex
	thawed chan struct{} // not nil while frozen, closed by the thaw
	closed bool
}

func newGate(c net.Conn) *gate {
	return &gate{Conn: c, done: make(chan struct{})}
}

// freeze stops reads and writes, those in progress included: the deadlines of
// the socket belong to the gate, and a past one wakes whoever waits there.
func (g *gate) freeze() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.thawed != nil || g.closed {
		return
	}
	g.thawed = make(chan struct{})
	_ = g.Conn.SetDeadline(time.Unix(1, 0)) // it fails when the socket is gone, frozen for ever
}

func (g *gate) thaw() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.thawed == nil {
		return
	}
	_ = g.Conn.SetDeadline(time.Time{})
	close(g.thawed)
	g.thawed = nil
}

// pass returns when the gate is not frozen, or with an error when it has
// been closed meanwhile.
func (g *gate) pass() error {
	for {
		g.mu.Lock()
		thawed := g.thawed
		g.mu.Unlock()
		if thawed == nil {
			return nil
		}
		select {
		case <-thawed:
		case <-g.done:
			return net.ErrClosed
		}
	}
}

// wait lets d pass, unless the gate is closed first.
func (g *gate) wait(d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-g.done:
		return net.ErrClosed
	}
}

func (g *gate) Read(p []byte) (int, error) {
	for {
		if err := g.pass(); err != nil {
			return 0, err
		}
		n, err := g.Conn.Read(p)
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
	}
}

func (g *gate) Write(p []byte) (n int, err error) {
	for {
		if err := g.pass(); err != nil {
			return n, err
		}
		k, err := g.Conn.Write(p[n:])
		n += k
		if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
	}
}

// SetDeadline does nothing, nor do the other two: see freeze. Limits are
// timers that close the gate.
func (g *gate) SetDeadline(time.Time) error      { return nil }
func (g *gate) SetReadDeadline(time.Time) error  { return nil }
func (g *gate) SetWriteDeadline(time.Time) error { return nil }

// CloseWrite is the half-close.
func (g *gate) CloseWrite() error {
	if c, ok := g.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return errors.ErrUnsupported
}

// Close sends FIN before it closes: closing with unread bytes sends RST, and
// after a FIN a kernel still reports EOF.
func (g *gate) Close() error {
	return g.end(func() error {
		_ = g.CloseWrite() // the socket may be dead already
		return g.Conn.Close()
	})
}

// reset closes with RST.
func (g *gate) reset() {
	_ = g.end(func() error {
		switch c := g.Conn.(type) {
		case interface{ Reset() }:
			c.Reset()
		case interface{ SetLinger(int) error }:
			_ = c.SetLinger(0)
		}
		return g.Conn.Close()
	})
}

func (g *gate) isClosed() bool {
	select {
	case <-g.done:
		return true
	default:
		return false
	}
}

func (g *gate) end(closeConn func() error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return net.ErrClosed
	}
	g.closed = true
	close(g.done)
	return closeConn()
}
