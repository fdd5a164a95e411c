package wsclient

import (
	"context"
	"sync"
)

// An inbox holds what was received and not yet taken. The reader puts in all
// the messages of one read at once; any number of goroutines take them out.
type inbox struct {
	maxBytes    int64
	maxMessages int

	mu    sync.Mutex
	out   []Message // from head on: the next to be taken
	head  int
	queue []Message // behind them
	count int       // in both
	bytes int64
	err   error // what receive returns once the inbox is empty; nil: wait

	waiting int           // goroutines in receive
	some    chan struct{} // one token when those who wait should look
	room    chan struct{} // one token when there is room again and the reader asked
	full    bool          // the reader asked
}

func newInbox(o InboxOptions) inbox {
	return inbox{maxBytes: o.MaxBytes, maxMessages: o.MaxMessages, some: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

// put takes over ms, the messages of one read, and returns memory for those of
// the next, and whether there is room for them. The bound is exceeded by what one
// read brought at the most; in turn an empty inbox takes a message of any size.
func (b *inbox) put(ms []Message) (spare []Message, roomy bool) {
	n := 0
	for i := range ms {
		n += len(ms[i].Data)
	}
	b.mu.Lock()
	b.count += len(ms)
	b.bytes += int64(n)
	switch {
	case b.head == len(b.out) && len(b.queue) == 0:
		spare, b.out, b.head = b.out[:0], ms, 0
	case len(b.queue) == 0:
		spare, b.queue = b.queue, ms
	default:
		b.queue = append(b.queue, ms...)
		clear(ms)
		spare = ms[:0]
	}
	roomy = b.roomy()
	if b.full = !roomy; b.full {
		drain(b.room) // a token of before is not about now
	}
	wake := b.waiting > 0
	b.mu.Unlock()
	if wake {
		signal(b.some)
	}
	return spare, roomy
}

func (b *inbox) hasRoom() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.roomy()
}

func (b *inbox) roomy() bool { return b.count < b.maxMessages && b.bytes < b.maxBytes }

// receive waits for a message.
func (b *inbox) receive(ctx context.Context) (Message, error) {
	for {
		m, ok, err := b.take()
		if ok || err != nil {
			return m, err
		}
		select {
		case <-b.some:
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
		b.mu.Lock()
		b.waiting--
		next := err != nil && b.waiting > 0 && (b.count > 0 || b.err != nil)
		b.mu.Unlock()
		if next { // the token may have been meant for somebody else
			signal(b.some)
		}
		if err != nil {
			return Message{}, err
		}
	}
}

// take takes one message out. Neither ok nor an error: the caller is counted as
// one who waits.
func (b *inbox) take() (m Message, ok bool, err error) {
	b.mu.Lock()
	if b.head == len(b.out) && len(b.queue) > 0 {
		b.out, b.queue, b.head = b.queue, b.out[:0], 0
	}
	if ok = b.head < len(b.out); ok {
		m = b.out[b.head]
		b.out[b.head].Data = nil
		b.head++
		b.count--
		b.bytes -= int64(len(m.Data))
	} else if err = b.err; err == nil {
		b.waiting++
		if cap(b.out) > 1<<10 {
			b.out, b.head = nil, 0 // an idle inbox holds little
		}
		if cap(b.queue) > 1<<10 {
			b.queue = nil
		}
		b.mu.Unlock()
		return m, false, nil
	}
	roomy := b.full && b.roomy()
	if roomy {
		b.full = false
	}
	next := b.waiting > 0 && (b.count > 0 || b.err != nil)
	b.mu.Unlock()
	if roomy {
		signal(b.room)
	}
	if next {
		signal(b.some)
	}
	return m, ok, err
}

// end lets receive return err once the inbox is empty.
func (b *inbox) end(err error) {
	b.mu.Lock()
	b.err = err
	b.mu.Unlock()
	signal(b.some)
}

// size returns what is in the inbox.
func (b *inbox) size() (messages int, bytes int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.count, b.bytes
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
