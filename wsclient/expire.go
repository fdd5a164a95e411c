package wsclient

import "time"

// sweep drops what has expired; q.mu is held.
func (q *queue) sweep(l *lane, now time.Time) {
	if l.mortal() == 0 || !now.After(l.rare.expires) {
		return
	}
	l.filter(func(e *entry) bool {
		if !e.expired(now) {
			return true
		}
		q.drop(e, DropExpired)
		return false
	})
}

// watchExpiry sees to it that what waits is dropped when it expires, though
// nobody comes to look; q.mu is held.
func (q *queue) watchExpiry() {
	if q.over != nil || q.lanes[dataLane].mortal()+q.lanes[priorityLane].mortal() == 0 {
		return
	}
	at := q.reapAt
	for i := range q.lanes {
		if l := &q.lanes[i]; l.mortal() > 0 && (at.IsZero() || l.rare.expires.Before(at)) {
			at = l.rare.expires
		}
	}
	if at.Equal(q.reapAt) {
		return
	}
	q.reapAt = at
	in := time.Until(at) + 1 // after it, not at it
	if q.reaper == nil {
		q.reaper = time.AfterFunc(in, q.reap)
	} else {
		q.reaper.Reset(in)
	}
}

// reap drops what has expired when its time has come.
func (q *queue) reap() {
	q.mu.Lock()
	q.reapAt = time.Time{}
	now := time.Now()
	for i := range q.lanes {
		q.sweep(&q.lanes[i], now)
	}
	q.unlock()
}
