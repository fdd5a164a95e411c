package wsclient

import (
	"slices"
	"time"

	"github.com/steadyws/steadyws/internal/wire"
)

// controls are messages that leave as owed pongs do, ahead of what is queued, and
// before the client is open too: the heartbeat's probes, and its answers to the
// peer. Only the latest are kept: a flood of challenges costs no memory. Guarded by
// the queue's mutex.
type controls struct{ list []controlMessage }

type controlMessage struct {
	op   wire.Op
	seq  uint32 // of a probe; 0: an answer
	data []byte
}

// controlLane is that of their items; it is none of the queue's.
const controlLane int8 = -1

// say queues a control message, whose data becomes the writer's; q.mu is held.
func (w *writer) say(c controlMessage) {
	l := &w.controls
	if len(l.list) == pongsMost {
		l.list = append(l.list[:0], l.list[1:]...)
	}
	l.list = append(l.list, c)
	w.kick()
}

// asks reports whether a probe waits.
func (c *controls) asks() bool {
	return slices.ContainsFunc(c.list, func(m controlMessage) bool { return m.seq > 0 })
}

// forgetProbes takes out the probes that wait.
func (c *controls) forgetProbes() {
	c.list = slices.DeleteFunc(c.list, func(m controlMessage) bool { return m.seq > 0 })
}

// take moves the first n to b, whose pongs were taken before.
func (c *controls) take(b *batch, n int) {
	for _, m := range c.list[:n] {
		e := entry{off: uint32(len(b.control)), size: uint32(len(m.data)), op: m.op, class: class{lane: controlLane}}
		b.control = append(b.control, m.data...)
		b.items = append(b.items, item{entry: e, ping: m.seq})
	}
	c.list = slices.Delete(c.list, 0, n)
}

// payload returns that of a message, control or not.
func (b *batch) payload(it *item) []byte {
	if it.lane == controlLane {
		return b.control[it.off : it.off+it.size]
	}
	return it.data()
}

// spoke notes that a control message was handed over, if it is one; q.mu is held.
func (w *writer) spoke(it *item, now time.Time) bool {
	if it.ping > 0 && it.lane == controlLane {
		w.asked(it.ping, now)
	}
	return it.lane == controlLane
}
