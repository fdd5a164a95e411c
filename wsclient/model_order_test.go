package wsclient_test

import (
	"fmt"
	"strings"

	"github.com/steadyws/steadyws/wsclient"
)

// A modelLine is messages that have an order: those of one goroutine and priority.
type modelLine struct {
	stream   int
	priority bool
}

// checkOrder: on each connection, and in the order of first arrival, messages come
// in the order in which Send took them. One that has replaced another came earlier.
func (m *model) checkOrder() {
	first := map[modelLine]int{}
	seen := map[int]bool{}
	for _, l := range m.links {
		m.checkPriority(l)
		here := map[modelLine]int{}
		for _, h := range l.arrived {
			if h.id < 0 {
				continue
			}
			s := m.sent[h.id]
			at := modelLine{s.stream, s.o.Priority}
			m.inOrder(fmt.Sprintf("on link %d", l.n), here, at, s)
			if !seen[h.id] {
				seen[h.id] = true
				m.inOrder("in order of first arrival", first, at, s)
			}
		}
	}
}

// checkPriority: no other message leaves before one of priority that waits, save
// those that a write under way may have in its hands.
func (m *model) checkPriority(l *modelLink) {
	var others []*modelMessage // since the last of priority
	for _, h := range l.handed {
		if h.id < 0 {
			continue
		}
		s := m.sent[h.id]
		if !s.o.Priority {
			others = append(others, s)
			continue
		}
		before := 0
		for _, o := range others {
			if l.behind(s.since, o.start(l)) > largestBatch+barrierSparse {
				before += o.size
			}
		}
		if others = others[:0]; before > 0 {
			m.Errorf("on link %d %d bytes left before %d, which is of priority and was accepted %v after the start", l.n, before, s.id, s.since.Sub(m.start))
		}
	}
}

// start is where the frame begins that was handed over on l.
func (s *modelMessage) start(l *modelLink) int {
	for _, h := range s.handed {
		if h.link == l.n {
			return h.start
		}
	}
	return 0
}

func (m *model) inOrder(where string, last map[modelLine]int, at modelLine, s *modelMessage) {
	if s.id+1 <= last[at] {
		m.Errorf("%s %d came behind %d, on %+v", where, s.id, last[at]-1, at)
	}
	if s.o.Key == "" {
		last[at] = s.id + 1
	}
}

// checkReceived: what the server said comes in its order, without holes within a
// session, and sessions do not go back.
func (m *model) checkReceived() {
	session, next, link := 0, 0, -1
	for _, msg := range m.in {
		var l, k int
		if _, err := fmt.Sscanf(string(msg.Data), "%d %d ", &l, &k); err != nil || !strings.HasSuffix(string(msg.Data), strings.Repeat("x", k%5*100)) {
			m.Errorf("received %q: %v", msg.Data, err)
			return
		}
		if msg.Session != session {
			if msg.Session < session {
				m.Errorf("session %d came behind %d", msg.Session, session)
			}
			session, next, link = msg.Session, 0, l
		}
		if l != link || m.links[l].session != session {
			m.Errorf("session %d has messages of links %d and %d", session, link, l)
		}
		if k != next {
			m.Errorf("session %d: message %d, not %d", session, k, next)
		}
		next = k + 1
	}
}

// checkStats: the sums are those of what was seen.
func (m *model) checkStats() {
	s := m.c.Stats()
	var out, bytes, dropped uint64
	for _, l := range m.links {
		for _, h := range l.handed {
			out++
			bytes += uint64(h.size)
		}
		out += uint64(l.hello) // of a byte
		bytes += uint64(l.hello)
	}
	d := s.Drops
	for reason, n := range map[wsclient.DropReason]uint64{
		wsclient.DropOverflow: d.Overflow, wsclient.DropReplaced: d.Replaced, wsclient.DropExpired: d.Expired,
		wsclient.DropVolatile: d.Volatile, wsclient.DropRejected: d.Rejected, wsclient.DropClosed: d.Closed,
	} {
		dropped += n
		if traced := m.drops[reason.String()]; uint64(traced) != n {
			m.Errorf("Stats has dropped %d as %v, Trace %d", n, reason, traced)
		}
	}
	if s.MessagesOut != out || s.BytesOut != bytes {
		m.Errorf("Stats: %d messages, %d bytes out; it was %d, %d", s.MessagesOut, s.BytesOut, out, bytes)
	}
	if s.DroppedOut != dropped {
		m.Errorf("Stats: DroppedOut is %d, of which the reasons make %d", s.DroppedOut, dropped)
	}
	if in := uint64(len(m.in)); s.MessagesIn-s.DroppedIn != in && !m.early {
		m.Errorf("Stats: %d messages in, %d dropped; received were %d", s.MessagesIn, s.DroppedIn, in)
	}
	if s.BufferedAmount < 0 || s.BufferedAmount != 0 && !m.early {
		m.Errorf("BufferedAmount is %d in the end", s.BufferedAmount)
	}
	for i, e := range m.empty {
		again := i == 1
		switch {
		case !again && (e.arrived > e.handed || e.handed+e.dropped != e.accepted):
			m.Errorf("empty messages: %+v", e)
		case again && !m.early && e.arrived+e.dropped < e.accepted:
			m.Errorf("small messages are lost: %+v", e)
		}
	}
}
