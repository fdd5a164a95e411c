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
	queue []Message // from head on
	head  int
	bytes int64
	err   error // what Receive returns once the inbox is empty; nil: wait

	some chan struct{} // one token while there may be a message, or the end
	room chan struct{} // one token when there is room again and the reader asked
	full bool          // the reader asked
}

func newInbox(o InboxOptions) inbox {
	return inbox{maxBytes: o.MaxBytes, maxMessages: o.MaxMessages, some: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

// put adds the messages of one read and reports whether there is room for
// another. The bound is exceeded by what one read brought at the most; in turn
// an empty inbox takes a message of any size.
func (b *inbox) put(ms []Message) bool {
	n := 0
	for i := range ms {
		n += len(ms[i].Data)
	}
	b.mu.Lock()
	if b.head > 0 && len(b.queue)+len(ms) > cap(b.queue) {
		b.queue = append(b.queue[:0], b.queue[b.head:]...)
		clear(b.queue[len(b.queue) : len(b.queue)+b.head])
		b.head = 0
	}
	b.queue = append(b.queue, ms...)
	b.bytes += int64(n)
	roomy := b.roomy()
	if b.full = !roomy; b.full {
		b.empty(b.room) // a token of before is not about now
	}
	b.mu.Unlock()
	b.signal(b.some)
	return roomy
}

func (b *inbox) roomy() bool {
	return len(b.queue)-b.head < b.maxMessages && b.bytes < b.maxBytes
}

// take takes one message out. ok: there was one; err: there will be none.
func (b *inbox) take() (m Message, ok bool, err error) {
	b.mu.Lock()
	if b.head < len(b.queue) {
		m, ok = b.queue[b.head], true
		b.queue[b.head] = Message{}
		b.head++
		b.bytes -= int64(len(m.Data))
	} else {
		err = b.err
	}
	left := b.head < len(b.queue)
	if !left {
		if b.queue, b.head = b.queue[:0], 0; cap(b.queue) > 1024 {
			b.queue = nil // a burst is over
		}
	}
	roomy := b.full && b.roomy()
	if roomy {
		b.full = false
	}
	again := left || b.err != nil
	b.mu.Unlock()
	if roomy {
		b.signal(b.room)
	}
	if again {
		b.signal(b.some) // for the next in line
	}
	return m, ok, err
}

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
			return Message{}, context.Cause(ctx)
		}
	}
}

// end lets Receive return err once the inbox is empty.
func (b *inbox) end(err error) {
	b.mu.Lock()
	b.err = err
	b.mu.Unlock()
	b.signal(b.some)
}

// size returns what is in the inbox.
func (b *inbox) size() (messages int, bytes int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.queue) - b.head, b.bytes
}

func (b *inbox) signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (b *inbox) empty(c chan struct{}) {
	select {
	case <-c:
	default:
	}
}
