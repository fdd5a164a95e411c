package wsclient_test

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing/synctest"
	"time"

	"github.com/steadyws/steadyws/wsclient"
)

// A model is what a program has done and what has happened.
type model struct {
	*world
	program modelProgram
	opts    wsclient.Options
	c       *wsclient.Client
	early   bool // Close at the end of the program, not Shutdown
	closing bool // it was called
	bursts  int  // on goroutines of their own
	work    sync.WaitGroup

	mu      sync.Mutex
	seq     int // of events
	bytes   int // sent so far
	sent    []*modelMessage
	empty   [2]modelTally // of messages too small for a number: AtMostOnce, AtLeastOnce
	links   []*modelLink
	next    func(*modelLink)   // for the link to come
	drops   map[string]int     // by reason
	in      []wsclient.Message // received
	lows    int                // calls of OnLow
	high    bool               // more than LowWater was seen to be buffered
	stop    chan struct{}      // not nil: the server does not read until it is closed
	silent  bool               // the server answers no pings
	picky   bool               // it closes over some messages
	muted   bool               // it did not at some time
	untold  int                // drops since a Flush has begun
	flying  int                // Flushes under way
	begun   int                // Flushes so far
	nils    []modelFlush       // those that have returned nil
	flushed time.Duration      // when the last of them had ended
}

func newModel(p []byte) *model {
	return &model{program: p, drops: map[string]int{}}
}

// A modelMessage is one that was sent, or was to be.
type modelMessage struct {
	id       int
	stream   int // one goroutine's
	size     int
	o        wsclient.SendOptions
	again    bool      // AtLeastOnce
	accepted bool      // Send has returned nil
	since    time.Time // when it did
	refused  bool
	newest   int             // link when Send had returned
	dropped  []time.Duration // when
	reason   wsclient.DropReason
	handed   []modelHand
	arrived  []int // events
	came     []int // on which links
}

// A modelHand is one handing over.
type modelHand struct {
	link, place int
	start       int // of its frame, in the stream
}

// A modelTally counts messages without a number.
type modelTally struct{ accepted, dropped, handed, arrived int }

// A modelLink is a link and what is known of it.
type modelLink struct {
	*tapLink
	n       int
	session int         // 0: it was never open
	handed  []modelSent // messages in the order in which they left
	pings   []modelPing
	pongs   map[string]bool
	said    int  // the code of the client's Close; 0: none
	heard   int  // that of the server's
	echoed  bool // that is the answer to the client's
	hello   int  // messages of OnConnect
	arrived []modelSent
	words   chan int      // for the server to say
	gone    time.Duration // when the client had closed it; negative: not yet
	event   *wsclient.CloseEvent
	reports []*wsclient.UnconfirmedError
	inflate tapInflater
	crowded string // a barrier that is missing
	part    int    // how much of a frame the tap has
	stuck   bool   // a write waits
}

// A modelSent is a message as it stands on the wire: its number, or -1.
type modelSent struct {
	id, size int
	again    bool
}

type modelPing struct {
	payload string
	place   int // messages before it
}

func (m *model) locked(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
}

// event counts one; m.mu is held.
func (m *model) event() int { m.seq++; return m.seq }

// settle waits until nothing moves.
func (m *model) settle() {
	synctest.Wait()
	var l *modelLink
	m.locked(func() { l = m.last() })
	if l == nil {
		return
	}
	n, writing := l.pending()
	m.locked(func() { l.part, l.stuck = n, writing })
}

// last is the newest link, or nil; m.mu is held.
func (m *model) last() *modelLink {
	if len(m.links) == 0 {
		return nil
	}
	return m.links[len(m.links)-1]
}

// prepare numbers the attempts for the server.
func (m *model) prepare(_ context.Context, a *wsclient.Attempt) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	a.Header.Set("X-Link", fmt.Sprint(len(m.links)))
	return nil
}

func (m *model) dialLink(ctx context.Context, network, addr string) (net.Conn, error) {
	nc, err := m.net.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	l := &modelLink{tapLink: newTapLink(nc), n: len(m.links), pongs: map[string]bool{}, words: make(chan int, 64), gone: -1}
	l.onUp = func(f tapFrame) { m.left(l, f) }
	l.onDown = func(f tapFrame) { m.came(l, f) }
	l.onClose = func() {
		m.locked(func() {
			if l.gone < 0 {
				l.gone = m.elapsed()
			}
		})
	}
	m.links = append(m.links, l)
	if m.next != nil {
		m.next(l)
		m.next = nil
	}
	return l, nil
}

// left notes a frame that the client has handed over.
func (m *model) left(l *modelLink, f tapFrame) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case f.op == 9:
		l.pings = append(l.pings, modelPing{string(f.payload), len(l.handed)})
		return
	case f.op == 8:
		l.said = f.closeCode()
	case f.op > 2:
	default:
		p, err := l.inflate.bytes(f.rsv, f.payload)
		if err != nil {
			m.Errorf("what link %d sends does not inflate: %v", l.n, err)
		}
		h, s := m.parse(p)
		switch {
		case h.id == modelHello:
			if l.hello++; len(l.handed) > 0 {
				m.Errorf("link %d: what OnConnect sends is behind other messages", l.n)
			}
			return
		case s == nil:
			m.tally(h).handed++
		default:
			s.handed = append(s.handed, modelHand{l.n, len(l.handed), f.begin})
		}
		l.spaced(h, m.opts.Heartbeat.IsOff())
		l.handed = append(l.handed, h)
	}
}

// came notes a frame that the client has read.
func (m *model) came(l *modelLink, f tapFrame) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch f.op {
	case 10:
		l.pongs[string(f.payload)] = true
	case 8:
		l.heard = f.closeCode()
		l.echoed = l.heard == l.said && !m.pongsTell(l)
	}
}

// pongsTell reports whether it is by pongs that the client knows what the server has
// read; m.mu is held.
func (m *model) pongsTell(l *modelLink) bool {
	pings, echoes := !m.opts.Heartbeat.IsOff(), false
	for _, h := range l.handed {
		pings = pings || h.again || m.opts.Queue.KeepUnconfirmed
	}
	for _, p := range l.pings {
		echoes = echoes || l.pongs[p.payload]
	}
	return pings && (echoes || !l.pongs[""])
}

// arrive notes a message that the server has read, and reports whether it closes
// over it.
func (m *model) arrive(l *modelLink, p []byte) (disliked bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	h, s := m.parse(p)
	switch {
	case h.id == modelHello:
		return false
	case s == nil:
		m.tally(h).arrived++
	default:
		s.arrived = append(s.arrived, m.event())
		s.came = append(s.came, l.n)
	}
	l.arrived = append(l.arrived, h)
	return m.picky && h.id%16 == 7
}
