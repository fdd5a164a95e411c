package testserver

import (
	"bytes"
	"compress/flate"

	"github.com/gobwas/ws"
)

// A Deflater compresses what the server sends, as RFC 7692 7.2.1 has it, with the
// standard library, which the client does not use. Its window is of 15 bits.
type Deflater struct {
	Context bool // messages refer to those before them
	Level   int  // of compress/flate; 0: BestSpeed

	w   *flate.Writer
	out bytes.Buffer
}

// Frame is a whole message, compressed: RSV1 is set.
func (d *Deflater) Frame(op ws.OpCode, p []byte) Frame {
	return Frame{Fin: true, Rsv: 4, Op: op, Payload: d.Deflate(p)}
}

// Deflate returns the payload of the message p.
func (d *Deflater) Deflate(p []byte) []byte {
	switch {
	case d.w == nil:
		level := d.Level
		if level == 0 {
			level = flate.BestSpeed
		}
		// A level that there is not is a mistake of the test.
		d.w, _ = flate.NewWriter(&d.out, level)
	case !d.Context:
		d.w.Reset(&d.out)
	}
	d.out.Reset()
	// A bytes.Buffer takes everything.
	_, _ = d.w.Write(p)
	_ = d.w.Flush()
	return bytes.Clone(bytes.TrimSuffix(d.out.Bytes(), []byte("\x00\x00\xff\xff")))
}
