package wire

import "encoding/binary"

// What a Reader has parsed in place can be copied as it came, and parsed again: it is
// known to be whole, unmasked data frames of one fragment, and control frames.

// ServerHeader is the size of the header of a server's frame of n payload bytes.
func ServerHeader(n int) int { return HeaderSize(n) - 4 }

// Hide makes of the frame at the beginning of p one that NextMessage passes over.
func Hide(p []byte) { p[0] = 0x80 | byte(OpPong) }

// NextMessage returns the first message from at on in p, its payload there, and where
// the next frame begins. There is one.
func NextMessage(p []byte, at int) (op Op, payload []byte, next int) {
	for {
		header, n := 2, int(p[at+1])
		switch n {
		case 126:
			header, n = 4, int(binary.BigEndian.Uint16(p[at+2:]))
		case 127:
			header, n = 10, int(binary.BigEndian.Uint64(p[at+2:]))
		}
		op, at = Op(p[at]&0x0f), at+header+n
		if op < OpClose {
			return op, p[at-n : at : at], at
		}
	}
}
