package wsclient

import "time"

// low watches for what OnLow tells: that as much as LowWater is buffered, or less,
// after it was more.
type low struct {
	bell  chan struct{} // one token when OnLow is due; nil: nobody wants to know
	armed bool          // more was buffered
}

// level looks how much is buffered, which has changed; q.mu is held.
func (q *queue) level() {
	if q.low.bell == nil {
		return
	}
	high := q.buffered() > q.bounds.LowWater
	if high == q.low.armed || q.over != nil {
		return
	}
	if q.low.armed = high; high {
		return
	}
	signal(q.low.bell)
	if q.link != nil {
		q.link.wake()
	}
}

// runLow runs OnLow if it is due.
func (c *Client) runLow() {
	select {
	case <-c.q.low.bell:
		c.callLow()
	default:
	}
}

func (c *Client) callLow() {
	c.q.enter(time.Now())
	c.opts.Queue.OnLow()
	c.q.leave()
}
