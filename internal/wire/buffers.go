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

// scrapClass is the logarithm of the size of a pooled buffer with room for n bytes.
func scrapClass(n int) int { return max(bits.Len(uint(max(n, 1)-1)), scrapLeast) }

// newScrap returns an empty buffer with room for n bytes.
func newScrap(n int) *scrap {
	if s := spareScrap(int64(n)); s != nil {
		return s
	}
	if class := scrapClass(n); class <= scrapMost {
		n = 1 << class
	}
	return &scrap{make([]byte, 0, n)}
}

// spareScrap returns one that is there already, or nil.
func spareScrap(n int64) *scrap {
	if n > 1<<scrapMost {
		return nil
	}
	s, _ := scraps[scrapClass(int(n))-scrapLeast].Get().(*scrap)
	return s
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
	return s.movedTo(newScrap(n), p)
}

// movedTo is moved to t, which is empty.
func (s *scrap) movedTo(t *scrap, p []byte) *scrap {
	t.b = append(t.b, p...)
	s.free()
	return t
}
