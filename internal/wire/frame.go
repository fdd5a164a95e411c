package wire

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/gobwas/ws"
)

// FrameOverhead is the most that a frame of ours is larger than its payload.
const FrameOverhead = ws.MaxHeaderSize

// Keys draws masking keys. They are unpredictable, as RFC 6455 10.3 demands:
// rand.Uint64 is ChaCha8, seeded by the system. The zero value is ready.
type Keys struct{ spare uint64 }

// Next returns a fresh key; each number drawn makes two.
func (k *Keys) Next() uint32 {
	// The lower half of spare is a key, the upper half says that there is one.
	if s := k.spare; s != 0 {
		k.spare = 0
		return uint32(s)
	}
	r := rand.Uint64()
	k.spare = r>>32 | 1<<32
	return uint32(r)
}

// AppendHeader appends the header of a masked frame of n payload bytes.
func AppendHeader(dst []byte, op Op, fin bool, n int, key uint32) []byte {
	b0 := byte(op)
	if fin {
		b0 |= 0x80
	}
	const masked = 0x80
	switch {
	case n < 126:
		dst = append(dst, b0, masked|byte(n))
	case n < 1<<16:
		dst = append(dst, b0, masked|126, byte(n>>8), byte(n))
	default:
		dst = append(dst, b0, masked|127)
		dst = binary.BigEndian.AppendUint64(dst, uint64(n))
	}
	return binary.LittleEndian.AppendUint32(dst, key)
}

// AppendPayload appends p masked with key, as the part of a payload that begins
// at offset. p is not changed.
func AppendPayload(dst, p []byte, key uint32, offset int) []byte {
	n := len(dst)
	if len(p) > 48 || offset != 0 {
		var k [4]byte
		binary.LittleEndian.PutUint32(k[:], key)
		dst = append(dst, p...)
		ws.Cipher(dst[n:], k, offset)
		return dst
	}
	// Short payloads are copied and masked at once, a word at a time.
	dst = slices.Grow(dst, len(p))[:n+len(p)]
	d, kk := dst[n:], uint64(key)<<32|uint64(key)
	for len(p) >= 8 && len(d) >= 8 {
		binary.LittleEndian.PutUint64(d, binary.LittleEndian.Uint64(p)^kk)
		p, d = p[8:], d[8:]
	}
	for i := range p {
		d[i] = p[i] ^ byte(kk>>(8*i))
	}
	return dst
}

// AppendFrame appends a whole masked frame.
func AppendFrame(dst []byte, op Op, p []byte, key uint32) []byte {
	dst = AppendHeader(dst, op, true, len(p), key)
	return AppendPayload(dst, p, key, 0)
}

// AppendClose appends the payload of a Close frame (RFC 6455 5.5.1). Code 0 or
// 1005 makes it empty. A reason that does not fit is cut at a rune; one that is
// not UTF-8 is made so, for the peer would have to take it for a violation.
func AppendClose(dst []byte, code uint16, reason string) []byte {
	if code == 0 || code == codeNoStatus {
		return dst
	}
	dst = binary.BigEndian.AppendUint16(dst, code)
	reason = strings.ToValidUTF8(reason, "\uFFFD")
	const most = MaxControlPayload - 2
	if len(reason) > most {
		n := most
		for n > 0 && reason[n]&0xC0 == 0x80 {
			n--
		}
		reason = reason[:n]
	}
	return append(dst, reason...)
}

// ParseClose returns what a Close frame says: 1005 if nothing (RFC 6455 7.1.5).
// Codes that must not be sent, a body of one byte and a reason that is not
// UTF-8 are violations (RFC 6455 7.4, 5.5.1).
func ParseClose(p []byte) (code uint16, reason string, err error) {
	if len(p) == 0 {
		return codeNoStatus, "", nil
	}
	if len(p) == 1 {
		return 0, "", violation(codeProtocolError, "Close frame with a body of one byte")
	}
	code = binary.BigEndian.Uint16(p)
	if !validCode(code) {
		return 0, "", violation(codeProtocolError, "Close frame with the code %d", code)
	}
	if n, ok := validPrefix(p[2:]); !ok || n != len(p)-2 {
		return 0, "", violation(codeInvalidData, "Close frame whose reason is not UTF-8")
	}
	return code, string(p[2:]), nil
}

// validCode reports whether code may be on the wire: those that RFC 6455 7.4
// and the IANA registry define, and 3000-4999.
func validCode(code uint16) bool {
	switch {
	case code >= 3000 && code <= 4999:
		return true
	case code >= 1000 && code <= 1014:
		return code < 1004 || code > 1006
	}
	return false
}

// HeaderSize is the size of the header of a masked frame of n payload bytes.
func HeaderSize(n int) int {
	switch {
	case n < 126:
		return 6
	case n < 1<<16:
		return 8
	}
	return 14
}
