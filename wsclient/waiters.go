package wsclient

import "time"

// A waiter is a Send that waits for room. Whoever makes room accepts its message
// on its behalf, so that those who wait are served first come, first served.
type waiter struct {
	m Message
	class
	done   chan error // gets the outcome, once
	timer  *time.Timer
	next   *waiter
	queued bool // still in the list
}

// waitList is a FIFO of waiters. Those that are not in use are kept with it, not
// in a pool of the process: a channel must not leave a synctest bubble.
type waitList struct{ first, last, spare *waiter }

// take returns a waiter for m, push puts it in line, and put keeps it for reuse.
func (l *waitList) take(m Message, c class) *waiter {
	w := l.spare
	if w == nil {
		w = &waiter{done: make(chan error, 1)}
	} else {
		l.spare, w.next = w.next, nil
	}
	w.m, w.class = m, c
	return w
}

func (l *waitList) put(w *waiter) {
	w.m, w.class = Message{}, class{}
	w.next, l.spare = l.spare, w
}

func (l *waitList) push(w *waiter) {
	w.queued = true
	if l.last == nil {
		l.first = w
	} else {
		l.last.next = w
	}
	l.last = w
}

// remove takes w out, wherever it stands.
func (l *waitList) remove(w *waiter) {
	var prev *waiter
	for at := l.first; at != nil; prev, at = at, at.next {
		if at != w {
			continue
		}
		if prev == nil {
			l.first = w.next
		} else {
			prev.next = w.next
		}
		if l.last == w {
			l.last = prev
		}
		break
	}
	w.next, w.queued = nil, false
}

// refuse tells all of them err.
func (l *waitList) refuse(err error) {
	for l.first != nil {
		l.settle(l.first, err)
	}
}

// settle takes w out and tells it err.
func (l *waitList) settle(w *waiter, err error) {
	l.remove(w)
	w.done <- err
}
