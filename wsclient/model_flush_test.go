package wsclient_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/steadyws/steadyws/wsclient"
)

// A modelFlush is a Flush that has returned nil.
type modelFlush struct {
	start, end time.Duration
	ended      int // the event
	before     []*modelMessage
	alone      bool // else it is open which of them is told of a drop
}

// flush flushes, and looks at what can be said at once.
func (m *model) flush(d time.Duration) error {
	ctx, cancel := context.WithTimeout(m.ctx, d)
	defer cancel()
	f := modelFlush{start: m.elapsed()}
	var untold, begun int
	m.locked(func() {
		for _, s := range m.sent {
			if s.accepted {
				f.before = append(f.before, s)
			}
		}
		untold, m.untold = m.untold, 0
		m.flying++
		m.begun++
		f.alone, begun = m.flying == 1, m.begun
	})
	err := m.c.Flush(ctx)
	f.end = m.elapsed()
	m.note("flushed after %v: %v", f.end-f.start, err)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.flying--
	m.flushed, f.ended = f.end, m.event()
	f.alone = f.alone && begun == m.begun
	if _, told := errors.AsType[*wsclient.UnconfirmedError](err); err != nil && !told && f.alone {
		m.untold += untold
	}
	switch {
	case f.end-f.start > d:
		m.Errorf("Flush took %v, its context %v", f.end-f.start, d)
	case errors.Is(err, wsclient.ErrNoConfirmation) && !m.muted:
		m.Errorf("Flush: %v, and every ping was answered", err)
	case err != nil:
	case m.closing: // known: a Flush behind Close says nothing of what Close has dropped
	case untold > 0 && f.alone:
		m.Errorf("Flush says nothing of %d messages that were dropped before", untold)
	default:
		m.nils = append(m.nils, f)
	}
	return err
}

// checkFlushes: what Flush has called read was read.
func (m *model) checkFlushes() {
	for _, f := range m.nils {
		for _, s := range f.before {
			if why := m.unread(s, &f); why != "" {
				m.Errorf("a Flush from %v to %v says that all was read, and of message %d: %s", f.start, f.end, s.id, why)
			}
		}
	}
}

// unread says why f had no right to return nil for the sake of s. In one instant all
// may have happened in any order.
func (m *model) unread(s *modelMessage, f *modelFlush) string {
	dropped := len(s.dropped) > 0
	switch {
	case len(s.arrived) > 0 && s.arrived[0] < f.ended:
	case dropped && s.dropped[0] <= f.start:
	case dropped && s.dropped[0] <= f.end && !f.alone:
	case dropped && s.dropped[0] <= f.end:
		return fmt.Sprint("it was dropped: ", s.reason)
	case len(s.handed) == 0:
		return "it was not handed over"
	default: // lost at a cut before
		l := m.links[s.handed[len(s.handed)-1].link]
		if s.again || l.gone < 0 || l.gone > f.start {
			return "it had not arrived"
		}
	}
	return ""
}
