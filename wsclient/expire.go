package wsclient

import "time"

// A reaper drops what has expired though nobody comes to look. Guarded by the queue's
// mutex.
type reaper struct {
	timer *time.Timer // calls reap
	at    time.Time   // when it does; zero: it does not
}

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

// watchExpiry sees to it that what waits is dropped when it expires; q.mu is held.
func (q *queue) watchExpiry() {
	if q.over != nil || q.lanes[dataLane].mortal()+q.lanes[priorityLane].mortal() == 0 {
		return
	}
	r := q.reaper
	if r == nil {
		r = &reaper{timer: time.AfterFunc(time.Hour, q.reap)}
		q.reaper = r
	}
	at := r.at
	for i := range q.lanes {
		if l := &q.lanes[i]; l.mortal() > 0 && (at.IsZero() || l.rare.expires.Before(at)) {
			at = l.rare.expires
		}
	}
	if at.Equal(r.at) {
		return
	}
	r.at = at
	r.timer.Reset(time.Until(at) + 1) // after it, not at it
}

// reap drops what has expired when its time has come.
func (q *queue) reap() {
	q.mu.Lock()
	q.reaper.at = time.Time{}
	now := time.Now()
	for i := range q.lanes {
		q.sweep(&q.lanes[i], now)
	}
	q.unlock()
}
