package wire

import (
	"encoding/binary"

	"github.com/gobwas/ws"
)

// Own reads a frame that AppendFrame has made of at most 65535 bytes: its opcode, the
// size of its header, and that of its payload.
func Own(frame []byte) (op Op, header, size int) {
	if size = int(frame[1] & 0x7f); size < 126 {
		return Op(frame[0] & 0x0f), 6, size
	}
	return Op(frame[0] & 0x0f), 8, int(binary.BigEndian.Uint16(frame[2:]))
}

// Remask gives such a frame another masking key.
func Remask(frame []byte, key uint32) {
	_, header, size := Own(frame)
	at := frame[header-4 : header]
	var change [4]byte
	binary.LittleEndian.PutUint32(change[:], binary.LittleEndian.Uint32(at)^key)
	ws.Cipher(frame[header:header+size], change, 0)
	binary.LittleEndian.PutUint32(at, key)
}

// Unmask appends the payload of such a frame to dst.
func Unmask(dst, frame []byte) []byte {
	_, header, size := Own(frame)
	return AppendPayload(dst, frame[header:header+size], binary.LittleEndian.Uint32(frame[header-4:]), 0)
}
