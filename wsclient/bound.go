package wsclient

import (
	"context"
	"net"
	"sync"
	"time"
)

// A bound is the context of one attempt: it ends with DialTimeout, with our own end,
// and with the attempt. It is one for all of that, since a context of the standard
// library, and what runs at the end of one, is several objects each.
type bound struct {
	context.Context
	cancel context.CancelCauseFunc

	mu    sync.Mutex
	limit time.Time     // zero: none
	took  time.Duration // until then
	nc    net.Conn      // its calls end with b; nil: none
	over  bool
}

// newBound returns a bound whose values are those of ctx.
func newBound(ctx context.Context) *bound {
	b := &bound{}
	b.Context, b.cancel = context.WithCancelCause(ctx)
	return b
}

// Deadline is that of the limit.
func (b *bound) Deadline() (limit time.Time, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.limit, !b.limit.IsZero()
}

// Err says which of the ends it was, as that of the standard library does.
func (b *bound) Err() error {
	err := b.Context.Err()
	if _, late := context.Cause(b.Context).(*timeoutError); err != nil && late {
		return context.DeadlineExceeded
	}
	return err
}

// within lets b end after d, if tick is called then.
func (b *bound) within(d time.Duration) {
	b.mu.Lock()
	b.limit, b.took = time.Now().Add(d), d
	b.mu.Unlock()
}

// tick ends b if its time is over.
func (b *bound) tick() {
	if limit, ok := b.Deadline(); ok && !time.Now().Before(limit) {
		b.end(&timeoutError{"dial", b.took})
	}
}

// end ends b, if it has not ended: its end is a deadline in the past on the connection
// that it guards.
func (b *bound) end(cause error) {
	b.cancel(cause) // before anybody sees that it is over, and asks why
	b.mu.Lock()
	b.over = true
	nc := b.nc
	b.mu.Unlock()
	if nc != nil {
		release(nc)
	}
}

// guard lets the end of b release nc, until spare.
func (b *bound) guard(nc net.Conn) {
	b.mu.Lock()
	b.nc = nc
	over := b.over
	b.mu.Unlock()
	if over {
		release(nc)
	}
}

// spare reports whether the connection is unharmed: b had not ended before.
func (b *bound) spare() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.nc = nil
	return !b.over
}
