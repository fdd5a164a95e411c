package wire

import (
	"encoding/binary"
	"slices"

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
		if op&Deflated != 0 { // from here, so that there is little stack above it
			op, p, err = r.inflated(op&^Deflated, r.inf.whole(p))
		}
	}
	r.look()
	return op, p, err
}

// frame parses the next frame. more: it needs more bytes. A message that is to be
// inflated is marked Deflated.
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
	if h.Rsv == rsvDeflated {
		if !whole && n > inflateWhole {
			r.begin(h, size)
			return 0, nil, false, nil
		}
		if !whole {
			return 0, nil, true, nil
		}
		r.r += size + n
		return Op(h.OpCode) | Deflated, p, false, nil
	}
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
	packed := false
	if r.msg != nil {
		state, have, packed = state.Set(ws.StateFragmented), r.size, r.packed
	}
	rsv := h.Rsv
	if r.inf != nil && rsv == rsvDeflated && (h.OpCode == ws.OpText || h.OpCode == ws.OpBinary) { // RFC 7692 6.1: on the first frame of a message
		h.Rsv, packed = 0, true
	}
	if err := ws.CheckHeader(h, state); err != nil {
		return h, 0, &Error{codeProtocolError, err}
	}
	h.Rsv = rsv
	if size == 0 {
		return h, 0, nil
	}
	if h.Length < least { // negative: the top bit is set
		return h, 0, violation(codeProtocolError, "frame length is not minimal, or has its top bit set")
	}
	// What is compressed is limited when it is inflated: its own length says
	// nothing, and gets no memory.
	if !h.OpCode.IsControl() && !packed && h.Length > r.limit-have {
		return h, 0, tooBig(r.limit)
	}
	return h, size, nil
}

// begin consumes the header of a frame that is collected in msg.
func (r *Reader) begin(h ws.Header, size int) {
	r.r += size
	r.left, r.fin, r.open, r.large = h.Length, h.Fin, true, false
	if h.OpCode != ws.OpContinuation {
		r.op, r.size, r.packed = Op(h.OpCode), 0, h.Rsv == rsvDeflated
		n := r.left
		if r.packed {
			n = min(n, inflateWhole)
		}
		here := int64(r.Pending())
		if r.msg = nil; here >= straight && r.fin && !r.packed {
			r.msg = spareScrap(n)
		}
		if r.msg == nil {
			r.msg = newScrap(int(min(n, here)))
		}
	}
	r.size += h.Length
	r.look()
}

// rsvDeflated is RSV1 as ws.Header has it.
const rsvDeflated = 4

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
// fragments cost no more than their sum, and stops at the message's end. Of a large
// message there is much already: it gets all at once if that is there already.
func (r *Reader) widen(n int) {
	m := r.msg
	if m.room() >= n {
		return
	}
	whole := int64(len(m.b)) + r.left
	if r.large && r.fin {
		if t := spareScrap(whole); t != nil {
			r.msg = m.movedTo(t, m.b)
			return
		}
	}
	most := 2 * int64(cap(m.b))
	if r.fin {
		most = min(most, whole)
	}
	r.msg = m.moved(m.b, max(len(m.b)+n, int(most)))
}

// collect deals with what has come of the current frame, and returns the message
// if that was its end, like frame. more: the frame goes on.
func (r *Reader) collect() (op Op, p []byte, more bool, err error) {
	if r.packed {
		return r.collectPacked()
	}
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
	r.done, r.small = true, false
	return r.op, r.msg.b, false, nil
}

// collectPacked is collect for a compressed message: a small one is inflated
// when it is whole, a larger one as it arrives.
func (r *Reader) collectPacked() (op Op, p []byte, more bool, err error) {
	n := int(min(r.left, int64(r.Pending())))
	if r.inf.part == nil && len(r.msg.b)+n <= inflateWhole {
		r.gather()
	} else if err := r.unpack(n); err != nil {
		return 0, nil, false, r.fail(err)
	}
	if r.open = r.left > 0; r.open || !r.fin {
		return 0, nil, r.open, nil
	}
	if r.inf.part == nil {
		return r.op | Deflated, r.msg.b, false, nil
	}
	op, p, err = r.inflated(r.op, r.inf.end())
	return op, p, false, err
}

// unpack inflates what was gathered before, and n bytes of what is pending.
func (r *Reader) unpack(n int) error {
	if r.inf.part == nil {
		r.inf.begin()
		if err := r.inf.feed(r.msg.b); err != nil {
			return err
		}
		r.msg.free()
		r.msg = newScrap(0)
	}
	err := r.inf.feed(r.pending()[:n])
	r.r += n
	r.left -= int64(n)
	if err == nil && r.op == OpText {
		err = r.checkText(r.inf.out.b, false)
	}
	return err
}

// inflated returns the message that was inflated, or err.
func (r *Reader) inflated(op Op, err error) (Op, []byte, error) {
	if err == nil {
		z := r.msg
		r.msg = r.inf.done()
		z.free()
	}
	if err == nil && op == OpText {
		err = r.checkText(r.msg.b, true)
	}
	if err != nil {
		return 0, nil, r.fail(err)
	}
	r.packed, r.done = false, true
	r.small = len(r.msg.b) < cap(r.msg.b)/2 || len(r.msg.b) <= leastRoom
	return op, slices.Clip(r.msg.b), nil
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
