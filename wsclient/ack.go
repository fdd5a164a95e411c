package wsclient

// confirm notes that all up to a place is settled.
func (q *queue) confirm(to tally) {
	q.window.confirm(to, q.forget)
	q.confirmed()
}

// forget is for an entry of the window that is confirmed.
func (q *queue) forget(e *entry) {
	l := &q.lanes[e.lane]
	l.kept -= int(e.count)
	l.keptBytes -= int64(e.size)
	q.arena.release(e)
}

// confirmed looks what can go on.
func (q *queue) confirmed() {
	if q.alone && q.quiet() {
		q.alone = false
	}
	q.settleFlushes()
	q.grant()
	if q.wary() && q.link != nil {
		q.link.kick()
	}
}

// ack notes that the message with this id is confirmed, or all up to it.
func (q *queue) ack(id string, upTo bool) {
	q.mu.Lock()
	defer q.unlock()
	w := &q.window
	switch i := w.find(id); {
	case i < 0 && !q.ackHeld(id, upTo) && !q.ackWaiting(id, upTo):
		return
	case i >= 0 && upTo:
		w.ack(0, i, q.forget)
	case i >= 0:
		w.ack(i, i, q.forget)
	}
	w.squeeze()
	w.confirmed.hook = w.handed.hook // the peer has read them before
	q.confirmed()
}

// ackHeld is ack for a message that is in the writer's hands: its answer may come
// before its write has returned.
func (q *queue) ackHeld(id string, upTo bool) bool {
	if q.link == nil || q.link.b == nil {
		return false
	}
	held := q.link.b.items[q.link.b.done:]
	for i := range held {
		if x := held[i].x; x == nil || x.id != id || held[i].is(acknowledged) {
			continue
		}
		if held[i].marks |= acknowledged; upTo {
			q.window.ack(0, len(q.window.ids)-1, q.forget)
			for j := range held[:i] {
				held[j].marks |= acknowledged // for what has no id it means nothing
			}
		}
		return true
	}
	return false
}

// ackWaiting is ack for a message that had left on an earlier connection and waits
// to go again: a server that resumes says what it has.
func (q *queue) ackWaiting(id string, upTo bool) (found bool) {
	for _, at := range []int8{priorityLane, dataLane} {
		l := &q.lanes[at]
		i := 0
		for ; i < l.n && l.at(i).is(written); i++ {
			if x := l.at(i).x; x != nil && x.id == id {
				found = true
				break
			}
		}
		if !found {
			continue
		}
		last := l.at(i).seq
		l.filter(func(e *entry) bool {
			if e.seq > last || !e.acked() || e.seq < last && !upTo {
				return true
			}
			l.bytes -= int64(e.size)
			q.arena.release(e)
			return false
		})
		for j := range q.window.ids { // those before it that have gone again
			if e := &q.window.ids[j].e; upTo && q.window.ids[j].at != 0 && e.lane == at && e.seq < last {
				q.window.ack(j, j, q.forget)
			}
		}
		return true
	}
	return false
}
