package wsclient

import (
	"context"
	"sync"
	"time"
)

// An inbox holds what was received and not yet taken. The reader puts in all
// the messages of one read at once; any number of goroutines take them out.
type inbox struct {
	maxBytes    int64
	maxMessages int
	overflow    Overflow

	mu       sync.Mutex
	whole    bool // it throws nothing away: all is in shelf, else in messages
	shelf    shelf
	messages fifo[Message]
	index    *index // nil: no Key
	bytes    int64
	gap      int   // thrown away behind the last message in it
	err      error // what receive returns once the inbox is empty; nil: wait

	dropped, replaced uint64 // replaced ones are dropped too

	waiting int  // goroutines in receive
	some    bell // when those who wait should look
	room    bell // when there is room again and the reader asked
	full    bool // the reader asked
}

func (b *inbox) init(o InboxOptions) {
	b.maxBytes, b.maxMessages, b.overflow = o.MaxBytes, o.MaxMessages, o.Overflow
	if o.Key != nil {
		b.index = &index{key: o.Key}
	}
	b.whole = b.index == nil && b.overflow == OverflowBlock
}

// put takes over ms, the messages of one read, and returns memory for those of
// the next. Under OverflowBlock roomy says whether there is room for them: the
// bound is exceeded by what one read brought at the most. Under
// OverflowDisconnect it says whether there was room for these.
func (b *inbox) put(ms []Message) (spare []Message, roomy bool) {
	if b.whole {
		_, roomy = b.load(boxed(ms))
		clear(ms)
		return ms[:0], roomy
	}
	if b.index != nil {
		b.index.read(ms)
		defer b.index.forget()
	}
	n := 0
	for i := range ms {
		n += len(ms[i].Data)
	}
	roomy = true
	b.mu.Lock()
	fit := b.messages.len()+len(ms) <= b.maxMessages && b.bytes+int64(n) <= b.maxBytes
	if b.index == nil && fit {
		ms[0].Dropped, b.gap = b.gap, 0
		b.bytes += int64(n)
		spare = b.messages.pushAll(ms)
	} else {
		roomy = b.sift(ms)
		clear(ms)
		spare = ms[:0]
	}
	return spare, b.filled() && roomy
}

// load is put for parcels, where all is taken in.
func (b *inbox) load(list []parcel) (spare []parcel, roomy bool) {
	n := 0
	for i := range list {
		n += list[i].bytes
	}
	b.mu.Lock()
	list[0].dropped, b.gap = list[0].dropped+b.gap, 0
	b.bytes += int64(n)
	spare = b.shelf.add(list)
	return spare, b.filled()
}

// filled ends a put: it tells those who wait, notes that the reader will wait for
// room, if it will, and frees the mutex. roomy is false only under OverflowBlock.
func (b *inbox) filled() (roomy bool) {
	if roomy = b.overflow != OverflowBlock || b.roomy(); !roomy {
		b.room.clear() // a token of before is not about now
	}
	b.full = !roomy
	wake := b.waiting > 0
	b.mu.Unlock()
	if wake {
		b.some.ring()
	}
	return roomy
}

// skip throws n messages away if there is no room and the reader would stop for that.
func (b *inbox) skip(n int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.overflow != OverflowBlock || b.roomy() {
		return false
	}
	b.lose(n)
	return true
}

// len is how many messages are in it.
func (b *inbox) len() int { return b.shelf.n + b.messages.len() }

func (b *inbox) roomy() bool { return b.len() < b.maxMessages && b.bytes < b.maxBytes }

// receive waits for a message, and makes m that.
func (b *inbox) receive(ctx context.Context, m *Message) error {
	for {
		ok, err := b.take(m)
		if ok || err != nil {
			return err
		}
		select {
		case <-b.some.wait():
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
		b.mu.Lock()
		b.waiting--
		next := err != nil && b.waiting > 0 && (b.len() > 0 || b.err != nil)
		b.mu.Unlock()
		if next { // the token may have been meant for somebody else
			b.some.ring()
		}
		if err != nil {
			return err
		}
	}
}

// take takes one message out. Neither ok nor an error: the caller is counted as
// one who waits.
func (b *inbox) take(m *Message) (ok bool, err error) {
	b.mu.Lock()
	if ok = b.len() > 0; ok && b.whole {
		b.shelf.take(m)
		b.bytes -= int64(len(m.Data))
	} else if ok {
		p := b.messages.pop()
		*m, p.Data = *p, nil
		b.popped(len(m.Data))
	} else if err = b.err; err == nil {
		b.waiting++
		b.rest()
		b.mu.Unlock()
		return false, nil
	}
	roomy := b.full && b.roomy()
	if roomy {
		b.full = false
	}
	next := b.waiting > 0 && (b.len() > 0 || b.err != nil)
	b.mu.Unlock()
	if roomy {
		b.room.ring()
	}
	if next {
		b.some.ring()
	}
	return ok, err
}

// rest gives back what an idle inbox does not need.
func (b *inbox) rest() {
	b.shelf.rest()
	b.messages.rest()
	if b.index != nil {
		b.index.rest()
	}
}

// end lets receive return err once the inbox is empty.
func (b *inbox) end(err error) {
	b.mu.Lock()
	b.err = err
	b.mu.Unlock()
	b.some.ring()
}

// stats adds to s what the inbox knows.
func (b *inbox) stats(s *Stats) {
	b.mu.Lock()
	s.InboxMessages, s.InboxBytes = b.len(), b.bytes
	s.DroppedIn, s.ReplacedIn = b.dropped, b.replaced
	var next time.Time
	switch {
	case b.shelf.n > 0:
		next = b.shelf.parcels.at(0).received
	case b.messages.len() > 0:
		next = b.messages.at(0).Received
	}
	b.mu.Unlock()
	if !next.IsZero() {
		s.InboxLag = time.Since(next)
	}
}

// signal puts a token into c, of which one is enough.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// drain takes the token out of c.
func drain(c chan struct{}) {
	select {
	case <-c:
	default:
	}
}
