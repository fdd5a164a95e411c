package wsclient

import (
	"bytes"

	"github.com/steadyws/steadyws/internal/wire"
)

// cut is a message larger than a batch: it leaves in pieces.
type cut struct {
	entry
	on      bool
	payload []byte // of its frame: the message, or that compressed
	off     int    // of payload, what went into batches so far
	end     int    // of that, in the batch
	key     uint32
}

// is reports whether it is e that is cut.
func (c *cut) is(e *entry) bool { return c.seq == e.seq && c.lane == e.lane }

// handed is how much of the message the kernel has, if it has n bytes of its payload.
func (c *cut) handed(n int) int64 {
	return int64(float64(n) / float64(len(c.payload)) * float64(c.size))
}

// piece makes the next piece of the message that is cut.
func (w *writer) piece(it *item) {
	b, c := w.b, &w.cut
	if c.off == 0 {
		op := c.op
		if z, ok := w.deflate(c.payload); ok {
			op, c.payload = op|wire.Deflated, bytes.Clone(z)
		}
		b.made(wire.AppendHeader(b.buf, op, true, len(c.payload), c.key))
	}
	piece := c.payload[c.off:min(len(c.payload), c.off+int(w.full))]
	b.made(wire.AppendPayload(b.buf, piece, c.key, c.off))
	if c.off, c.end = c.off+len(piece), b.size; c.off < len(c.payload) {
		it.end = partEnd
	} else {
		it.end = int32(c.end)
	}
}
