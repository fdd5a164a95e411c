package wsclient_test

import (
	"fmt"
	"slices"

	"github.com/steadyws/steadyws/wsclient"
)

// How much payload may be without a barrier (RFC 6455 5.5.2): of AtLeastOnce, and
// else.
const (
	barrierSparse = 64 << 10
	barrierDense  = 16 << 10
	largestBatch  = 512 << 10 // the largest write
)

// spaced looks whether a barrier is missing before h, which is the next message.
func (l *modelLink) spaced(h modelSent, off bool) {
	from := 0
	if n := len(l.pings); n > 0 {
		from = l.pings[n-1].place
	}
	limit, since := barrierSparse, 0
	again := false
	for _, before := range l.handed[from:] {
		again = again || before.again
		if again || !off { // what asks for no barrier is not counted
			since += before.size
		}
	}
	if again {
		limit = barrierDense
	}
	if since >= limit && l.crowded == "" {
		l.crowded = fmt.Sprintf("no ping in %d bytes before message %d, number %d", since, len(l.handed), h.id)
	}
}

// confirmed is how many messages the pongs that the client has read confirm.
func (l *modelLink) confirmed() (n int) {
	for _, p := range l.pings {
		if l.pongs[p.payload] {
			n = p.place
		}
	}
	if l.echoed { // the answer to the client's Close confirms all
		return len(l.handed)
	}
	return n
}

// watch looks at a client with which nothing moves.
func (m *model) watch() {
	m.settle()
	s := m.c.Stats()
	m.mu.Lock()
	defer m.mu.Unlock()
	var queued, unconfirmed int64
	var largest int64
	for _, msg := range m.sent {
		if m.waits(msg) {
			queued += int64(msg.size)
			largest = max(largest, int64(msg.size))
		}
	}
	l := m.last()
	partial := int64(0)
	if l != nil && l.event == nil {
		for _, h := range l.handed[l.confirmed():] {
			unconfirmed += int64(h.size)
		}
		if l.part > 0 {
			partial = largest
		}
	}
	// Those without a number are a byte or two, what OnConnect sends is one.
	slack := int64(2*m.empty[1].accepted) + 1
	stuck := l != nil && l.event == nil && l.stuck
	if stuck { // known: the client learns what the kernel has taken when the write ends
		slack += largestBatch
	}
	if b := s.BufferedAmount; b < 0 || b < queued-partial || b > queued+slack {
		m.Errorf("BufferedAmount is %d; %d are accepted and not handed over, of %d a part", b, queued, partial)
	}
	if u := s.Unconfirmed; u < 0 || u != unconfirmed && !stuck {
		m.Errorf("Unconfirmed is %d, not %d", u, unconfirmed)
	}
	if most := 2*m.opts.Queue.MaxBytes + slack; s.BufferedAmount > most {
		m.Errorf("BufferedAmount is %d, more than the queue may hold", s.BufferedAmount)
	}
	m.high = m.high || m.opts.Queue.OnLow != nil && s.BufferedAmount > m.opts.Queue.LowWater
	if m.high && s.BufferedAmount <= m.opts.Queue.LowWater && m.lows == 0 && m.c.ReadyState() == wsclient.Open {
		m.Errorf("OnLow has not run")
	}
}

// waits reports whether a message is in the queue; m.mu is held.
func (m *model) waits(s *modelMessage) bool {
	if !s.accepted || len(s.dropped) > 0 {
		return false
	}
	if len(s.handed) == 0 {
		return true
	}
	h := s.handed[len(s.handed)-1]
	l := m.links[h.link]
	return s.again && l.event != nil && h.place >= l.confirmed()
}

// check looks at what has happened, once all is over.
func (m *model) check() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.sent {
		if why := m.wrong(s); why != "" {
			m.Errorf("message %d of %d bytes, stream %d, %+v: %s; handed over %v, came on links %v, dropped %v %v", s.id, s.size, s.stream, s.o, why, s.handed, s.came, s.dropped, s.reason)
		}
	}
	for _, l := range m.links {
		m.checkLink(l)
	}
	m.checkFlushes()
	m.checkOrder()
	m.checkReceived()
	m.checkStats()
	for _, v := range m.srv.Violations() {
		m.Errorf("against RFC 6455: %s", v)
	}
}

