package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"syscall"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// read waits for bytes and reads them into dst, or, if dst is nil, into the
// pooled buffer, which the connection holds only while there is something to
// read. What the handler has sent goes out before.
func (c *protoConn) read(dst []byte) (int, error) {
	c.mu.Lock()
	if c.pend != nil && !c.writing {
		c.step()
	}
	c.mu.Unlock()
	c.dst = dst
	err := c.rc.Read(c.reader)
	if err == nil {
		err = c.rerr
	}
	if err == nil && c.n == 0 {
		err = io.EOF
	}
	return c.n, err
}

func (c *protoConn) tryRead(fd uintptr) bool {
	b := c.dst
	if b == nil {
		if c.in == nil {
			c.in = protoIn.Get().(*[]byte)
		}
		b = (*c.in)[c.w:]
	}
	for try := 0; ; try++ {
		c.n, c.rerr = syscall.Read(int(fd), b)
		if c.rerr == nil {
			return true
		}
		if c.n = 0; c.rerr == syscall.EAGAIN && try >= c.spin {
			if c.dst == nil && c.w == 0 { // all messages are handed out
				protoIn.Put(c.in)
				c.in, c.slab = nil, nil
				if c.big != nil && c.bigOp == 0 {
					b := c.big[:0]
					protoBig.Put(&b)
					c.big = nil
				}
			}
			return false
		}
		if c.rerr != syscall.EINTR && c.rerr != syscall.EAGAIN {
			return true
		}
	}
}

func (c *protoConn) Loop(h Handler) error {
	for {
		if err := c.parse(h); err != nil {
			return err
		}
		n, err := c.read(nil)
		if err != nil {
			return err
		}
		c.w += n
	}
}

// parse hands out every whole frame of the buffer and moves the rest to its
// front; a frame that can never fit is read to its end here.
func (c *protoConn) parse(h Handler) error {
	if c.in == nil {
		return nil
	}
	buf, r, w := *c.in, c.r, c.w
	for w-r >= 2 {
		b := buf[r:w]
		size, n := 2, int(b[1])
		if n >= 126 {
			if size, n = header(b); size == 0 {
				break
			}
			if n < 0 || n > protoMax || b[1] > 127 {
				return errors.New("masked, or too big")
			}
		}
		if len(b) < size+n {
			if size+n <= len(buf) {
				break
			}
			if err := c.large(h, b[0], b[size:], n); err != nil {
				return err
			}
			r = w
			break
		}
		p := b[size : size+n : size+n]
		r += size + n
		if b[0] == 0x82 && c.bigOp == 0 { // a whole binary message
			if c.own {
				p = c.keep(p)
			}
			h(p, 1)
			continue
		}
		if err := c.frame(h, b[0], p); err != nil {
			return err
		}
	}
	c.w = copy(buf, buf[r:w])
	c.r = 0
	return nil
}

// large reads the rest of a frame of n bytes that begins with part, straight
// into the message buffer, which grows as the bytes come.
func (c *protoConn) large(h Handler, b0 byte, part []byte, n int) error {
	if c.big == nil {
		c.big = *protoBig.Get().(*[]byte)
	}
	dst := c.big // after the fragments before this one
	if b0&0x0f != 0 {
		dst = dst[:0]
	}
	base := len(dst)
	dst = append(slices.Grow(dst, min(n, protoTrust)), part...)
	for len(dst) < base+n {
		if len(dst) == cap(dst) {
			dst = slices.Grow(dst, min(n+base-len(dst), len(dst)))
		}
		m, err := c.read(dst[len(dst):min(cap(dst), base+n)])
		if err != nil {
			return err
		}
		dst = dst[:len(dst)+m]
	}
	c.big = dst[:base]
	return c.frame(h, b0, dst[base:])
}

// frame takes any whole frame: text, control, fragments, compressed.
func (c *protoConn) frame(h Handler, b0 byte, p []byte) error {
	hd := ws.Header{Fin: b0&0x80 != 0, Rsv: b0 >> 4 & 7, OpCode: ws.OpCode(b0 & 0x0f), Length: int64(len(p))}
	if err := ws.CheckHeader(hd, c.state); err != nil {
		return err
	}
	switch hd.OpCode {
	case ws.OpPing:
		return c.Send(byte(ws.OpPong), p)
	case ws.OpPong:
		return nil
	case ws.OpClose:
		c.Send(byte(ws.OpClose), p)
		c.mu.Lock()
		c.step()
		c.mu.Unlock()
		code, _ := ws.ParseCloseFrameData(p)
		return fmt.Errorf("closed by the server: %d: %w", code, io.EOF)
	}
	if c.bigOp != 0 || !hd.Fin { // one of several fragments
		if len(c.big)+len(p) > protoMax {
			return errors.New("message too big")
		}
		if c.bigOp == 0 {
			c.big, c.bigOp, c.state = c.big[:0], b0, c.state.Set(ws.StateFragmented)
		}
		if c.big = append(c.big, p...); !hd.Fin {
			return nil
		}
		p, b0, c.state = c.big, c.bigOp, c.state.Clear(ws.StateFragmented)
		c.big, c.bigOp = c.big[:0], 0
	}
	if c.utf8 && b0&0x0f == opText && !utf8.Valid(p) {
		return ws.ErrProtocolInvalidUTF8
	}
	if c.own {
		p = c.keep(p)
	}
	h(p, 1)
	return nil
}

// keep copies a message; small ones share an allocation.
func (c *protoConn) keep(p []byte) []byte {
	if len(p) > protoSlab/8 {
		return bytes.Clone(p)
	}
	if len(c.slab) < len(p) {
		c.slab = make([]byte, protoSlab)
	}
	q := c.slab[:len(p):len(p)]
	c.slab = c.slab[copy(q, p):]
	return q
}
