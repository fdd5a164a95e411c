package interop

import (
	"bytes"
	"context"
	"encoding/binary"
	"net"
	"sync"
)

// A tap reads along on plain connections: it tells what frames messages were
// made of, which the messages do not.
type tap struct {
	mu             sync.Mutex
	sent, received tally
}

// A tally counts what went in one direction.
type tally struct {
	bytes  int // payloads of data frames
	packed int // messages that are compressed: RSV1 (RFC 7692 6)
	plain  int // and that are not
	pieces int // continuation frames
	within int // control frames before one of these
}

// dial is for Options.NetDial.
func (t *tap) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	nc, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &tapped{TCPConn: nc.(*net.TCPConn), tap: t, in: flow{tally: &t.received}, out: flow{tally: &t.sent}}, nil
}

// drain returns what was counted since the last time.
func (t *tap) drain() (sent, received tally) {
	t.mu.Lock()
	defer t.mu.Unlock()
	sent, received = t.sent, t.received
	t.sent, t.received = tally{}, tally{}
	return sent, received
}

type tapped struct {
	*net.TCPConn
	tap     *tap
	in, out flow
}

func (c *tapped) Read(p []byte) (int, error) {
	n, err := c.TCPConn.Read(p)
	c.tap.mu.Lock()
	defer c.tap.mu.Unlock()
	c.in.take(p[:n])
	return n, err
}

func (c *tapped) Write(p []byte) (int, error) {
	// Before the write: its echo may be counted before it returns.
	c.tap.mu.Lock()
	c.out.take(p)
	c.tap.mu.Unlock()
	return c.TCPConn.Write(p)
}

// A flow is one direction of a connection.
type flow struct {
	*tally
	frames  bool   // the HTTP header is over
	head    []byte // of it or of a frame, as far as it has come
	payload int    // what is left of that of the frame
	between int    // control frames since the last data frame
}

func (f *flow) take(p []byte) {
	for len(p) > 0 {
		if n := min(f.payload, len(p)); n > 0 {
			f.payload -= n
			p = p[n:]
			continue
		}
		f.head = append(f.head, p[0])
		p = p[1:]
		switch {
		case f.frames:
			f.header()
		case bytes.HasSuffix(f.head, []byte("\r\n\r\n")):
			f.frames, f.head = true, nil
		}
	}
}

// header counts a frame once its header is whole (RFC 6455 5.2).
func (f *flow) header() {
	h := f.head
	if len(h) < 2 {
		return
	}
	n, size := int(h[1]&0x7f), 2
	switch n {
	case 126:
		size += 2
	case 127:
		size += 8
	}
	mask := int(h[1]>>7) * 4
	if len(h) < size+mask {
		return
	}
	switch n {
	case 126:
		n = int(binary.BigEndian.Uint16(h[2:]))
	case 127:
		n = int(binary.BigEndian.Uint64(h[2:]))
	}
	f.count(h[0], n)
	f.payload, f.head = n, h[:0]
}

func (f *flow) count(b byte, n int) {
	const control, rsv1 = 0x08, 0x40
	if b&control != 0 {
		f.between++
		return
	}
	f.bytes += n
	switch {
	case b&0x0f == 0:
		f.pieces++
		f.within += f.between
	case b&rsv1 != 0:
		f.packed++
	default:
		f.plain++
	}
	f.between = 0
}
