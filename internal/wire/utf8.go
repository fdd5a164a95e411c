package wire

import (
	"encoding/binary"
	"unicode/utf8"
)

// validPrefix reports whether p can be the beginning of valid UTF-8, and how
// many of its bytes are whole runes: at most 3 at the end are not. So invalid
// text fails at its first bad byte, while the frame is still arriving.
func validPrefix(p []byte) (n int, ok bool) {
	n = len(p)
	for i := 1; i <= min(utf8.UTFMax-1, len(p)); i++ {
		if !utf8.RuneStart(p[len(p)-i]) {
			continue
		}
		if !utf8.FullRune(p[len(p)-i:]) {
			n -= i
		}
		break
	}
	return n, validText(p[:n])
}

// validText is utf8.Valid; a small text that is ASCII takes it half the time.
func validText(p []byte) bool {
	if len(p) >= 1<<10 {
		return utf8.Valid(p)
	}
	const high = 0x8080808080808080
	for len(p) >= 32 {
		a, b := binary.LittleEndian.Uint64(p), binary.LittleEndian.Uint64(p[8:])
		c, d := binary.LittleEndian.Uint64(p[16:]), binary.LittleEndian.Uint64(p[24:])
		if (a|b|c|d)&high != 0 {
			return utf8.Valid(p)
		}
		p = p[32:]
	}
	for len(p) >= 8 {
		if binary.LittleEndian.Uint64(p)&high != 0 {
			return utf8.Valid(p)
		}
		p = p[8:]
	}
	for i := range p {
		if p[i] >= utf8.RuneSelf {
			return utf8.Valid(p[i:])
		}
	}
	return true
}
