package wire

import "encoding/binary"

const (
	// leastRoom is the least that Buffer returns, while messages are not read
	// straight into buffers of their own.
	leastRoom = 4 << 10

	// inPlace is the largest frame, with its header, that is parsed where it
	// was read: it leaves leastRoom in the read buffer.
	inPlace = readSize - leastRoom

	// straight is how much of a message must have come before the rest of its
	// frame is read straight into its buffer: a declared length gets no memory
	// by itself.
	straight = 64 << 10
)

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
	limit int64 // of a message
	plain int   // the longest payload that Next may take at a glance; -1: none now

	in *scrap // what was read; nil: nothing
	r  int    // in.b[r:] is not parsed yet

	// A message that is not parsed in place: one of several fragments, or of a
	// frame that is too large for it, or came in pieces.
	msg   *scrap
	size  int64 // bytes of its frames so far, the current one included
	op    Op    // its opcode, from its first frame
	left  int64 // bytes of its current frame that have not come
	fin   bool  // its current frame is the last one
	open  bool  // its current frame is not dealt with yet
	large bool  // the rest of its current frame is read straight into msg
	done  bool  // it was handed out: the next call is free to drop it

	inf    *inflater // of permessage-deflate; nil: it was not agreed on
	packed bool      // the message is compressed: msg is what of it is not inflated
	small  bool      // the message that was handed out is not worth its buffer

	checked int  // bytes of the text under way that are known to be UTF-8
	closed  bool // what follows is ignored: a Close came (RFC 6455 5.5.1), or failed
	failed  error
}

// NewReader returns a Reader that has begun.
func NewReader(limit int64, early []byte) *Reader {
	r := &Reader{}
	r.Begin(limit, early)
	return r
}

// Begin makes of a zero Reader one of messages up to limit bytes. early is what came
// with the handshake's answer.
func (r *Reader) Begin(limit int64, early []byte) {
	r.limit = limit
	r.look()
	if len(early) > 0 {
		r.in = newScrap(len(early))
		r.in.b = append(r.in.b, early...)
	}
}

// Inflate takes compressed messages, as agreed on. It comes before Next.
func (r *Reader) Inflate(d *Deflate) { r.inf = newInflater(r.limit, d) }

// Buffer returns where the next read goes: 4 KiB at least, unless Collecting
// says otherwise, and never nothing. What the last Next returned is gone.
func (r *Reader) Buffer() []byte {
	r.drop()
	if r.large && r.left > 0 {
		r.widen(int(min(r.left, int64(cap(r.msg.b)/4))))
		b := r.msg.b
		return b[len(b):min(int64(cap(b)), int64(len(b))+r.left)]
	}
	if r.in == nil {
		r.in = newScrap(readSize)
	}
	if r.closed {
		r.in.b, r.r = r.in.b[:0], 0
	}
	if r.r > 0 {
		r.in.b = r.in.b[:copy(r.in.b, r.pending())]
		r.r = 0
	}
	if r.in.room() < leastRoom { // it was a small one, or Next was not called until the end
		r.in = r.in.moved(r.in.b, max(readSize, 2*cap(r.in.b)))
	}
	return r.in.b[len(r.in.b):cap(r.in.b)]
}

// Advance says that n bytes were read into Buffer.
func (r *Reader) Advance(n int) {
	if r.large && r.left > 0 {
		r.msg.b = r.msg.b[:len(r.msg.b)+n]
		r.left -= int64(n)
		return
	}
	r.in.b = r.in.b[:len(r.in.b)+n]
}

// Rest gives the read buffer back: there is nothing to read. What has come of a
// data frame goes on in the message's buffer: frames that come in many pieces
// would be moved to and fro with each. What little else there is goes to a
// buffer of its size.
func (r *Reader) Rest() {
	r.drop()
	b := r.pending()
	if r.closed {
		b = nil
	} else if len(b) >= 2 && !r.open {
		h, size, err := r.header(b)
		if err == nil && size > 0 && !h.OpCode.IsControl() && h.Length > int64(len(b)-size) {
			r.begin(h, size)
			r.gather()
			b = nil
		}
	}
	switch {
	case len(b) == 0:
		r.in.free()
		r.in, r.r = nil, 0
	case cap(r.in.b) > 2*max(len(b), 1<<scrapLeast):
		r.in, r.r = r.in.moved(b, len(b)), 0
	}
}