// wrong says what is wrong with what became of s.
func (m *model) wrong(s *modelMessage) string {
	for i, h := range s.handed {
		switch l := m.links[h.link]; {
		case !s.o.Expires.IsZero() && l.took(h.start).After(s.o.Expires.Add(1)):
			return "it was begun after it had expired"
		case s.o.Volatile && h.link > s.newest:
			return "it is volatile, and was handed over on a later connection"
		case i == 0:
		case h.link <= s.handed[i-1].link:
			return "it was handed over twice on one connection"
		case s.handed[i-1].place < m.links[s.handed[i-1].link].confirmed():
			return "it went again, and was confirmed"
		}
	}
	switch handed, arrived, dropped := len(s.handed), len(s.arrived), len(s.dropped); {
	case s.refused && handed+arrived+dropped > 0:
		return "Send has said that it would not be sent"
	case s.refused:
	case dropped > 1:
		return "it was dropped twice"
	case !s.again && handed > 1:
		return "it was sent twice"
	case !s.again && handed > 0 && dropped > 0:
		return "it was dropped, and handed over"
	case handed+dropped == 0:
		return "it was neither handed over nor dropped"
	case s.again && arrived == 0 && dropped == 0 && !m.early:
		return "it is lost"
	case s.reason == wsclient.DropRejected && dropped > 0 && !s.again:
		return "it is no poison: it would not have gone again"
	}
	return ""
}

// checkLink looks at one connection: nothing came that was not handed over, what
// was confirmed has come, and what was not is reported.
func (m *model) checkLink(l *modelLink) {
	if n := len(l.arrived); n > len(l.handed) || !slices.Equal(l.arrived, l.handed[:n]) {
		m.Errorf("link %d: %v came, %v was handed over", l.n, l.arrived, l.handed)
		return
	}
	confirmed := l.confirmed()
	if confirmed > len(l.arrived) {
		m.Errorf("link %d: %d messages are confirmed, and %d have come", l.n, confirmed, len(l.arrived))
	}
	if l.crowded != "" {
		m.Errorf("link %d: %s", l.n, l.crowded)
	}
	if len(l.handed) > 0 && m.opts.OnConnect != nil && l.hello != 1 {
		m.Errorf("link %d: %d messages of OnConnect", l.n, l.hello)
	}
	if l.session == 0 {
		if len(l.handed) > 0 {
			m.Errorf("link %d was never open, and %d messages left on it", l.n, len(l.handed))
		}
		return
	}
	m.checkReport(l, l.handed[confirmed:])
}

// checkReport looks at what was reported of a connection: the unconfirmed messages
// that do not go again, no more and no less.
func (m *model) checkReport(l *modelLink, unconfirmed []modelSent) {
	var want wsclient.UnconfirmedError
	var ids []int
	for _, h := range unconfirmed {
		if !h.again {
			want.Messages++
			want.Bytes += int64(h.size)
			ids = append(ids, h.id)
		}
	}
	var got wsclient.UnconfirmedError
	if len(l.reports) > 0 {
		got = *l.reports[0]
	}
	if code := got.Rejected(); code != 0 {
		if int(code) != l.heard || len(unconfirmed) != 1 || !unconfirmed[0].again || got.Messages != 1 || got.Bytes != int64(unconfirmed[0].size) {
			m.Errorf("link %d: %v; %d messages were unconfirmed: %v", l.n, &got, len(unconfirmed), unconfirmed)
		}
		return
	}
	if m.early && l.session == m.c.Stats().Session { // what was to go again is lost, too
		if got.Messages < want.Messages || got.Bytes < want.Bytes {
			m.Errorf("link %d: at least %d messages, %d bytes should be reported: %v", l.n, want.Messages, want.Bytes, &got)
		}
		return
	}
	if got.Messages != want.Messages || got.Bytes != want.Bytes {
		m.Errorf("link %d: %d messages, %d bytes should be reported: %v; %d of %d have come, %d are unconfirmed", l.n, want.Messages, want.Bytes, &got, len(l.arrived), len(l.handed), len(unconfirmed))
		return
	}
	if !m.opts.Queue.KeepUnconfirmed {
		return
	}
	var lost []int
	for _, msg := range got.Lost() {
		h, _ := m.parse(msg.Data)
		lost = append(lost, h.id)
	}
	if !slices.Equal(lost, ids) {
		m.Errorf("link %d: the messages that are reported are %v, not %v", l.n, lost, ids)
	}
}
