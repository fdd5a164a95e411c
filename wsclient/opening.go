package wsclient

import "context"

// An opening is the next open, or the end if that comes first.
type opening struct {
	c     *Client
	opens int           // before it
	came  chan struct{} // closed when it has come
}

// next returns the next opening.
func (c *Client) next() opening {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.opening == nil {
		if c.opening = make(chan struct{}); c.over {
			close(c.opening)
		}
	}
	return opening{c, c.opens, c.opening}
}

// openedLocked wakes all who wait for an open; c.mu is held.
func (c *Client) openedLocked() {
	c.opens++
	c.wakeLocked()
}

func (c *Client) wakeLocked() {
	if c.opening != nil {
		close(c.opening)
		c.opening = nil
	}
}

// finished tells all who wait that the client has ended.
func (c *Client) finished() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	c.wakeLocked()
	if c.done != nil {
		close(c.done)
	}
}

// await waits for it.
func (o opening) await(ctx context.Context, op string) error {
	select {
	case <-o.came:
	default:
		select {
		case <-o.came:
		case <-ctx.Done():
			o.c.mu.Lock()
			defer o.c.mu.Unlock()
			return failed(op, context.Cause(ctx), o.c.last)
		}
	}
	o.c.mu.Lock()
	opened := o.c.opens > o.opens // it may have ended since
	o.c.mu.Unlock()
	if opened {
		return nil
	}
	return failed(op, o.c.ended())
}
