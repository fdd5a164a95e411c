package wire

// The sizes of an LZ77 window, as powers of two (RFC 7692 7.1.2).
const (
	minBits = 8
	maxBits = 15
)

// A history is what the messages of one direction may refer to: the last bytes
// of those before. It holds no more than came.
type history struct {
	size int // of the window
	b    []byte
}

// window is valid until add.
func (h *history) window() []byte { return h.b[max(0, len(h.b)-h.size):] }

// forget empties the window.
func (h *history) forget() { h.b = nil }

// add notes a message. Small ones move the window once in a while only: a
// quarter more of it is kept.
func (h *history) add(p []byte) {
	if len(p) >= h.size {
		h.b = append(h.b[:0], p[len(p)-h.size:]...)
		return
	}
	if len(h.b)+len(p) > h.size+h.size/4 {
		n := copy(h.b, h.b[len(h.b)-(h.size-len(p)):])
		h.b = h.b[:n]
	}
	h.b = append(h.b, p...)
}
