package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/steadyws/steadyws/wsclient"
)

const keptEvents = 200 // for a page that comes later

// state is one object of /events. Times are Unix milliseconds.
type state struct {
	Time           int64   `json:"time"`
	State          string  `json:"state"` // readyState, as a browser names it
	Session        int     `json:"session"`
	Messages       uint64  `json:"messages"`
	PerSecond      float64 `json:"messagesPerSecond"`
	DataAgeMs      int64   `json:"dataAgeMs"` // -1: nothing came yet
	RTTMs          float64 `json:"rttMs"`     // 0: not measured yet
	BufferedAmount int64   `json:"bufferedAmount"`
	Attempt        int     `json:"attempt"` // of this losing streak; 0: none
	WaitMs         int64   `json:"waitMs"`  // until the next attempt; 0: no wait
	Gaps           int     `json:"gaps"`    // holes in seq
	Missed         uint64  `json:"missed"`  // how much they swallowed
	LastError      string  `json:"lastError"`

	Event *event `json:"event,omitempty"` // why this object was sent, if not for the time
	Intro *intro `json:"intro,omitempty"` // in the first object of a stream
}

// An event is one line of the log.
type event struct {
	Time    int64  `json:"time"`
	Kind    string `json:"kind"` // open, lost, failed, gap, fault, closing, closed, page
	State   string `json:"state"`
	Session int    `json:"session"`
	Text    string `json:"text"`
}

// intro is what a page has to know when it begins.
type intro struct {
	URL    string  `json:"url"`
	Faults []fault `json:"faults"` // none: the buttons are dead
	Events []event `json:"events"` // so far, oldest first
}

// A model is what the page shows. The client's callbacks write it; each change
// is published at once, so that none is lost between two samples.
type model struct {
	mu    sync.Mutex
	now   state // Time, ages and waits are filled in by render
	intro intro

	journal *journal

	heard       time.Time // the last message
	next        time.Time // the next attempt
	seq         uint64    // of the last message that had one
	hole        hole
	unconfirmed int // messages of the connection that is just being lost
	rate        meter
}

// A hole is messages that were missed and not reported yet.
type hole struct{ first, last, missed uint64 }

func newModel() *model {
	return &model{
		now:     state{State: wsclient.Connecting.String()},
		intro:   intro{Faults: []fault{}, Events: []event{}},
		journal: newJournal(),
	}
}

func (m *model) describe(url string, faults []fault) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.intro.URL, m.intro.Faults = url, faults
}

func (m *model) lastSeq() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.seq
}

// changed is Trace.StateChange. An open is published by opened, which knows the
// session, and a loss by ended, which knows the cause; both follow at once
// unless a closing handshake takes its time: then the next sample tells.
func (m *model) changed(_, to wsclient.ReadyState) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch to {
	case wsclient.Connecting:
		if m.now.State == wsclient.Open.String() {
			m.now.State, m.now.LastError = to.String(), ""
		}
	case wsclient.Closing, wsclient.Closed:
		m.now.State, m.next = to.String(), time.Time{}
		m.publish(to.String(), "the client is "+to.String())
	}
}

// trying is Trace.AttemptStart.
func (m *model) trying(number int, _ string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now.Attempt, m.next = number, time.Time{}
}

func (m *model) opened(c *wsclient.Conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now.State, m.now.Session = wsclient.Open.String(), c.Session()
	m.publish("open", fmt.Sprintf("session %d is open", c.Session()))
}

func (m *model) received(msg wsclient.Message) {
	seq, ok := seqOf(msg.Data)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now.Messages++
	m.heard = msg.Received
	if !ok {
		return
	}
	if m.seq != 0 && seq > m.seq+1 {
		m.miss(m.seq+1, seq-1)
	}
	m.seq = seq // a smaller one is a feed that began again
}

// miss notes messages that never came. They are reported together, at most once
// per sample: a feed that skips all the time must not flood the log.
func (m *model) miss(first, last uint64) {
	if m.hole.missed == 0 {
		m.hole.first = first
	}
	m.hole.last = last
	m.hole.missed += last - first + 1
	m.now.Gaps++
	m.now.Missed += last - first + 1
}

