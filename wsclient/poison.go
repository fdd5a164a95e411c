package wsclient

// A peer that closes with 1003, 1007, 1008 or 1009 may mean a message of ours.
// Those that were unconfirmed then and go again are suspects: on the next
// connection each of them is alone in the window, so that it can be told.

// wary reports whether that is so now; q.mu is held.
func (q *queue) wary() bool {
	return q.alone || q.lanes[priorityLane].suspects+q.lanes[dataLane].suspects > 0
}

// quiet reports whether nothing is out that the peer could mean, or else that it
// cannot be told since nothing confirms.
func (q *queue) quiet() bool {
	if q.lanes[priorityLane].inHand+q.lanes[dataLane].inHand > 0 || q.window.live > 0 {
		return false
	}
	if q.passive || q.link != nil && q.link.barriers.blank && !q.link.barriers.echoes {
		return true
	}
	return q.window.messages()+int(q.window.hooks())+q.lanes[hookLane].inHand == 0
}

// acquit clears the suspects that wait: it was another.
func (q *queue) acquit() {
	for at := range q.lanes {
		l := &q.lanes[at]
		for i := 0; l.suspects > 0; i++ {
			if e := l.at(i); e.is(suspect) {
				e.marks &^= suspect
				l.suspects--
			}
		}
	}
}
