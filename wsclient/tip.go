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
	at, end  uint32 // what is free of the arena's current chunk; end is 0: there is no tip
	messages int32  // that there is still room for
	bytes    int32  // of their payload
}

func (g *guard) Lock() {
	g.mutex.Lock()
	if g.tip.end != 0 {
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
	if size := wire.HeaderSize(n) + n; t.messages > 0 && n <= int(t.bytes) && size <= int(t.end-t.at) {
		wire.AppendFrame(q.arena.cur.buf[:t.at], op, p, q.keys.Next())
		t.at += uint32(size)
		t.messages--
		t.bytes -= int32(n)
		q.mu.mutex.Unlock()
		return true
	}
	if t.end != 0 {
		q.fold()
	}
	var w *writer
	ok := q.err == nil && q.ready(n, &q.plain)
	if ok {
		q.frame(op, p, &q.plain)
		w = q.accepted(true)
		q.unfold()
	}
	q.mu.mutex.Unlock()
	if w != nil {
		w.writeHere()
	}
	return ok
}

// unfold makes the tip.
func (q *queue) unfold() {
	l := &q.lanes[dataLane]
	e := l.at(l.n - 1)
	free := min(len(e.chunk.buf)-e.chunk.used, runMost-e.stored())
	if free <= 0 || e.chunk != q.arena.cur || q.low.bell != nil { // each message may make it ring
		return
	}
	at := uint32(e.chunk.used)
	q.mu.tip = tip{at: at, end: at + uint32(free)}
	q.mu.tip.messages, q.mu.tip.bytes = q.tipRoom()
}

// tipRoom is what of the data lane's room a tip may have.
func (q *queue) tipRoom() (messages, bytes int32) {
	m, b := q.room(&q.lanes[dataLane])
	return int32(min(m, runMost)), int32(min(b, runMost))
}

// fold counts what was put at the tip. Nothing else has happened since there was one.
func (q *queue) fold() {
	t, l := q.mu.tip, &q.lanes[dataLane]
	q.mu.tip = tip{}
	messages, bytes := q.tipRoom()
	e := l.at(l.n - 1)
	q.extend(e, int(messages-t.messages), int(bytes-t.bytes), int(t.at)-e.chunk.used)
}

// room is how much more fits into a lane.
func (q *queue) room(l *lane) (messages int, bytes int64) {
	return q.bounds.MaxMessages - l.messages - l.inHand - l.kept, q.bounds.MaxBytes - l.bytes - l.keptBytes
}
