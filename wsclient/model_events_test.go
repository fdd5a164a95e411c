package wsclient_test

import (
	"errors"
	"strings"

	"github.com/steadyws/steadyws/wsclient"
)

func (m *model) opened(conn *wsclient.Conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last().session = conn.Session()
	m.note("open, session %d is link %d", conn.Session(), m.last().n)
}

// session returns the link of a session, or nil; m.mu is held.
func (m *model) session(n int) *modelLink {
	for _, l := range m.links {
		if l.session == n && n > 0 {
			return l
		}
	}
	return nil
}

func (m *model) errored(err error) {
	u, ok := errors.AsType[*wsclient.UnconfirmedError](err)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.note("error: %v", err)
	if !ok {
		return
	}
	l := m.session(u.Session)
	if l == nil {
		m.Errorf("%v: there is no such session", u)
		return
	}
	if l.reports = append(l.reports, u); len(l.reports) > 1 && !m.early { // what was to go again is lost with the client
		m.Errorf("session %d is reported twice: %v and %v", u.Session, l.reports[0], u)
	}
}

func (m *model) closed(ev wsclient.CloseEvent) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.note("closed: session %d, %d, %v", ev.Session, ev.Code, ev.Err)
	if l := m.session(ev.Session); l != nil {
		l.event = &ev
	}
}

// received notes a message that the client got.
func (m *model) received(msg wsclient.Message) {
	m.mu.Lock()
	defer m.mu.Unlock()
	msg.Data = []byte(strings.Clone(string(msg.Data)))
	m.in = append(m.in, msg)
}

func (m *model) low() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lows++
}

// droppedOne is Trace.Dropped.
func (m *model) droppedOne(reason wsclient.DropReason, msg wsclient.Message) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.drops[reason.String()]++
	told := reason == wsclient.DropClosed || reason == wsclient.DropRejected // by other means
	if !told && m.flying == 0 && m.elapsed() > m.flushed {
		m.untold++
	}
	h, s := m.parse(msg.Data)
	m.note("dropped: number %d of %d bytes, %v", h.id, h.size, reason)
	if s == nil {
		m.tally(h).dropped++
		return
	}
	s.dropped, s.reason = append(s.dropped, m.elapsed()), reason
}