// failed is OnError. What else it is told, ended is told again.
func (m *model) failed(err error) {
	if lost, ok := errors.AsType[*wsclient.UnconfirmedError](err); ok {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.unconfirmed += lost.Messages
	}
}

// ended is OnClose.
func (m *model) ended(e wsclient.CloseEvent) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.report()
	kind, text := "failed", fmt.Sprintf("attempt %d: %v", m.now.Attempt, e.Err)
	if e.Session > 0 {
		kind, text = "lost", fmt.Sprintf("session %d, after %s: %v", e.Session, short(e.Uptime), e.Err)
	}
	if m.unconfirmed > 0 {
		text += " · " + messages(uint64(m.unconfirmed)) + " sent and not confirmed"
		m.unconfirmed = 0
	}
	if e.Uptime >= stable {
		m.now.Attempt = 0 // the losing streak begins with this loss
	}
	if e.Retry {
		m.now.State, m.next = wsclient.Connecting.String(), time.Now().Add(e.Wait)
		text += " · next attempt in " + short(e.Wait)
	}
	m.now.LastError = e.Err.Error()
	m.publish(kind, text)
}

// note publishes an event that is not the client's.
func (m *model) note(kind, text string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.publish(kind, text)
}

// sample takes the numbers that no callback tells, and publishes the state.
func (m *model) sample(s wsclient.Stats, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now.BufferedAmount = s.BufferedAmount
	if s.RTT > 0 {
		m.now.RTTMs = float64(s.RTT) / float64(time.Millisecond)
	}
	m.now.PerSecond = m.rate.add(now, m.now.Messages)
	m.report()
	m.journal.add(m.render(nil))
}

// report publishes the hole, if there is one; the mutex is held, as below.
func (m *model) report() {
	if h := m.hole; h.missed > 0 {
		m.hole = hole{}
		m.publish("gap", fmt.Sprintf("%s missed between seq %d and %d", messages(h.missed), h.first-1, h.last+1))
	}
}

// publish logs an event and sends the state with it.
func (m *model) publish(kind, text string) {
	e := event{time.Now().UnixMilli(), kind, m.now.State, m.now.Session, text}
	if len(m.intro.Events) == keptEvents {
		m.intro.Events = append(m.intro.Events[:0], m.intro.Events[1:]...)
	}
	m.intro.Events = append(m.intro.Events, e)
	m.journal.add(m.render(&e))
}

// join returns the first object of a stream and where the stream goes on.
func (m *model) join() (first []byte, cursor int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now.Intro = &m.intro
	first = m.render(nil)
	m.now.Intro = nil
	return first, m.journal.end()
}

// render encodes the state of this moment.
func (m *model) render(e *event) []byte {
	s, now := m.now, time.Now()
	s.Time, s.Event, s.DataAgeMs = now.UnixMilli(), e, -1
	if !m.heard.IsZero() {
		s.DataAgeMs = max(0, now.Sub(m.heard).Milliseconds())
	}
	if wait := m.next.Sub(now); !m.next.IsZero() && wait > 0 {
		s.WaitMs = wait.Milliseconds()
	}
	if s.State == wsclient.Open.String() {
		s.Attempt = 0
	}
	p, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings and numbers: there is nothing to refuse
	}
	return p
}

// seqOf returns the number that a JSON message carries, if it carries one.
func seqOf(data []byte) (uint64, bool) {
	if len(data) == 0 || data[0] != '{' {
		return 0, false
	}
	var v struct {
		Seq *uint64 `json:"seq"`
	}
	if json.Unmarshal(data, &v) != nil || v.Seq == nil {
		return 0, false
	}
	return *v.Seq, true
}

func messages(n uint64) string {
	if n == 1 {
		return "1 message"
	}
	return fmt.Sprintf("%d messages", n)
}

// short prints d for people.
func short(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return "0ms"
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	default:
		return d.Round(10 * time.Millisecond).String()
	}
}
