package wire

import (
	"sync"

	"github.com/klauspost/compress/flate"
)

// Deflated marks the opcode of a compressed message: RSV1 (RFC 7692 6).
const Deflated Op = 0x40

// Smaller messages are not compressed: by themselves they hardly get smaller,
// with those before them they do.
const (
	deflateLeast        = 512
	deflateLeastContext = 128
)

// deflateWindow is what later messages may refer to once the compressor has been
// given back. Within a burst they refer to all of the agreed window.
const deflateWindow = 4 << 10

// syncTail ends what a compressor flushes; it is not sent (RFC 7692 7.2.1).
const syncTail = "\x00\x00\xff\xff"

// A Deflater compresses what one connection sends, message by message, in the
// order in which they leave. It holds a compressor, which has 0.8 MiB, only
// until Rest.
type Deflater struct {
	context bool
	bits    int
	hist    history
	c       *compressor
}

// NewDeflater returns the Deflater of a connection that agreed on d.
func NewDeflater(d *Deflate) *Deflater {
	return &Deflater{context: !d.ClientNoContext, bits: d.ClientBits, hist: history{size: min(deflateWindow, 1<<d.ClientBits)}}
}

// Deflate returns p compressed, valid until the next call, or not ok if it is
// better sent as it is, which RFC 7692 6 leaves to each message.
func (d *Deflater) Deflate(p []byte) (z []byte, ok bool) {
	if len(p) < deflateLeast && (!d.context || len(p) < deflateLeastContext) {
		return nil, false
	}
	if d.c == nil {
		d.c = newCompressor(d.bits)
		d.c.w.ResetDict(d.c, d.hist.window())
	} else if !d.context {
		d.c.w.Reset(d.c)
	}
	d.c.out = d.c.out[:0]
	// The destination takes everything: there are no errors.
	d.c.w.Write(p)
	d.c.w.Flush()
	z = d.c.out[:len(d.c.out)-len(syncTail)]
	if d.context { // the peer's window must have what ours has
		d.hist.add(p)
		return z, true
	}
	return z, len(z) < len(p)
}

// Rest gives the compressor back: nothing is being sent.
func (d *Deflater) Rest() {
	if d != nil && d.c != nil {
		d.c.free(d.bits)
		d.c = nil
	}
}

// Forget is Rest, and what is compressed next refers to nothing before it: some of
// that will not be sent.
func (d *Deflater) Forget() {
	if d != nil {
		d.Rest()
		d.hist.forget()
	}
}

// A compressor makes a deflate stream in out.
type compressor struct {
	w   *flate.Writer
	out []byte
}

func (c *compressor) Write(p []byte) (int, error) {
	c.out = append(c.out, p...)
	return len(p), nil
}

// compressors are pooled by the bits of their window.
var compressors [maxBits + 1]sync.Pool

// newCompressor returns one that was not reset.
func newCompressor(bits int) *compressor {
	if c, ok := compressors[bits].Get().(*compressor); ok {
		return c
	}
	c := &compressor{}
	// Neither level nor window is out of range: there are no errors.
	if bits == maxBits {
		c.w, _ = flate.NewWriter(c, flate.BestSpeed)
	} else {
		c.w, _ = flate.NewWriterWindow(c, 1<<bits)
	}
	return c
}

func (c *compressor) free(bits int) {
	if cap(c.out) > readSize { // after a large message
		c.out = nil
	}
	c.w.ResetDict(c, nil) // it must not pin a connection's history
	compressors[bits].Put(c)
}
