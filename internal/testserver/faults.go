package testserver

import (
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/gobwas/ws"
)

// outage is how the whole server answers until a moment.
type outage struct {
	until  time.Time
	answer *Answer
}

// FreezeAll freezes all current connections, as Peer.Freeze does; new ones
// work.
func (s *Server) FreezeAll() {
	for _, g := range s.gates() {
		g.freeze()
	}
}

// ThawAll ends every freeze.
func (s *Server) ThawAll() {
	for _, g := range s.gates() {
		g.thaw()
	}
}

// CutFIN closes all current connections without a Close frame.
func (s *Server) CutFIN() {
	for _, g := range s.gates() {
		_ = g.Close()
	}
}

// CutRST resets all current connections.
func (s *Server) CutRST() {
	for _, g := range s.gates() {
		g.reset()
	}
}

// CloseAll does the closing handshake with all current peers at once, and
// returns when it is over everywhere. Who does not answer within CloseWait, or
// does not even read the Close, is cut.
func (s *Server) CloseAll(code ws.StatusCode, reason string) {
	var closing sync.WaitGroup
	for _, p := range s.Peers() {
		closing.Go(func() { _ = p.Close(code, reason) })
	}
	closing.Wait()
}

// DropFor cuts all current connections and, for d, accepts, upgrades and drops
// each new one at once: the server that makes naive clients spin.
func (s *Server) DropFor(d time.Duration) {
	s.setOutage(d, &Answer{Drop: true})
	s.CutFIN()
}

// RefuseFor cuts all current connections and, for d, answers upgrades with
// status and header (Retry-After, say).
func (s *Server) RefuseFor(d time.Duration, status int, header http.Header) {
	s.setOutage(d, &Answer{Status: status, Header: header.Clone()})
	s.CutFIN()
}

// Recover ends a DropFor or RefuseFor before its time.
func (s *Server) Recover() { s.setOutage(0, nil) }

func (s *Server) setOutage(d time.Duration, a *Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outage = outage{until: time.Now().Add(d), answer: a}
}

func (s *Server) currentOutage() *Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Now().Before(s.outage.until) {
		return s.outage.answer
	}
	return nil
}

// gates returns all current sockets, those before their upgrade too.
func (s *Server) gates() []*gate {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.conns))
}
