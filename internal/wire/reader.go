package wire

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// trust is how much memory a declared length gets before its bytes arrive.
const trust = 64 << 10

// A Reader turns the bytes that a server sent into messages and control frames,
// in place. Its owner reads from the socket into Buffer, says so with Advance,
// and calls Next until it has nothing more:
//
//	n, err := conn.Read(r.Buffer())
//	r.Advance(n)
//	for {
//		op, p, err := r.Next()
//		...
//	}
//
// A Reader that is not given any bytes holds no buffer after Rest.
type Reader struct {
	limit int64    // of a message
	short int      // the longest payload of the common case that limit allows
	state ws.State // client side, and whether a fragmented message is open

	buf  *[readSize]byte
	r, w int    // buf[r:w] is not parsed yet
	rest *scrap // it, while there is no buf

	// A message that is not parsed in place: one of several fragments, or of a
	// frame that does not fit into buf.
	msg  *scrap
	op   Op    // its opcode, from its first frame
	left int64 // bytes of its current frame that have not come
	fin  bool  // its current frame is the last one
	done bool  // it was handed out: the next Next is free to drop it

	checked int  // bytes of the text under way that are known to be UTF-8
	closed  bool // a Close came: what follows is ignored (RFC 6455 5.5.1)
	failed  error
}

// NewReader returns a Reader of messages up to limit bytes. early is what came
// with the handshake's answer.
func NewReader(limit int64, early []byte) *Reader {
	r := &Reader{limit: limit, short: int(min(limit, 125)), state: ws.StateClientSide}
	for len(early) > 0 { // at most the handshake's buffer: far below readSize
		n := copy(r.Buffer(), early)
		r.Advance(n)
		early = early[n:]
	}
	return r
}

// Buffer returns where the next read goes. It is never empty, and what the last
// Next returned is gone.
func (r *Reader) Buffer() []byte {
	r.drop()
	if r.closed || r.failed != nil {
		r.r, r.w, r.left = 0, 0, 0
	}
	if r.left > 0 && r.r == r.w {
		// Straight into the message; its room grows as the bytes come.
		r.msg = r.msg.grow(int(min(r.left, max(trust, int64(len(r.msg.b))))))
		b := r.msg.b
		return b[len(b):min(int64(cap(b)), int64(len(b))+r.left)]
	}
	if r.buf == nil {
		r.buf = readBuffers.Get().(*[readSize]byte)
		if r.rest != nil {
			r.w = copy(r.buf[:], r.rest.b)
			r.rest.free()
			r.rest = nil
		}
	}
	if r.r > 0 {
		r.w = copy(r.buf[:], r.buf[r.r:r.w])
		r.r = 0
	}
	return r.buf[r.w:]
}

// Advance says that n bytes were read into Buffer.
func (r *Reader) Advance(n int) {
	if r.left > 0 && r.r == r.w {
		r.msg.b = r.msg.b[:len(r.msg.b)+n]
		r.left -= int64(n)
		return
	}
	r.w += n
}

// Rest gives the read buffer back: there is nothing to read. A half-received
// frame is moved to a buffer of its size.
func (r *Reader) Rest() {
	r.drop()
	if r.buf == nil {
		return
	}
	if n := r.w - r.r; n > 0 {
		r.rest = newScrap(n)
		r.rest.b = append(r.rest.b, r.buf[r.r:r.w]...)
	}
	readBuffers.Put(r.buf)
	r.buf, r.r, r.w = nil, 0, 0
}

// Close gives everything back.
func (r *Reader) Close() {
	r.closed, r.left = true, 0
	r.r, r.w = 0, 0
	r.Rest()
	if r.rest != nil {
		r.rest.free()
		r.rest = nil
	}
	if r.msg != nil {
		r.msg.free()
		r.msg = nil
	}
}

// drop forgets the message that was handed out last.
func (r *Reader) drop() {
	if r.done {
		r.done = false
		if r.msg != nil {
			r.msg.free()
			r.msg = nil
		}
	}
}

// Take makes the payload that Next returned last the caller's own, if it is a
// buffer of its own; otherwise it must be copied.
func (r *Reader) Take() bool {
	if !r.done || r.msg == nil {
		return false
	}
	r.msg, r.done = nil, false
	return true
}

// Next returns the next whole message or control frame: its opcode and its
// payload, which is valid until Next, Buffer, Rest or Close. Opcode 0: there is
// none without more bytes. An error is an *Error, and final.
func (r *Reader) Next() (Op, []byte, error) {
	if r.done || r.left > 0 || r.failed != nil || r.closed {
		r.drop()
		if r.failed != nil || r.closed {
			return 0, nil, r.failed
		}
	}
	for {
		if r.msg != nil && !r.state.Fragmented() || r.left > 0 {
			if op, p, err := r.collect(); op != 0 || err != nil || r.left > 0 {
				return op, p, err
			}
			continue
		}
		b := r.pending()
		if len(b) < 2 {
			return 0, nil, nil
		}
		if n := int(b[1]); b[0] == 0x82 && n <= r.short && !r.state.Fragmented() {
			// The common case: a small binary message in one frame.
			if len(b) < 2+n {
				return 0, nil, nil
			}
			r.r += 2 + n
			return OpBinary, b[2 : 2+n : 2+n], nil
		}
		op, p, more, err := r.frame(b)
		if err != nil {
			r.failed = err
			return 0, nil, err
		}
		if op != 0 || more {
			return op, p, nil
		}
	}
}

