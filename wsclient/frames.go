package wsclient

import "github.com/steadyws/steadyws/internal/wire"

// Most messages are not large and have no class of their own. They are stored as the
// frames that will leave, which is the only time that they are copied. Small ones lie
// one behind the other: a run of them is one entry, so that what an entry costs is paid
// once for hundreds of messages. What needs the message again (a cut, a drop, a report)
// takes the run apart.

// opFrames is the opcode of a run's entry.
const opFrames wire.Op = 0xff

const (
	runFrame = 64 << 10 // payload of the largest message that is stored so
	runMost  = 16 << 10 // bytes that a run gets: barriers are between entries, see barrierAgain
)

// stored is how many bytes of its chunk an entry has.
func (e *entry) stored() int { return int(e.size) + int(e.over) }

// frames are the bytes of a run.
func (e *entry) frames() []byte { return e.chunk.buf[e.off : int(e.off)+e.stored()] }

// runs reports whether a message of n bytes and class c is stored as a frame.
func (q *queue) runs(n int, c *class) bool {
	return q.framed && n <= runFrame && c.x == nil && c.lane == dataLane && !c.is(volatile)
}

// frame accepts a message, for which there is room, as the next frame of the run at
// the end of the lane, or as the first of a new one.
func (q *queue) frame(op wire.Op, p []byte, c *class) {
	l, n := &q.lanes[dataLane], len(p)
	e := l.tail(c.marks)
	if e == nil || !q.arena.extends(e, wire.HeaderSize(n)+n) {
		e = q.begin(wire.HeaderSize(n)+n, c)
	}
	to := e.chunk
	end := len(wire.AppendFrame(to.buf[:to.used], op, p, q.keys.Next()))
	q.extend(e, 1, n, end-to.used)
}

// extend counts messages that were put behind those of e, the last run: their payload,
// and with their headers.
func (q *queue) extend(e *entry, messages, payload, stored int) {
	l := &q.lanes[dataLane]
	e.chunk.used += stored
	q.arena.live += int64(stored)
	e.size += uint32(payload)
	e.over += uint16(stored - payload)
	e.count += uint32(messages)
	l.seq += uint64(messages)
	l.messages += messages
	l.bytes += int64(payload)
}

// begin begins a run whose first frame has n bytes.
func (q *queue) begin(n int, c *class) *entry {
	q.squeeze()
	l, a := &q.lanes[dataLane], &q.arena
	to := a.reserve(n)
	l.push(entry{chunk: to, off: uint32(to.used), seq: l.seq + 1, class: *c, op: opFrames})
	to.live++
	l.sealed = false
	return l.at(l.n - 1)
}

// tail is the run at the end of the lane that takes another message, or nil.
func (l *lane) tail(m marks) *entry {
	if l.n == 0 || l.sealed {
		return nil
	}
	if e := l.at(l.n - 1); e.op == opFrames && e.marks == m {
		return e
	}
	return nil
}

// extends reports whether n more bytes may follow those of e.
func (a *arena) extends(e *entry, n int) bool {
	c, end := e.chunk, int(e.off)+e.stored()
	return c == a.cur && end == c.used && e.stored()+n <= runMost && n <= len(c.buf)-end
}

// seal ends the run at the end of each lane: what comes now is behind a mark. q.mu is
// held.
func (q *queue) seal() { q.lanes[dataLane].sealed = true }

// split takes the first n messages out of a run that has more.
func (a *arena) split(e *entry, n int) entry {
	first := *e
	first.size, first.over, first.count = 0, 0, uint32(n)
	frames := e.frames()
	for range n {
		_, header, size := wire.Own(frames)
		first.size += uint32(size)
		first.over += uint16(header)
		frames = frames[header+size:]
	}
	e.off += uint32(first.stored())
	e.size -= first.size
	e.over -= first.over
	e.count -= uint32(n)
	e.seq += uint64(n)
	e.chunk.live++
	return first
}

// whole is how many frames at the beginning of a run n bytes hold, and their size.
func (e *entry) whole(n int) (count, size int) {
	frames := e.frames()
	for count < int(e.count) {
		_, header, payload := wire.Own(frames)
		if size+header+payload > n {
			break
		}
		count, size = count+1, size+header+payload
		frames = frames[header+payload:]
	}
	return count, size
}

// remask gives the frames of a run, or only the first, other keys: they have been on
// the wire (RFC 6455 5.3).
func (q *queue) remask(e *entry, n int) {
	for frames := e.frames(); n > 0; n-- {
		_, header, size := wire.Own(frames)
		wire.Remask(frames[:header+size], q.keys.Next())
		frames = frames[header+size:]
	}
}

// each calls f with the messages of an entry, in order. Their data is valid only
// during the call.
func (e *entry) each(f func(op wire.Op, seq uint64, p []byte)) {
	if e.op != opFrames {
		f(e.op, e.seq, e.data())
		return
	}
	var p []byte
	for frames, seq := e.frames(), e.seq; len(frames) > 0; seq++ {
		op, header, size := wire.Own(frames)
		p = wire.Unmask(p[:0], frames[:header+size])
		f(op, seq, p)
		frames = frames[header+size:]
	}
}
