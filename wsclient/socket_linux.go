//go:build linux && !steadyws_portable

package wsclient

import (
	"io"
	"net"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/steadyws/steadyws/internal/wire"
)

// notSentLowat is how much the kernel takes that it cannot send yet: without it
// megabytes vanish into a socket whose peer does not read, and BufferedAmount
// and every choice that rests on it are wrong.
const notSentLowat = 128 << 10

// rawSocket is the socket of a plain TCP or Unix connection: it waits for
// readability without a buffer, and can tell what can be had without waiting.
type rawSocket struct {
	netSocket
	rc syscall.RawConn

	// Of the read under way; the function is kept so that none is allocated.
	reader *wire.Reader
	watch  observer
	rn     int
	rerr   error
	tryR   func(fd uintptr) bool

	// Of the write under way.
	rest    *buffers
	wn      int
	werr    error
	timeout time.Duration
	look    time.Time
	timed   bool                  // it waits, and has a deadline
	early   bool                  // which is look
	once    bool                  // it does not wait
	last    bool                  // closeWrite comes behind it
	tryW    func(fd uintptr) bool // nil: nothing was written yet
}

// ownSocket is what a connection's socket is here.
type ownSocket = rawSocket

// open makes of s, or what it is made of, the socket of nc. A type that wraps a TCPConn
// is not one: what it does on top must not be passed by.
func (s *rawSocket) open(nc net.Conn) socket {
	s.nc = nc
	var rc syscall.RawConn
	var err error
	switch c := nc.(type) {
	case *net.TCPConn:
		rc, err = c.SyscallConn()
	case *net.UnixConn:
		rc, err = c.SyscallConn()
	}
	if rc == nil || err != nil {
		tuneKernel(nc)
		return &s.netSocket
	}
	if _, ok := nc.(*net.TCPConn); ok {
		rc.Control(takeLittle)
	}
	s.rc, s.tryR = rc, s.readOnce
	return s
}

func (s *rawSocket) read(r *wire.Reader, o observer) (int, error) {
	s.reader, s.watch, s.rn, s.rerr = r, o, 0, nil
	if err := s.rc.Read(s.tryR); err != nil {
		return 0, err
	}
	if s.rerr == nil && s.rn == 0 {
		return 0, io.EOF
	}
	return s.rn, s.rerr
}

// readOnce runs each time the socket may be readable; false: wait.
func (s *rawSocket) readOnce(fd uintptr) bool {
	s.watch.awake() // before the bytes leave the kernel, which can be asked for them
	b := s.reader.Buffer()
	for {
		n, err := syscall.Read(int(fd), b)
		switch err {
		case nil:
			s.rn = n
			s.reader.Advance(n)
			return true
		case syscall.EINTR:
		case syscall.EAGAIN:
			s.reader.Rest()
			s.watch.sleeping()
			return false
		default:
			s.rerr = &net.OpError{Op: "read", Net: "tcp", Addr: s.nc.RemoteAddr(), Err: err}
			return true
		}
	}
}

func (s *rawSocket) direct() bool { return true }

func (s *rawSocket) tryWrite(b *buffers, last bool) (int, error) {
	s.rest, s.last, s.once = b, last, true
	err := s.writeRaw()
	if err == nil {
		err = s.werr
	}
	return s.wn, err
}

// writeRaw does the write that is under way.
func (s *rawSocket) writeRaw() error {
	if s.tryW == nil {
		s.tryW = s.writeSome
	}
	s.wn, s.werr = 0, nil
	err := s.rc.Write(s.tryW)
	s.rest = nil
	return err
}

// writeOnce writes what the kernel takes now.
func (s *rawSocket) writeOnce(fd uintptr) bool {
	for {
		p := s.rest.next()
		if len(p) == 0 {
			return true
		}
		n, err := s.give(int(fd), p)
		switch err {
		case nil:
			s.wn += n
			s.rest.written(n)
		case syscall.EINTR:
		case syscall.EAGAIN:
			return true
		default:
			s.werr = &net.OpError{Op: "write", Net: "tcp", Addr: s.nc.RemoteAddr(), Err: err}
			return true
		}
	}
}

