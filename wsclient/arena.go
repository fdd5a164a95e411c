package wsclient

import (
	"math/bits"
	"sync"

	"github.com/steadyws/steadyws/internal/wire"
)

// An entry is one accepted message, or a run of them (see frames.go). Its payload
// lies in a chunk of the arena.
type entry struct {
	chunk     *chunk
	off, size uint32 // of its payload, in the chunk
	seq       uint64 // its place in its lane; of a run, that of its first message
	class
	op    wire.Op
	over  uint16 // of a run, the bytes of its headers
	count uint32 // messages
}

func (e *entry) data() []byte { return e.chunk.buf[e.off : e.off+e.size : e.off+e.size] }

// A chunk is a piece of memory that holds the payloads of some entries. It goes
// back to its pool when the last of them is released, in whatever order.
type chunk struct {
	buf  []byte // all of it: the writer reads while more is put in
	used int
	live int // entries in it
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
		return &chunk{buf: make([]byte, n)}
	}
	if c, ok := chunks[class-chunkLeast].Get().(*chunk); ok {
		return c
	}
	return &chunk{buf: make([]byte, 1<<class)}
}

func (c *chunk) free() {
	size := len(c.buf)
	class := bits.Len(uint(size)) - 1
	if c.used = 0; size == 1<<class && class <= chunkMost {
		chunks[class-chunkLeast].Put(c)
	}
}

// An arena hands out memory for payloads. An empty one holds none.
type arena struct {
	cur    *chunk
	live   int64 // what the entries have
	held   int64 // by chunks
	packed int64 // held, when it was compacted last
}

// put copies p, which is shorter than 4 GiB.
func (a *arena) put(op wire.Op, p []byte) entry {
	c := a.reserve(len(p))
	n := c.used
	c.used += copy(c.buf[n:], p)
	c.live++
	a.live += int64(len(p))
	return entry{chunk: c, off: uint32(n), size: uint32(len(p)), op: op, count: 1}
}

// reserve returns a chunk that has n bytes which nobody uses.
func (a *arena) reserve(n int) *chunk {
	c := a.cur
	switch {
	case c != nil && n <= len(c.buf)-c.used:
		return c
	case n > sharedChunk/2:
		c = newChunk(n)
	default:
		c = newChunk(sharedChunk) // the one before is freed with its last entry
		a.cur = c
	}
	a.held += int64(len(c.buf))
	return c
}

// release gives the memory of e back.
func (a *arena) release(e *entry) {
	a.live -= int64(e.stored())
	c := e.chunk
	if c.live--; c.live > 0 {
		return
	}
	if c == a.cur {
		a.cur = nil
	}
	a.held -= int64(len(c.buf))
	c.free()
}

// sparse reports whether the chunks hold much more than payload: entries that go
// in another order than they came (replaced, acknowledged) leave holes.
func (a *arena) sparse() bool {
	a.packed = min(a.packed, a.held)
	return a.held > 8*sharedChunk+4*a.live && a.held > 2*a.packed
}

// move puts e elsewhere.
func (a *arena) move(e *entry) {
	if e.stored() > sharedChunk/2 {
		return // it has most of a chunk
	}
	to := a.put(e.op, e.chunk.buf[e.off:int(e.off)+e.stored()])
	a.release(e)
	e.chunk, e.off = to.chunk, to.off
}

// squeeze sees to it that not much more is held than what the entries have.
func (q *queue) squeeze() {
	if q.arena.sparse() {
		q.compact()
	}
}

// compact moves all that nobody is writing to fresh chunks; q.mu is held.
func (q *queue) compact() {
	a := &q.arena
	a.cur = nil
	for at := range q.lanes {
		l := &q.lanes[at]
		for i := range l.n {
			a.move(l.at(i))
		}
	}
	for _, entries := range [][]sent{q.window.pong[q.window.head:], q.window.ids} {
		for i := range entries {
			if s := &entries[i]; s.at != 0 {
				a.move(&s.e)
			}
		}
	}
	a.packed = a.held
}
