package wire

import (
	"math/bits"
	"sync"
)

// readSize is the size of one read. A connection holds such a buffer only while
// there is something to read.
const readSize = 128 << 10

var readBuffers = sync.Pool{New: func() any { return new([readSize]byte) }}

// scraps are the buffers of half-received frames and of messages that are put
// together, by size: powers of two from 512 bytes to 1 MiB. Larger ones are left
// to the garbage collector.
const (
	scrapLeast = 9
	scrapMost  = 20
)

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

// free gives s back; its bytes must not be used any more.
func (s *scrap) free() {
	c := cap(s.b)
	class := bits.Len(uint(c)) - 1
	if class < scrapLeast || class > scrapMost || c != 1<<class {
		return
	}
	s.b = s.b[:0]
	scraps[class-scrapLeast].Put(s)
}

// grow returns s with room for n more bytes, moved to a larger one if need be.
func (s *scrap) grow(n int) *scrap {
	if len(s.b)+n <= cap(s.b) {
		return s
	}
	t := newScrap(max(len(s.b)+n, 2*cap(s.b)))
	t.b = append(t.b, s.b...)
	s.free()
	return t
}