// give gives p to the kernel. What closeWrite comes behind waits for it, so that the
// peer gets the end of the stream in the same packet: a Close costs one, not two.
func (s *rawSocket) give(fd int, p [][]byte) (int, error) {
	switch {
	case s.last:
		return unix.SendmsgBuffers(fd, p, nil, nil, unix.MSG_MORE|unix.MSG_NOSIGNAL)
	case len(p) == 1:
		return syscall.Write(fd, p[0])
	}
	return writev(fd, p)
}

// iovecs are the arguments of writev, which unix.Writev would allocate.
var iovecs = sync.Pool{New: func() any { return new([buffersMost]unix.Iovec) }}

func writev(fd int, p [][]byte) (int, error) {
	v := iovecs.Get().(*[buffersMost]unix.Iovec)
	for i := range p {
		v[i].Base = unsafe.SliceData(p[i])
		v[i].SetLen(len(p[i]))
	}
	n, _, errno := syscall.Syscall(unix.SYS_WRITEV, uintptr(fd), uintptr(unsafe.Pointer(v)), uintptr(len(p)))
	clear(v[:len(p)])
	iovecs.Put(v)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

func (s *rawSocket) write(b *buffers, last bool, timeout time.Duration, look time.Time) (int, error) {
	s.rest, s.last, s.once, s.timeout, s.look = b, last, false, timeout, look
	err := s.writeRaw()
	if s.timed {
		s.timed = false
		s.nc.SetWriteDeadline(time.Time{})
	}
	switch {
	case err != nil && isTimeout(err) && s.early:
		err = nil
	case err != nil && isTimeout(err):
		err = errWriteTimeout
	case err == nil:
		err = s.werr
	}
	return s.wn, err
}

// writeSome runs each time the socket may be writable; false: wait. A deadline
// costs nothing as long as the kernel takes what it is given.
func (s *rawSocket) writeSome(fd uintptr) bool {
	if s.once {
		return s.writeOnce(fd)
	}
	if s.timed && !s.look.IsZero() && time.Now().After(s.look) {
		return true
	}
	if s.writeOnce(fd); s.werr != nil || s.wn > 0 {
		return true
	}
	if limit, early := writeLimit(s.timeout, s.look); !s.timed && !limit.IsZero() {
		s.timed, s.early = true, early
		s.nc.SetWriteDeadline(limit)
	}
	return false
}

// kernelUnread reports whether the socket has bytes to read (FIONREAD).
func kernelUnread(nc net.Conn) bool {
	n, ok := ioctl(nc, unix.TIOCINQ)
	return ok && n > 0
}

// kernelUnsent returns the bytes in the socket's send queue (SIOCOUTQ).
func kernelUnsent(nc net.Conn) int64 {
	if n, ok := ioctl(nc, unix.TIOCOUTQ); ok {
		return int64(n)
	}
	return -1
}

func ioctl(nc net.Conn, request uint) (n int, ok bool) {
	control(nc, func(fd int) {
		var err error
		n, err = unix.IoctlGetInt(fd, request)
		ok = err == nil
	})
	return n, ok
}

// tuneKernel sets the socket options of a new connection.
func tuneKernel(nc net.Conn) {
	if c, ok := bottom(nc).(*net.TCPConn); ok {
		if rc, err := c.SyscallConn(); err == nil {
			rc.Control(takeLittle)
		}
	}
}

func takeLittle(fd uintptr) {
	unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, notSentLowat)
}

// control runs f on nc's file descriptor, if it has one.
func control(nc net.Conn, f func(fd int)) {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return
	}
	if rc, err := sc.SyscallConn(); err == nil {
		rc.Control(func(fd uintptr) { f(int(fd)) })
	}
}
