package wire

import (
	"encoding/binary"

	"github.com/gobwas/ws"
)

// Frames that are stored to be parsed again: ours before they leave, and a server's as
// they were read. They are known to be right and whole, so that this takes no checks.

// stored parses a header: its opcode, its size without a key, and the payload's size.
func stored(p []byte) (op Op, header, n int) {
	header, n = 2, int(p[1]&0x7f)
	switch n {
	case 126:
		header, n = 4, int(binary.BigEndian.Uint16(p[2:]))
	case 127:
		header, n = 10, int(binary.BigEndian.Uint64(p[2:]))
	}
	return Op(p[0] & 0x0f), header, n
}

// keySize is the size of a masking key, which ends the header of a frame of ours.
const keySize = 4

// Own parses the header of a frame that AppendFrame has made: its opcode, its size, and
// that of the payload.
func Own(frame []byte) (op Op, header, size int) {
	op, header, size = stored(frame)
	return op, header + keySize, size
}

// Remask gives such a frame another masking key.
func Remask(frame []byte, key uint32) {
	_, header, size := Own(frame)
	at := frame[header-keySize : header]
	var change [keySize]byte
	binary.LittleEndian.PutUint32(change[:], binary.LittleEndian.Uint32(at)^key)
	ws.Cipher(frame[header:header+size], change, 0)
	binary.LittleEndian.PutUint32(at, key)
}

// Unmask appends the payload of such a frame to dst.
func Unmask(dst, frame []byte) []byte {
	_, header, size := Own(frame)
	return AppendPayload(dst, frame[header:header+size], binary.LittleEndian.Uint32(frame[header-keySize:]), 0)
}

// ServerHeader is the size of the header of a server's frame of n payload bytes.
func ServerHeader(n int) int { return HeaderSize(n) - keySize }

// Hide makes of the server's frame at the beginning of p one that NextMessage passes
// over.
func Hide(p []byte) { p[0] = 0x80 | byte(OpPong) }

// NextMessage returns the first message from at on in p, frames of a server's: its
// opcode, its payload there, and where the next frame begins. There is one, and no
// message has several frames.
func NextMessage(p []byte, at int) (op Op, payload []byte, next int) {
	for {
		op, header, n := stored(p[at:])
		at += header + n
		if op < OpClose {
			return op, p[at-n : at : at], at
		}
	}
}
