package wsclient

import (
	"crypto/tls"
	"net"
	"sync/atomic"
	"time"

	"github.com/steadyws/steadyws/internal/wire"
)

// aLongTimeAgo is a deadline that releases a call at once.
var aLongTimeAgo = time.Unix(1, 0)

// A socket is one connection's byte stream. read is called by one goroutine,
// write and tryWrite by one at a time, the rest by any.
type socket interface {
	// read waits for bytes and gives them to r. It says when it finds the socket
	// empty, and holds no buffer while it sleeps.
	read(r *wire.Reader, o observer) (int, error)
	// tryWrite writes what can be written without waiting, and takes it out of b. last,
	// here and in write: closeWrite comes at once behind b.
	tryWrite(b *buffers, last bool) (int, error)
	// write writes some of b, and takes it out of b: as much as can be had in one go,
	// having waited for the first byte. It fails with errWriteTimeout when none was taken
	// for timeout; 0 or less: never. It returns 0 without an error once look is over, if
	// it can; zero: never.
	write(b *buffers, last bool, timeout time.Duration, look time.Time) (int, error)
	// direct reports whether the kernel gets what is given: tryWrite tries, and pieces
	// of memory need not be joined, which others would write one by one.
	direct() bool
	// wake lets read return with os.ErrDeadlineExceeded once at has come,
	// whether it is waiting then or called later, until awake.
	wake(at time.Time)
	awake()
	unread() bool          // the kernel has bytes that were not read; false if unknown
	kernelBuffered() int64 // bytes written that the peer has not acknowledged; -1: unknown
	closeWrite()           // no more will be written: the peer reads EOF
	abort()                // releases every call and ends the connection
}

// An observer is told how a read stands.
type observer interface {
	sleeping() // the socket is empty: the read waits
	awake()    // it looks again; not said where a read cannot know
}

// netSocket is the socket of any net.Conn: TLS, custom dialers, and platforms
// without a better way.
type netSocket struct {
	nc    net.Conn
	small *[smallRead]byte // a read into it waits
	more  bool             // the last read filled its buffer

	limited bool // a write deadline is set
}

// smallRead is what an idle connection holds to wait for the first bytes.
const smallRead = 2 << 10

// What one write, and so one WriteTimeout, is about. A TLS connection is dead
// after a write that timed out, so there it is one record.
const (
	writePiece    = 64 << 10
	writePieceTLS = 16 << 10
)

func (s *netSocket) read(r *wire.Reader, o observer) (int, error) {
	if !s.more && !r.Collecting() {
		r.Rest()
		o.sleeping()
		if s.small == nil {
			s.small = new([smallRead]byte)
		}
		n, err := s.nc.Read(s.small[:])
		s.more = n == len(s.small)
		copy(r.Buffer(), s.small[:n])
		r.Advance(n)
		return n, err
	}
	// More is likely to be there: straight into the large buffer.
	if r.Collecting() {
		r.Rest() // the message has a buffer of its own
	}
	o.sleeping()
	b := r.Buffer()
	n, err := s.nc.Read(b)
	s.more = n == len(b) || n >= writePieceTLS
	r.Advance(n)
	return n, err
}

func (s *netSocket) tryWrite(*buffers, bool) (int, error) { return 0, nil } // there is no such call

func (s *netSocket) write(b *buffers, _ bool, timeout time.Duration, look time.Time) (int, error) {
	piece := writePiece
	if _, ok := s.nc.(*tls.Conn); ok {
		piece, look = writePieceTLS, time.Time{}
	}
	limit, early := writeLimit(timeout, look)
	if s.limited || !limit.IsZero() {
		s.limited = !limit.IsZero()
		s.nc.SetWriteDeadline(limit)
	}
	p := b.next()[0]
	n, err := s.nc.Write(p[:min(len(p), piece)])
	b.written(n)
	if err != nil && isTimeout(err) {
		if err = errWriteTimeout; early || n > 0 && piece == writePiece {
			err = nil // that is progress
		}
	}
	return n, err
}

func (s *netSocket) direct() bool { return false }

// writeLimit is the deadline of a write; early: before its timeout.
func writeLimit(timeout time.Duration, look time.Time) (limit time.Time, early bool) {
	if timeout > 0 {
		limit = time.Now().Add(timeout)
	}
	if look.IsZero() || timeout > 0 && !limit.After(look) {
		return limit, false
	}
	return look.Add(1), true // after it, not at it
}

func (s *netSocket) wake(at time.Time) {
	if s.nc.SetReadDeadline(at) != nil { // it has none, as an ssh tunnel: nothing else releases a read
		s.abort()
	}
}

func (s *netSocket) awake() { s.nc.SetReadDeadline(time.Time{}) }

func (s *netSocket) unread() bool          { return kernelUnread(bottom(s.nc)) }
func (s *netSocket) kernelBuffered() int64 { return kernelUnsent(bottom(s.nc)) }

func (s *netSocket) closeWrite() {
	if c, ok := s.nc.(interface{ CloseWrite() error }); ok {
		c.CloseWrite()
	}
}

func (s *netSocket) abort() {
	// tls.Conn.Close would first wait, up to 5 s, to write an alert.
	bottom(s.nc).Close()
}

// bottom returns the connection beneath TLS.
func bottom(nc net.Conn) net.Conn {
	switch c := nc.(type) {
	case *tls.Conn:
		return bottom(c.NetConn())
	case *pulseConn:
		return bottom(c.Conn)
	}
	return nc
}

// pulseConn lies beneath TLS, which hands out whole records only: any part of
// one proves life.
type pulseConn struct {
	net.Conn
	base  time.Time
	heard atomic.Int64 // as connection.heard
}

func (c *pulseConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.heard.Store(int64(time.Since(c.base)))
	}
	return n, err
}

// Close does not wait, as that of a tls.Conn beneath would, for an alert to be
// written.
func (c *pulseConn) Close() error { return bottom(c).Close() }

func isTimeout(err error) bool {
	t, ok := err.(interface{ Timeout() bool })
	return ok && t.Timeout()
}
