package wsclient

import (
	"sync"

	"github.com/steadyws/steadyws/internal/wire"
)

// A guard is the queue's mutex. Beside it is the tip, of which only a plain Send knows:
// for whoever else locks the guard what was put there is counted, and there is none.
type guard struct {
	mutex sync.Mutex
	tip   tip
	q     *queue
}

// A tip is where the next frames of the run at the end of the data lane go, as long as
// nothing but plain Sends happens to the queue: they need not look at anything else.
type tip struct {
	buf      []byte // frames; its capacity is what the run may have. nil: there is no tip
	messages int    // that there is still room for
	bytes    int64  // of their payload
}

func (g *guard) Lock() {
	g.mutex.Lock()
	if g.tip.buf != nil {
		g.q.fold()
	}
}

func (g *guard) Unlock() { g.mutex.Unlock() }

// sendFrame accepts a message of a plain Send if there is room for it, which is what
// mostly happens; if not, send says why.
func (q *queue) sendFrame(op wire.Op, p []byte) bool {
	if !q.framed || len(p) > runFrame {
		return false
	}
	q.mu.mutex.Lock()
	t, n := &q.mu.tip, len(p)
	if t.messages > 0 && int64(n) <= t.bytes && wire.HeaderSize(n)+n <= cap(t.buf)-len(t.buf) {
		t.buf = wire.AppendFrame(t.buf, op, p, q.keys.Next())
		t.messages--
		t.bytes -= int64(n)
		q.mu.mutex.Unlock()
		return true
	}
	if t.buf != nil {
		q.fold()
	}
	ok := q.err == nil && q.ready(n, &q.plain)
	if ok {
		q.frame(op, p, &q.plain)
		q.accepted()
		q.unfold()
	}
	q.mu.mutex.Unlock()
	return ok
}

// unfold makes the tip.
func (q *queue) unfold() {
	l := &q.lanes[dataLane]
	e := l.at(l.n - 1)
	free := e.chunk.buf[e.chunk.used:]
	n := min(len(free), runMost-e.stored())
	if n <= 0 || e.chunk != q.arena.cur || q.low.bell != nil { // each message may make it ring
		return
	}
	q.mu.tip.buf = free[:0:n]
	q.mu.tip.messages, q.mu.tip.bytes = q.room(l)
}

// fold counts what was put at the tip. Nothing else has happened since there was one.
func (q *queue) fold() {
	t, l := &q.mu.tip, &q.lanes[dataLane]
	messages, bytes := q.room(l)
	n, size, stored := messages-t.messages, bytes-t.bytes, len(t.buf)
	t.buf, t.messages = nil, 0
	e := l.at(l.n - 1)
	e.chunk.used += stored
	q.arena.live += int64(stored)
	e.size += uint32(size)
	e.over += uint16(stored - int(size))
	e.count += uint32(n)
	l.seq += uint64(n)
	l.messages += n
	l.bytes += size
}

// room is how much more fits into a lane.
func (q *queue) room(l *lane) (messages int, bytes int64) {
	return q.maxMessages - l.messages - l.inHand - l.kept, q.maxBytes - l.bytes - l.keptBytes
}
