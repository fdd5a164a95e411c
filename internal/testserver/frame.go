package testserver

import (
	"bytes"

	"github.com/gobwas/ws"
)

// Frame is one frame of RFC 6455 5.2. What Read returns is unmasked.
type Frame struct {
	Fin     bool
	Rsv     byte // RSV1 is 4, RSV2 is 2, RSV3 is 1
	Op      ws.OpCode
	Masked  bool    // as received; written frames are masked only to provoke the client
	Mask    [4]byte // the key, if Masked
	Payload []byte
}

// TextFrame is a whole text message.
func TextFrame(s string) Frame { return Frame{Fin: true, Op: ws.OpText, Payload: []byte(s)} }

// BinaryFrame is a whole binary message.
func BinaryFrame(p []byte) Frame { return Frame{Fin: true, Op: ws.OpBinary, Payload: p} }

// PingFrame is a ping.
func PingFrame(p []byte) Frame { return Frame{Fin: true, Op: ws.OpPing, Payload: p} }

// PongFrame is a pong.
func PongFrame(p []byte) Frame { return Frame{Fin: true, Op: ws.OpPong, Payload: p} }

// CloseFrame is a Close; code 0 leaves its payload empty.
func CloseFrame(code ws.StatusCode, reason string) Frame {
	f := Frame{Fin: true, Op: ws.OpClose}
	if code != 0 {
		f.Payload = ws.NewCloseFrameBody(code, reason)
	}
	return f
}

// Encode returns the bytes of frames, one after the other.
func Encode(frames ...Frame) []byte {
	var b bytes.Buffer
	for _, f := range frames {
		f.encodeHeader(&b)
		start := b.Len()
		b.Write(f.Payload)
		if f.Masked {
			ws.Cipher(b.Bytes()[start:], f.Mask, 0)
		}
	}
	return b.Bytes()
}

func (f Frame) encodeHeader(b *bytes.Buffer) {
	// A bytes.Buffer takes everything, and no slice is too long for a header.
	_ = ws.WriteHeader(b, ws.Header{
		Fin: f.Fin, Rsv: f.Rsv, OpCode: f.Op,
		Masked: f.Masked, Mask: f.Mask, Length: int64(len(f.Payload)),
	})
}
