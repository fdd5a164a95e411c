package testserver

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// serve is the life of one connection.
func (s *Server) serve(g *gate) {
	defer s.untrack(g)
	attempt := s.track(g)
	if attempt == nil {
		return
	}
	p, err := s.upgrade(g, attempt)
	if err != nil || p == nil {
		return
	}
	if s.Handler != nil {
		s.Handler(p)
	} else {
		Echo(p)
	}
	p.finish()
}

// upgrade reads the request and answers it. The Peer is nil if the answer was
// anything but a 101 to be followed by the Handler.
func (s *Server) upgrade(g *gate, attempt *Attempt) (*Peer, error) {
	var conn net.Conn = g
	if s.tls != nil {
		t := tls.Server(g, s.tls)
		if err := t.HandshakeContext(context.Background()); err != nil {
			return nil, err // the client knows why: an unknown certificate is a test of its own
		}
		conn = t
	}
	br := bufio.NewReader(conn)
	r, err := http.ReadRequest(br)
	if err != nil {
		return nil, err
	}
	answer := s.answer(attempt, r)
	if err := g.wait(answer.Delay); err != nil {
		return nil, err
	}
	if !answer.accepts() {
		if _, err := conn.Write(answer.refusal()); err != nil {
			return nil, err
		}
		return nil, answer.hangUp(conn, br, g)
	}
	p := &Peer{
		server: s, gate: g, conn: conn, br: br, request: r,
		subprotocol: answer.Subprotocol,
		compressed:  answer.Extensions != "",
		reading:     make(chan struct{}, 1),
		writing:     make(chan struct{}, 1),
		closeSeen:   make(chan struct{}),
	}
	p.writing <- struct{}{} // whoever finds p in Peers writes after the 101
	s.welcome(p)
	_, err = conn.Write(answer.switching(r))
	p.release(p.writing)
	if err != nil || answer.Drop {
		return nil, err
	}
	return p, nil
}

// answer records the request and asks, in this order: the rules of RFC 6455
// 4.2.1, an outage, OnUpgrade.
func (s *Server) answer(attempt *Attempt, r *http.Request) *Answer {
	s.mu.Lock()
	attempt.Requested = time.Now()
	attempt.Host, attempt.URI, attempt.Header = r.Host, r.RequestURI, r.Header
	s.mu.Unlock()

	wrong := checkRequest(r)
	if s.repeatedNonce(r) {
		wrong = append(wrong, "a Sec-WebSocket-Key that was used before (4.1)")
	}
	for _, w := range wrong {
		s.violate("attempt %d: %s", attempt.Number, w)
	}
	var a *Answer
	switch outage := s.currentOutage(); {
	case wrong != nil:
		a = &Answer{Status: http.StatusBadRequest, Body: strings.Join(wrong, "\n")}
	case outage != nil:
		a = outage
	case s.OnUpgrade != nil:
		a = s.OnUpgrade(attempt.Number, r)
	}
	if a == nil {
		a = &Answer{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	attempt.Status = a.status()
	return a
}

func (s *Server) repeatedNonce(r *http.Request) bool {
	nonce := r.Header.Get("Sec-Websocket-Key")
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := s.nonces[nonce]
	if len(s.nonces) == keptAttempts {
		clear(s.nonces)
	}
	s.nonces[nonce] = true
	return seen
}

// welcome makes p a session, before its 101 is written: a client that has read
// the 101 must find p in Peers.
func (s *Server) welcome(p *Peer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions++
	p.session = s.sessions
	s.conns[p.gate] = p
}

// hangUp ends a connection that did not become one of WebSocket.
func (a *Answer) hangUp(conn net.Conn, r io.Reader, g *gate) error {
	if !a.Hold {
		limit := time.AfterFunc(linger, func() { _ = g.Close() })
		defer limit.Stop()
		if err := halfClose(conn); err != nil {
			return err
		}
	}
	_, err := io.Copy(io.Discard, r)
	return err
}

// finish ends a connection whose script has ended: half-close, read to EOF,
// close, so that no RST destroys what the script wrote. What the client still
// says is checked like everything else.
func (p *Peer) finish() {
	if p.gate.pass() != nil {
		return
	}
	limit := time.AfterFunc(linger, func() { _ = p.gate.Close() })
	defer limit.Stop()
	if p.closeWrite() != nil || p.acquire(p.reading) != nil {
		return
	}
	defer p.release(p.reading)
	for {
		if _, err := p.readFrame(); err != nil {
			return
		}
	}
}

// halfClose ends our direction: close_notify first under TLS, whose own
// CloseWrite leaves TCP's direction open.
func halfClose(conn net.Conn) error {
	if t, ok := conn.(*tls.Conn); ok {
		if err := t.CloseWrite(); err != nil {
			return err
		}
		conn = t.NetConn()
	}
	if c, ok := conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return nil
}
