package wire

import "unicode/utf8"

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
	return n, utf8.Valid(p[:n])
}
