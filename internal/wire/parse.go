package wire

import (
	"encoding/binary"

	"github.com/gobwas/ws"
)

// next is Next in full.
func (r *Reader) next() (op Op, p []byte, err error) {
	r.drop()
	if r.closed {
		return 0, nil, r.failed
	}
	for more := false; op == 0 && err == nil && !more; {
		if r.open {
			op, p, more, err = r.collect()
		} else {
			op, p, more, err = r.frame()
		}
	}
	r.look()
	return op, p, err
}

// frame parses the next frame. more: it needs more bytes.
func (r *Reader) frame() (op Op, p []byte, more bool, err error) {
	b := r.pending()
	if len(b) < 2 {
		return 0, nil, true, nil
	}
	h, size, err := r.header(b)
	if err != nil {
		return 0, nil, false, r.fail(err)
	}
	if size == 0 {
		return 0, nil, true, nil
	}
	if !h.OpCode.IsControl() && (!h.Fin || h.OpCode == ws.OpContinuation || h.Length > int64(inPlace-size)) {
		r.begin(h, size)
		return 0, nil, false, nil
	}
	n := int(h.Length)
	whole := len(b)-size >= n
	p = b[size:min(len(b), size+n)]
	if h.OpCode == ws.OpText {
		if err := r.checkText(p, whole); err != nil {
			return 0, nil, false, r.fail(err)
		}
	}
	if !whole {
		return 0, nil, true, nil
	}
	r.r += size + n
	if h.OpCode == ws.OpClose {
		r.ignore()
	}
	return Op(h.OpCode), p[:n:n], false, nil
}

// header parses and checks the header at the beginning of b, which has two bytes
// at least; its size is 0 if it is not whole yet.
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
	state, have := ws.StateClientSide, int64(0)
	if r.msg != nil {
		state, have = state.Set(ws.StateFragmented), int64(len(r.msg.b))
	}
	if err := ws.CheckHeader(h, state); err != nil {
		return h, 0, &Error{codeProtocolError, err}
	}
	if size == 0 {
		return h, 0, nil
	}
	if h.Length < least { // negative: the top bit is set
		return h, 0, violation(codeProtocolError, "frame length is not minimal, or has its top bit set")
	}
	if !h.OpCode.IsControl() && h.Length > r.limit-have {
		return h, 0, violation(codeTooBig, "message larger than %d bytes", r.limit)
	}
	return h, size, nil
}

// begin consumes the header of a frame that is collected in msg.
func (r *Reader) begin(h ws.Header, size int) {
	r.r += size
	r.left, r.fin, r.open, r.large = h.Length, h.Fin, true, false
	if h.OpCode != ws.OpContinuation {
		r.op = Op(h.OpCode)
		r.msg = newScrap(int(min(r.left, int64(r.Pending()))))
	}
	r.look()
}

// gather moves what has come of the current frame to msg.
func (r *Reader) gather() {
	b := r.pending()
	if n := int(min(r.left, int64(len(b)))); n > 0 {
		r.widen(n)
		r.msg.b = append(r.msg.b, b[:n]...)
		r.r += n
		r.left -= int64(n)
	}
}

// widen makes room for n more bytes of msg. It doubles, so that many small
// fragments cost no more than their sum, and stops at the message's end.
func (r *Reader) widen(n int) {
	if m := r.msg; m.room() < n {
		most := 2 * int64(cap(m.b))
		if r.fin {
			most = min(most, int64(len(m.b))+r.left)
		}
		r.msg = m.moved(m.b, max(len(m.b)+n, int(most)))
	}
}

// collect deals with what has come of the current frame, and returns the message
// if that was its end. more: the frame goes on.
func (r *Reader) collect() (op Op, p []byte, more bool, err error) {
	r.gather()
	r.open = r.left > 0
	last := r.fin && !r.open
	if r.op == OpText {
		if err := r.checkText(r.msg.b, last); err != nil {
			return 0, nil, false, r.fail(err)
		}
	}
	if !last {
		r.large = len(r.msg.b) >= straight
		return 0, nil, r.open, nil
	}
	r.done = true
	return r.op, r.msg.b, false, nil
}

// checkText validates what has come of the text p since the last time.
func (r *Reader) checkText(p []byte, whole bool) error {
	n, ok := validPrefix(p[r.checked:])
	if r.checked += n; !ok || whole && r.checked != len(p) {
		return violation(codeInvalidData, "text is not UTF-8")
	}
	if whole {
		r.checked = 0
	}
	return nil
}
