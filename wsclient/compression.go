package wsclient

import (
	"strings"

	"github.com/steadyws/steadyws/internal/wire"
)

// Compression is the use of permessage-deflate (RFC 7692). It is an offer: what
// the server made of it is in Extensions. Small messages (less than 512 bytes, or
// 128 with context) are sent as they are. MaxMessage counts inflated bytes.
type Compression int

// The ways to compress.
const (
	// CompressionOff offers nothing.
	CompressionOff Compression = iota
	// CompressionNoContext compresses each message by itself, in both
	// directions: a connection holds no memory for it between messages. A
	// server that accepts it must say server_no_context_takeover.
	CompressionNoContext
	// CompressionContext lets messages refer to those before them: smaller on
	// the wire, most of all where messages are small and alike. A connection
	// holds up to 40 KiB of what it received and 5 KiB of what it sent. The
	// server may still choose to do without, for either direction.
	CompressionContext
)

// compress does what was agreed on; nil: nothing.
func (k *connection) compress(d *wire.Deflate) {
	if d != nil {
		k.r.Inflate(d)
		k.w.deflater = wire.NewDeflater(d)
	}
}

// extensions is the server's answer to our offer.
func (k *connection) extensions() string {
	return strings.Join(k.agreed.Extensions, ", ")
}

// deflate compresses a message, if that was agreed on and is worth it.
func (w *writer) deflate(p []byte) (z []byte, ok bool) {
	if w.deflater == nil {
		return nil, false
	}
	return w.deflater.Deflate(p)
}
