package wsclient_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"net"
	"os"
	"sort"
	"sync"
	"syscall"
	"time"

	"github.com/gobwas/ws"

	"github.com/steadyws/steadyws/internal/testserver"
)

// A tapFault is how a link is cut.
type tapFault struct {
	rst    bool // both ends see a reset, and what was not read is lost; else EOF, behind what was sent
	silent bool // the kernel takes what comes after the cut; else the write that crosses it fails
	abrupt bool // at once; else the server has read what came before
}

// A tapLink is a client's connection with a tap on it, cut after any byte of either
// direction. What the tap sees is what the client knows: the bytes that its writes
// were told to be taken, and those that its reads got.
type tapLink struct {
	*testserver.Conn
	onUp, onDown func(tapFrame)
	onClose      func() // the client has closed it

	mu       sync.Mutex
	up, down int // bytes until the cut; -1: none
	fault    tapFault
	taken    int // of what was written
	crossed  bool
	writes   []tapWrite
	dead     error // not nil: it was cut, and this is what reads say
	sent     tapFramer
	got      tapFramer
}

// A tapWrite is one of the client's.
type tapWrite struct {
	began, ended time.Time // ended zero: not yet
	place, end   int       // in the stream
}

// A tapFrame is one of either direction, unmasked.
type tapFrame struct {
	rsv     byte
	op      ws.OpCode
	payload []byte
	begin   int // its place in the stream, the handshake included
	end     int
}

func newTapLink(nc net.Conn) *tapLink {
	return &tapLink{Conn: nc.(*testserver.Conn), up: -1, down: -1, onClose: func() {}}
}

// cutAfter cuts the link after n more bytes up, or down.
func (l *tapLink) cutAfter(up bool, n int, f tapFault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fault = f; up {
		l.up = n
	} else {
		l.down = n
	}
}

func (l *tapLink) Write(p []byte) (n int, err error) {
	began := time.Now()
	l.mu.Lock()
	pass, f := len(p), l.fault
	cut := l.up >= 0 && l.up < len(p)
	if cut {
		pass = l.up
	}
	dead, crossed := l.dead, l.crossed
	if dead != nil || crossed && !f.silent {
		l.mu.Unlock()
		return 0, tapError("write", syscall.EPIPE)
	}
	l.crossed = crossed || cut
	w := len(l.writes)
	l.writes = append(l.writes, tapWrite{began: began, place: l.taken})
	l.mu.Unlock()
	switch {
	case crossed: // into the void
		n = len(p)
	default:
		n, err = l.Conn.Write(p[:pass])
	}
	if cut && f.abrupt {
		l.kill()
	} else if cut {
		time.AfterFunc(time.Microsecond, l.kill)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !crossed && l.up >= 0 {
		l.up -= min(n, l.up)
	}
	if cut && err == nil && f.silent {
		n = len(p)
	} else if cut && err == nil {
		err = tapError("write", syscall.ECONNRESET)
	}
	l.taken += n
	l.writes[w].ended, l.writes[w].end = time.Now(), l.taken
	l.sent.feed(p[:n], l.onUp)
	return n, err
}

func (l *tapLink) Read(p []byte) (int, error) {
	l.mu.Lock()
	dead, down := l.dead, l.down
	l.mu.Unlock()
	if dead == nil && down == 0 {
		l.kill()
	}
	if down > 0 {
		p = p[:min(len(p), down)]
	}
	n, err := l.Conn.Read(p)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead != nil && n == 0 {
		return 0, l.dead
	}
	if down > 0 && l.down >= 0 {
		l.down -= min(n, l.down)
	}
	l.got.feed(p[:n], l.onDown)
	return n, err
}

// behind is how far a place of the stream is behind the beginning of the write that
// was under way at a time: very far if none was. It is 0 for what was written before.
func (l *tapLink) behind(at time.Time, place int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := len(l.writes) - 1; i >= 0; i-- {
		w := l.writes[i]
		switch over := !w.ended.IsZero() && !w.ended.After(at); {
		case w.began.After(at):
		case over && place < w.end:
			return 0
		case over:
			return math.MaxInt
		default:
			return max(0, place-w.place)
		}
	}
	return math.MaxInt
}

// took is when the write ended that has taken a place of the stream.
func (l *tapLink) took(place int) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.writes[sort.Search(len(l.writes), func(i int) bool { return l.writes[i].end > place })].ended
}

// kill ends the link for both.
func (l *tapLink) kill() {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.dead != nil:
	case l.fault.rst:
		l.dead = tapError("read", syscall.ECONNRESET)
		l.Conn.Reset()
	default:
		l.dead = io.EOF
		l.Conn.Close()
	}
}

// Close is the client's.
func (l *tapLink) Close() error {
	l.onClose()
	return l.Conn.Close()
}

// SetReadDeadline has nothing to do on a dead link: its reads return at once.
func (l *tapLink) SetReadDeadline(t time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead != nil {
		return nil
	}
	return l.Conn.SetReadDeadline(t)
}

// pending is how much of a frame the tap has that is not whole, and whether a
// write waits.
func (l *tapLink) pending() (n int, writing bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.sent.buf), len(l.writes) > 0 && l.writes[len(l.writes)-1].ended.IsZero()
}

func tapError(op string, errno syscall.Errno) error {
	return &net.OpError{Op: op, Net: "tcp", Err: os.NewSyscallError(op, errno)}
}

// A tapFramer takes a stream apart: HTTP's head, then frames (RFC 6455 5.2).
type tapFramer struct {
	buf  []byte
	http bool // the head is over
	head int  // its length
	end  int  // of the frame before
}

func (f *tapFramer) feed(p []byte, emit func(tapFrame)) {
	f.buf = append(f.buf, p...)
	rest := f.buf
	if !f.http {
		n := bytes.Index(rest, []byte("\r\n\r\n"))
		if n < 0 {
			return
		}
		rest, f.http, f.head, f.end = rest[n+4:], true, n+4, n+4
	}
	for {
		r := bytes.NewReader(rest)
		h, err := ws.ReadHeader(r)
		if err != nil || int64(r.Len()) < h.Length {
			break
		}
		head := len(rest) - r.Len()
		whole := head + int(h.Length)
		payload := bytes.Clone(rest[head:whole])
		if h.Masked {
			ws.Cipher(payload, h.Mask, 0)
		}
		begin := f.end
		f.end += whole
		emit(tapFrame{h.Rsv, h.OpCode, payload, begin, f.end})
		rest = rest[whole:]
	}
	f.buf = append(f.buf[:0], rest...)
}

// closeCode is what a Close frame says; 1005: nothing.
func (f *tapFrame) closeCode() int {
	if len(f.payload) < 2 {
		return 1005
	}
	return int(binary.BigEndian.Uint16(f.payload))
}
