package testserver

import (
	"bytes"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// stream carries bytes one way between two Conns. Its reader and its writer
// wait on one Cond: a connection is never so busy that the extra wake-ups
// matter, and a Cond is what synctest understands.
type stream struct {
	size    int
	latency time.Duration

	mu      sync.Mutex
	changed sync.Cond
	buf     bytes.Buffer
	arrived int  // how much of buf the reader may see; less than all while latency holds it back
	writing bool // one Write at a time: concurrent ones must not mix

	finished     bool // the writer has sent FIN
	eof          bool // the FIN has arrived
	writerClosed bool
	readerClosed bool
	broken       bool // by RST

	readBy, writeBy deadline
}

// deadline is one of a stream's two; the stream's mutex guards it.
type deadline struct {
	expired bool
	timer   *time.Timer
}

func newStream(size int, latency time.Duration) *stream {
	s := &stream{size: size, latency: latency}
	s.changed.L = &s.mu
	return s
}

func (s *stream) read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.readerClosed:
			return 0, net.ErrClosed
		case s.broken:
			return 0, syscall.ECONNRESET
		case s.readBy.expired: // before the data, as package net has it
			return 0, os.ErrDeadlineExceeded
		case len(p) == 0:
			return 0, nil
		case s.arrived > 0:
			n, _ := s.buf.Read(p[:min(len(p), s.arrived)])
			s.arrived -= n
			s.changed.Broadcast()
			return n, nil
		case s.eof && s.buf.Len() == 0:
			return 0, io.EOF
		}
		s.changed.Wait()
	}
}

func (s *stream) write(p []byte) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.writing {
		if err := s.writeError(); err != nil {
			return 0, err
		}
		s.changed.Wait()
	}
	s.writing = true
	defer func() {
		s.writing = false
		s.changed.Broadcast()
	}()
	for {
		if err := s.writeError(); err != nil {
			return n, err
		}
		if k := min(len(p)-n, s.size-s.buf.Len()); k > 0 {
			s.buf.Write(p[n : n+k])
			n += k
			s.deliver(func() { s.arrived += k })
		}
		if n == len(p) {
			return n, nil
		}
		s.changed.Wait()
	}
}

func (s *stream) writeError() error {
	switch {
	case s.writerClosed:
		return net.ErrClosed
	case s.broken:
		return syscall.ECONNRESET
	case s.finished, s.readerClosed:
		return syscall.EPIPE
	case s.writeBy.expired:
		return os.ErrDeadlineExceeded
	}
	return nil
}

// deliver makes a change visible to the reader, after the latency. Two that
// fall due in the same instant may come in either order: bytes are counted,
// not carried, and EOF is believed only once the buffer is empty.
func (s *stream) deliver(arrive func()) {
	if s.latency <= 0 {
		arrive()
		s.changed.Broadcast()
		return
	}
	time.AfterFunc(s.latency, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		arrive()
		s.changed.Broadcast()
	})
}

// finish sends FIN.
func (s *stream) finish() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writerClosed {
		return net.ErrClosed
	}
	s.sendFIN()
	return nil
}

func (s *stream) sendFIN() {
	if s.finished {
		return
	}
	s.finished = true
	s.deliver(func() { s.eof = true })
	s.changed.Broadcast() // a Write that waits for room has lost its right to it
}

func (s *stream) closeWriter() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writerClosed = true
	s.writeBy.stop()
	s.sendFIN()
	s.changed.Broadcast()
}

// closeReader reports whether it was open.
func (s *stream) closeReader() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.readerClosed {
		return false
	}
	s.readerClosed = true
	s.readBy.stop()
	s.changed.Broadcast()
	return true
}

// reset breaks the stream and closes one side of it (closed is readerClosed or
// writerClosed) in one step, lest the other side sees a moment of EOF. It
// reports whether that side was open.
func (s *stream) reset(closed *bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if *closed {
		return false
	}
	*closed = true
	s.broken = true
	s.buf = bytes.Buffer{}
	s.readBy.stop()
	s.writeBy.stop()
	s.changed.Broadcast()
	return true
}

func (s *stream) setReadDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.readerClosed {
		return net.ErrClosed
	}
	s.set(&s.readBy, t)
	return nil
}

func (s *stream) setWriteDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writerClosed {
		return net.ErrClosed
	}
	s.set(&s.writeBy, t)
	return nil
}

// set replaces d by one at t, with the mutex held.
func (s *stream) set(d *deadline, t time.Time) {
	d.stop()
	wait := time.Until(t)
	d.expired = !t.IsZero() && wait <= 0
	if t.IsZero() || d.expired {
		s.changed.Broadcast()
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(wait, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if d.timer == timer { // else it was replaced while it fired
			d.expired = true
			s.changed.Broadcast()
		}
	})
	d.timer = timer
}

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}
