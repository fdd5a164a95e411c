package testserver

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	defaultCloseWait = 5 * time.Second
	linger           = time.Second // for the client's FIN, once the script has ended
	keptAttempts     = 1 << 14     // a dashboard runs for days
)

// A Handler is the script of one connection. The connection ends when it
// returns: half-closed, drained for at most a second, closed.
type Handler func(*Peer)

// Server accepts WebSocket connections and gives each to the Handler, on a
// goroutine of its own. Set the fields before Start.
type Server struct {
	Handler Handler // nil: Echo

	// OnUpgrade decides how an upgrade request is answered; nil, or a nil
	// Answer, accepts. Attempts are counted from 1 as they are accepted. It
	// runs on the connection's goroutine.
	OnUpgrade func(attempt int, r *http.Request) *Answer

	// CloseWait bounds the wait for the client's Close. Zero: 5 s.
	CloseWait time.Duration

	listener  net.Listener
	tls       *tls.Config // nil: plain
	clientTLS *tls.Config
	running   sync.WaitGroup

	mu         sync.Mutex
	closed     bool
	conns      map[*gate]*Peer // nil before the upgrade
	accepted   int
	sessions   int
	attempts   []*Attempt
	violations []string
	nonces     map[string]bool
	outage     outage
}

// Attempt is one accepted connection and what became of it.
type Attempt struct {
	Number    int       // from 1
	Accepted  time.Time // the TCP connection
	Requested time.Time // its upgrade request was read; zero if none came
	Host      string    // of the request, as the rest
	URI       string
	Header    http.Header
	Status    int // of the answer; zero if there was none, or a raw one
}

// Start serves ln; nil stands for a free TCP port of 127.0.0.1.
func (s *Server) Start(ln net.Listener) error {
	if ln == nil {
		var err error
		if ln, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return err
		}
	}
	s.listener = ln
	s.conns = make(map[*gate]*Peer)
	s.nonces = make(map[string]bool)
	s.running.Go(s.accept)
	return nil
}

// StartTLS is Start with TLS, under a certificate made for the occasion. It
// names 127.0.0.1, ::1, localhost and the listener's host; see ClientTLS.
func (s *Server) StartTLS(ln net.Listener) error {
	host := "localhost"
	if ln != nil {
		if h, _, err := net.SplitHostPort(ln.Addr().String()); err == nil {
			host = h
		}
	}
	var err error
	if s.tls, s.clientTLS, err = selfSigned(host); err != nil {
		return err
	}
	return s.Start(ln)
}

// URL is ws://host:port or wss://host:port.
func (s *Server) URL() string {
	if s.tls != nil {
		return "wss://" + s.listener.Addr().String()
	}
	return "ws://" + s.listener.Addr().String()
}

// ClientTLS trusts this server's certificate. Nil without TLS.
func (s *Server) ClientTLS() *tls.Config { return s.clientTLS.Clone() }

// Close ends everything and waits for it, handlers included: one that waits
// for something of its own must watch Peer.Done.
func (s *Server) Close() error {
	if s.listener == nil {
		return nil // never started
	}
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	err := s.listener.Close()
	s.CutFIN()
	s.running.Wait()
	return err
}

// Attempts returns what was accepted so far, in order; the last 16384 of it.
func (s *Server) Attempts() []Attempt {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Attempt, len(s.attempts))
	for i, a := range s.attempts {
		list[i] = *a
	}
	return list
}

// Peers returns the connections that are open now, in order of session.
func (s *Server) Peers() []*Peer {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []*Peer
	for g, p := range s.conns {
		if p != nil && !g.isClosed() { // a closed one is on its way out
			list = append(list, p)
		}
	}
	slices.SortFunc(list, func(a, b *Peer) int { return a.session - b.session })
	return list
}

// Violations returns what clients did against RFC 6455: in requests and in
// frames that were read. A test of a well-behaved client wants none.
func (s *Server) Violations() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.violations)
}

func (s *Server) violate(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.violations = append(s.violations, fmt.Sprintf(format, args...))
}

func (s *Server) closeWait() time.Duration {
	if s.CloseWait > 0 {
		return s.CloseWait
	}
	return defaultCloseWait
}

func (s *Server) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.running.Go(func() { s.serve(newGate(c)) })
	}
}

// track registers an accepted connection. After Close it returns nil.
func (s *Server) track(g *gate) *Attempt {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.conns[g] = nil
	s.accepted++
	a := &Attempt{Number: s.accepted, Accepted: time.Now()}
	if len(s.attempts) == keptAttempts {
		s.attempts = slices.Delete(s.attempts, 0, keptAttempts/2)
	}
	s.attempts = append(s.attempts, a)
	return a
}

func (s *Server) untrack(g *gate) {
	_ = g.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, g)
}
