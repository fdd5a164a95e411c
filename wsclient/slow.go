package wsclient

import (
	"cmp"
	"sync"
	"sync/atomic"
	"time"
)

// slowAfter is the default of Trace.SlowAfter.
const slowAfter = time.Second

// A stopwatch tells of an OnMessage that keeps the client from reading, while it
// still does. It costs each message an atomic, and each read the clock and a
// lock. Its timer is not stopped but finds nothing: a stream needs it once per
// limit, not once per read.
type stopwatch struct {
	limit  time.Duration
	report func(messages, size int, took time.Duration)

	given   uint32        // messages of this read; the reader's
	current atomic.Uint64 // given, and in the lower half the size of the last one

	mu    sync.Mutex
	timer *time.Timer
	armed bool
	began time.Time // when OnMessage got the first message of this read; zero: it does not run
}

// watch lets c tell of a slow OnMessage, if somebody listens.
func (c *Client) watch() {
	t, f := c.opts.Trace, c.opts.OnMessage
	if f == nil || t == nil || t.SlowMessage == nil {
		return
	}
	w := &stopwatch{limit: cmp.Or(t.SlowAfter, slowAfter), report: t.SlowMessage}
	c.slow = w
	c.opts.OnMessage = func(m Message) {
		w.start(len(m.Data))
		f(m)
	}
}

// enter and leave enclose the calls of OnMessage for the messages of one read.
func (c *Client) enter(now time.Time) { c.q.enter(now) }

func (c *Client) leave() {
	c.q.leave()
	if c.slow != nil {
		c.slow.stop()
	}
}

// start is called before each message.
func (w *stopwatch) start(size int) {
	w.given++
	w.current.Store(uint64(w.given)<<32 | min(uint64(size), 1<<31-1))
	if w.given > 1 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.began = time.Now()
	switch {
	case w.armed:
	case w.timer == nil:
		w.timer = time.AfterFunc(w.limit, w.look)
	default:
		w.timer.Reset(w.limit)
	}
	w.armed = true
}

// stop is called behind the last message of a read.
func (w *stopwatch) stop() {
	if w.given == 0 {
		return
	}
	w.given = 0
	w.mu.Lock()
	w.began = time.Time{}
	w.mu.Unlock()
}

// look runs when the timer says so.
func (w *stopwatch) look() {
	w.mu.Lock()
	running := !w.began.IsZero()
	took := time.Since(w.began)
	if w.armed = running && took < w.limit; w.armed {
		w.timer.Reset(w.limit - took) // it was set for an earlier read
	}
	current := w.current.Load()
	w.mu.Unlock()
	if running && took >= w.limit {
		w.report(int(current>>32), int(uint32(current)), took)
	}
}
