package wire

import (
	"math/bits"
	"sync"
)

// readSize is the size of one read. A connection holds such a buffer only while
// there is something to read.
const readSize = 128 << 10

// Buffers are pooled by size: powers of two from 512 bytes to 1 MiB. Larger ones
// are left to the garbage collector.
const (
	scrapLeast = 9
	scrapMost  = 20
)

// A scrap is a buffer, of which b is what is filled.
type scrap struct{ b []byte }

var scraps [scrapMost - scrapLeast + 1]sync.Pool

// newScrap returns an empty buffer with room for n bytes.
func newScrap(n int) *scrap {
	class := max(bits.Len(uint(max(n, 1)-1)), scrapLeast)
	if class > scrapMost {
		return &scrap{make([]byte, 0, n)}
	}
	if s, ok := scraps[class-scrapLeast].Get().(*scrap); ok {
		return s
	}
	return &scrap{make([]byte, 0, 1<<class)}
}

// free gives s, which may be nil, back; its bytes must not be used any more.
func (s *scrap) free() {
	if s == nil {
		return
	}
	if c := cap(s.b); c <= 1<<scrapMost {
		s.b = s.b[:0]
		scraps[bits.Len(uint(c))-1-scrapLeast].Put(s)
	}
}

// room is how many more bytes fit into s.
func (s *scrap) room() int { return cap(s.b) - len(s.b) }

// moved returns p, bytes of s, in a buffer with room for n, and frees s.
func (s *scrap) moved(p []byte, n int) *scrap {
	t := newScrap(n)
	t.b = append(t.b, p...)
	s.free()
	return t
}
