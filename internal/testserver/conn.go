package testserver

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// Conn is one end of a connection on a [Network]. It behaves as a
// *net.TCPConn does, errors included, with one mercy: Close with unread bytes
// ends in EOF for the peer, where a kernel may send RST (RFC 1122 4.2.2.13).
// Who wants the RST calls Reset.
type Conn struct {
	in, out       *stream
	local, remote net.Addr
}

// Read waits for bytes, EOF, a reset or the read deadline.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.in.read(p)
	return n, c.opError("read", err)
}

// Write returns once all of p is in the buffer. Concurrent writes do not mix.
func (c *Conn) Write(p []byte) (int, error) {
	n, err := c.out.write(p)
	return n, c.opError("write", err)
}

// Close lets the peer read what was written, then EOF; what the peer writes
// from now on fails with EPIPE.
func (c *Conn) Close() error {
	if !c.in.closeReader() {
		return c.opError("close", net.ErrClosed)
	}
	c.out.closeWriter()
	return nil
}

// CloseWrite is the half-close: the peer reads EOF after what was written and
// may go on writing.
func (c *Conn) CloseWrite() error {
	return c.opError("close", c.out.finish())
}

// Reset closes with a RST: unread bytes are lost both ways, and whatever the
// peer is doing or does later fails at once with ECONNRESET.
func (c *Conn) Reset() {
	if c.in.reset(&c.in.readerClosed) {
		c.out.reset(&c.out.writerClosed)
	}
}

// LocalAddr is "client:1" and so on for the dialling end.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr is the listener's address for the dialling end.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline sets both deadlines.
func (c *Conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline wakes a Read that waits already, if t has passed.
func (c *Conn) SetReadDeadline(t time.Time) error {
	return c.opError("set", c.in.setReadDeadline(t))
}

// SetWriteDeadline wakes a Write that waits already, if t has passed.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	return c.opError("set", c.out.setWriteDeadline(t))
}

// opError dresses err as package net does, for errors.As and Timeout.
func (c *Conn) opError(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	if errno, ok := err.(syscall.Errno); ok {
		err = os.NewSyscallError(op, errno)
	}
	return &net.OpError{Op: op, Net: "tcp", Source: c.local, Addr: c.remote, Err: err}
}