// Close gives everything back.
func (r *Reader) Close() {
	r.ignore()
	r.Rest()
}

// ignore forgets what has come and what will come.
func (r *Reader) ignore() {
	r.closed, r.open, r.left = true, false, 0
	r.msg.free()
	r.inf.drop()
	r.msg, r.done = nil, false
	r.look()
}

// fail makes err, which is never nil, final.
func (r *Reader) fail(err error) error {
	r.failed = err
	r.ignore()
	return err
}

// drop forgets the message that was handed out last.
func (r *Reader) drop() {
	if r.done {
		r.msg.free()
		r.msg, r.done = nil, false
		r.look()
	}
}

// look sets plain: the reading is plain while no message is under way.
func (r *Reader) look() {
	r.plain = -1
	if r.msg == nil && r.checked == 0 && !r.closed {
		r.plain = int(min(r.limit, 1<<16-1))
	}
}

// Take makes the payload that Next returned last the caller's own, if it is a
// buffer of its own; otherwise it must be copied.
func (r *Reader) Take() bool {
	if !r.done || r.small {
		return false
	}
	r.msg, r.done = nil, false
	r.look()
	return true
}

// Place returns what was read and not dropped yet, and where in it the payload ends
// that Next returned last; not ok: it is elsewhere. Buffer and Rest move it.
func (r *Reader) Place() (read []byte, end int, ok bool) {
	if r.done {
		return nil, 0, false
	}
	return r.in.b, r.r, true
}

// Collecting reports whether Buffer is that of a message which is put together:
// more bytes of it than Buffer holds cannot be taken.
func (r *Reader) Collecting() bool { return r.large && r.left > 0 }

// Pending is how many bytes were read and not parsed.
func (r *Reader) Pending() int { return len(r.pending()) }

// pending is what was read and not parsed.
func (r *Reader) pending() []byte {
	if r.in == nil {
		return nil
	}
	return r.in.b[r.r:]
}

// Next returns the next whole message or control frame: its opcode and its
// payload, which is valid until Next, Buffer, Rest or Close. Opcode 0: there is
// none without more bytes. An error is an *Error, and final.
func (r *Reader) Next() (Op, []byte, error) {
	b, most := r.Plain()
	op, size, n := Glance(b, most)
	if op == 0 {
		return r.next()
	}
	r.r += size + n
	return op, b[size : size+n : size+n], nil
}

// Plain returns what was read and not parsed, and the longest payload that Glance may
// find at its beginning. For who looks at many messages Glance is cheaper than Next;
// Skip has to follow.
func (r *Reader) Plain() (b []byte, most int) { return r.pending(), r.plain }

// Skip takes the first n bytes out of what Plain has returned.
func (r *Reader) Skip(n int) { r.r += n }

// Glance finds the common case, a message in one frame that is in b as a whole and at
// most 64 KiB long, which takes a few nanoseconds: its opcode, and the sizes of its
// header and payload. Opcode 0: Next knows what there is instead.
func Glance(b []byte, most int) (op Op, header, n int) {
	if len(b) < 2 {
		return 0, 0, 0
	}
	header, n = 2, int(b[1])
	if n >= 126 {
		if n > 126 || len(b) < 4 {
			return 0, 0, 0
		}
		if header, n = 4, int(binary.BigEndian.Uint16(b[2:])); n < 126 {
			return 0, 0, 0
		}
	}
	if n > most || n > len(b)-header {
		return 0, 0, 0
	}
	if b[0] == finBinary || b[0] == finText && validText(b[header:header+n]) {
		return Op(b[0] & 0x0f), header, n
	}
	return 0, 0, 0
}

// The first bytes of messages in one frame.
const (
	finText   = 0x80 | byte(OpText)
	finBinary = 0x80 | byte(OpBinary)
)