// pending is what was read and not yet parsed.
func (r *Reader) pending() []byte {
	if r.buf == nil {
		return nil
	}
	return r.buf[r.r:r.w]
}

// frame parses the frame at the beginning of b. more: it needs more bytes.
func (r *Reader) frame(b []byte) (op Op, p []byte, more bool, err error) {
	h, size, err := r.header(b)
	if err != nil || size == 0 {
		return 0, nil, size == 0, err
	}
	whole := int64(len(b)-size) >= h.Length
	switch {
	case h.OpCode.IsControl():
		if !whole {
			return 0, nil, true, nil
		}
	case !h.Fin || h.OpCode == ws.OpContinuation || int64(size)+h.Length > readSize:
		return 0, nil, false, r.begin(h, size)
	case !whole:
		return 0, nil, true, r.check(h, b[size:], false)
	}
	n := int(h.Length)
	p = b[size : size+n : size+n]
	r.r += size + n
	if h.OpCode == ws.OpClose {
		r.closed = true
	}
	if err := r.check(h, p, true); err != nil {
		return 0, nil, false, err
	}
	return Op(h.OpCode), p, false, nil
}

// header parses and checks the header at the beginning of b; its size is 0 if it
// is not whole yet.
func (r *Reader) header(b []byte) (h ws.Header, size int, err error) {
	h = ws.Header{Fin: b[0]&0x80 != 0, Rsv: b[0] >> 4 & 7, OpCode: ws.OpCode(b[0] & 0x0f), Masked: b[1]&0x80 != 0, Length: int64(b[1] & 0x7f)}
	size = 2
	least := int64(0) // of the length, in the form that it has
	switch n := h.Length; {
	case n == 126 && len(b) >= 4:
		h.Length, size, least = int64(binary.BigEndian.Uint16(b[2:])), 4, 126
	case n == 127 && len(b) >= 10:
		h.Length, size, least = int64(binary.BigEndian.Uint64(b[2:])), 10, 1<<16
	case n >= 126:
		size = 0
	}
	if err := ws.CheckHeader(h, r.state); err != nil {
		return h, 0, &Error{codeProtocolError, err}
	}
	if size == 0 {
		return h, 0, nil
	}
	if h.Length < least { // negative: the top bit is set
		return h, 0, violation(codeProtocolError, "frame length is not minimal, or has its top bit set")
	}
	if !h.OpCode.IsControl() {
		have := int64(0)
		if r.msg != nil && h.OpCode == ws.OpContinuation {
			have = int64(len(r.msg.b))
		}
		if h.Length > r.limit-have {
			return h, 0, violation(codeTooBig, "message larger than %d bytes", r.limit)
		}
	}
	return h, size, nil
}

// check validates the text of an unfragmented frame, whole or in part.
func (r *Reader) check(h ws.Header, p []byte, whole bool) error {
	if h.OpCode != ws.OpText {
		return nil
	}
	if whole && r.checked == 0 {
		if !utf8.Valid(p) {
			return violation(codeInvalidData, "text is not UTF-8")
		}
		return nil
	}
	err := r.checkText(p, whole)
	if whole {
		r.checked = 0
	}
	return err
}

// checkText validates what has come of the text p since the last time.
func (r *Reader) checkText(p []byte, whole bool) error {
	n, ok := validPrefix(p[r.checked:])
	r.checked += n
	if !ok || whole && r.checked != len(p) {
		return violation(codeInvalidData, "text is not UTF-8")
	}
	return nil
}

// begin consumes the header of a frame that is collected in msg.
func (r *Reader) begin(h ws.Header, size int) error {
	r.r += size
	if h.OpCode != ws.OpContinuation {
		r.op, r.checked = Op(h.OpCode), 0
		r.msg = newScrap(int(min(h.Length, trust)))
	}
	r.left, r.fin = h.Length, h.Fin
	r.state = r.state.Clear(ws.StateFragmented)
	if !h.Fin {
		r.state = r.state.Set(ws.StateFragmented)
	}
	return nil
}

// collect moves what has come of the current frame to msg, and returns the
// message if that was its end.
func (r *Reader) collect() (Op, []byte, error) {
	if r.left > 0 {
		b := r.pending()
		n := int(min(r.left, int64(len(b))))
		if n > 0 {
			r.msg = r.msg.grow(n)
			r.msg.b = append(r.msg.b, b[:n]...)
			r.r += n
			r.left -= int64(n)
		}
	}
	last := r.fin && r.left == 0
	if r.op == OpText {
		if err := r.checkText(r.msg.b, last); err != nil {
			r.failed = err
			return 0, nil, err
		}
	}
	if !last {
		return 0, nil, nil
	}
	r.done, r.checked = true, 0
	return r.op, r.msg.b, nil
}

// Collecting reports whether the next bytes belong to a message that is put
// together in a buffer of its own.
func (r *Reader) Collecting() bool { return r.left > 0 }

// Pending is how many bytes were read and not parsed.
func (r *Reader) Pending() int { return r.w - r.r }
