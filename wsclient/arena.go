package wsclient

import (
	"math/bits"
	"sync"

	"github.com/steadyws/steadyws/internal/wire"
)

// An entry is one accepted message. Its payload lies in a chunk of the arena.
type entry struct {
	data  []byte
	chunk *chunk
	op    wire.Op
}

// A chunk is a piece of memory that holds the payloads of some entries. It goes
// back to its pool when the last of them is released, in whatever order.
type chunk struct {
	buf  []byte // what is used of it
	live int    // entries in it
}

// Chunks have the sizes of powers of two. Small payloads share one of
// sharedChunk; one that would leave too much of it unused gets its own.
const (
	chunkLeast  = 14 // 16 KiB
	chunkMost   = 24 // 16 MiB; larger ones are the garbage collector's
	sharedChunk = 64 << 10
)

var chunks [chunkMost - chunkLeast + 1]sync.Pool

func newChunk(n int) *chunk {
	class := max(bits.Len(uint(n-1)), chunkLeast)
	if class > chunkMost {
		return &chunk{buf: make([]byte, 0, n)}
	}
	if c, ok := chunks[class-chunkLeast].Get().(*chunk); ok {
		return c
	}
	return &chunk{buf: make([]byte, 0, 1<<class)}
}

func (c *chunk) free() {
	size := cap(c.buf)
	class := bits.Len(uint(size)) - 1
	if c.buf = c.buf[:0]; size == 1<<class && class <= chunkMost {
		chunks[class-chunkLeast].Put(c)
	}
}

// An arena hands out memory for payloads. An empty one holds none.
type arena struct{ cur *chunk }

// put copies p.
func (a *arena) put(op wire.Op, p []byte) entry {
	c := a.cur
	switch {
	case c != nil && len(p) <= cap(c.buf)-len(c.buf):
	case len(p) > sharedChunk/4:
		c = newChunk(len(p))
	default:
		c = newChunk(sharedChunk) // the one before is freed with its last entry
		a.cur = c
	}
	n := len(c.buf)
	c.buf = append(c.buf, p...)
	c.live++
	return entry{data: c.buf[n:len(c.buf):len(c.buf)], chunk: c, op: op}
}

// release gives the memory of e back.
func (a *arena) release(e *entry) {
	c := e.chunk
	if c.live--; c.live > 0 {
		return
	}
	if c == a.cur {
		a.cur = nil
	}
	c.free()
}

// Rings are powers of two. The smallest stay with their lane, two larger sizes
// go back to a pool, and a queue that may hold more makes its own.
const (
	ringLeast = 16
	ringMore  = 256
	ringMost  = 4096
)

var moreRings, mostRings sync.Pool

// newRing returns an empty ring of at least n entries.
func newRing(n int) []entry {
	switch {
	case n <= ringLeast:
		return make([]entry, ringLeast)
	case n <= ringMore:
		if r, ok := moreRings.Get().(*[ringMore]entry); ok {
			return r[:]
		}
		return new([ringMore]entry)[:]
	case n <= ringMost:
		if r, ok := mostRings.Get().(*[ringMost]entry); ok {
			return r[:]
		}
		return new([ringMost]entry)[:]
	}
	return make([]entry, 1<<bits.Len(uint(n-1)))
}

// freeRing takes back an empty ring.
func freeRing(r []entry) {
	switch len(r) {
	case ringMore:
		moreRings.Put((*[ringMore]entry)(r))
	case ringMost:
		mostRings.Put((*[ringMost]entry)(r))
	}
}

// A lane is a FIFO of entries, the first of which may be in the writer's hands:
// those are popped once the kernel has them, and are simply still here when the
// connection dies before.
type lane struct {
	ring  []entry // its length is a power of two
	head  int
	n     int
	taken int // of n, those that the writer has

	bytes   int64 // payload
	waiters waitList
}

func (l *lane) at(i int) *entry { return &l.ring[(l.head+i)&(len(l.ring)-1)] }

func (l *lane) push(e entry) {
	if l.n == len(l.ring) {
		ring := newRing(2 * l.n)
		k := copy(ring, l.ring[l.head:])
		copy(ring[k:], l.ring[:l.head])
		clear(l.ring)
		freeRing(l.ring)
		l.ring, l.head = ring, 0
	}
	l.n++
	*l.at(l.n - 1) = e
}

// pop removes the first entry.
func (l *lane) pop() {
	*l.at(0) = entry{}
	l.head = (l.head + 1) & (len(l.ring) - 1)
	l.n--
	if l.taken > 0 {
		l.taken--
	}
	if l.n == 0 {
		l.head = 0
		if len(l.ring) > ringLeast { // an idle queue holds little
			freeRing(l.ring)
			l.ring = nil
		}
	}
}

// waiting is how many entries nobody has taken yet.
func (l *lane) waiting() int { return l.n - l.taken }
