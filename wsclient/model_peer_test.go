package wsclient_test

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/gobwas/ws"

	"github.com/steadyws/steadyws/internal/testserver"
)

// serve is the server's end of a link: it answers pings, reads when it may, and
// says what it is told to.
func (m *model) serve(p *testserver.Peer) {
	n, err := strconv.Atoi(p.Request().Header.Get("X-Link"))
	var l *modelLink
	m.locked(func() {
		if err != nil || n >= len(m.links) {
			m.Errorf("link %d: %v", n, err)
			return
		}
		l = m.links[n]
	})
	if l == nil {
		return
	}
	left := make(chan struct{})
	defer close(left)
	go l.speak(p, left)
	var inflate tapInflater
	for {
		select {
		case <-m.mayRead():
		case <-p.Done():
			return
		}
		f, err := p.Read()
		if err != nil {
			return
		}
		switch f.Op {
		case ws.OpPing:
			if m.isSilent() {
				f.Payload = nil
			}
			_ = p.Pong(f.Payload)
		case ws.OpClose:
			code, _ := ws.ParseCloseFrameData(f.Payload)
			_ = p.Write(testserver.CloseFrame(code, ""))
			return
		case ws.OpText, ws.OpBinary:
			data, err := inflate.bytes(f.Rsv, f.Payload)
			if err != nil {
				m.Errorf("what came on link %d does not inflate: %v", n, err)
			}
			if m.arrive(l, data) {
				_ = p.SendClose(ws.StatusPolicyViolation, "")
			}
		}
	}
}

// speak says numbered words when asked to.
func (l *modelLink) speak(p *testserver.Peer, left chan struct{}) {
	said := 0
	for {
		select {
		case n := <-l.words:
			for range n {
				if p.WriteText(fmt.Sprintf("%d %d %s", l.n, said, strings.Repeat("x", said%5*100))) != nil {
					return
				}
				said++
			}
		case <-left:
			return
		}
	}
}

// talk lets the server say n messages to whoever is connected.
func (m *model) talk(n int) {
	m.note("the server says %d messages", n)
	m.mu.Lock()
	defer m.mu.Unlock()
	if l := m.last(); l != nil {
		select {
		case l.words <- n:
		default:
		}
	}
}

var readNow = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// mayRead is closed, or will be, when the server reads.
func (m *model) mayRead() chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stop == nil {
		return readNow
	}
	return m.stop
}

// stall lets the server stop reading, or go on.
func (m *model) stall(on bool) {
	m.note("the server does not read: %v", on)
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case on && m.stop == nil:
		m.stop = make(chan struct{})
	case !on && m.stop != nil:
		close(m.stop)
		m.stop = nil
	}
}

// mute lets the server answer pings with empty pongs, or rightly.
func (m *model) mute(on bool) {
	m.note("the server is mute: %v", on)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.silent, m.muted = on, m.muted || on
}

// dislike lets the server close over one message in sixteen.
func (m *model) dislike(on bool) {
	m.note("the server is picky: %v", on)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.picky = on
}

func (m *model) isSilent() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.silent
}

// A tapInflater inflates one direction of a link with the standard library.
type tapInflater struct{ window []byte }

func (f *tapInflater) bytes(rsv byte, p []byte) ([]byte, error) {
	if rsv == 0 {
		return p, nil
	}
	z := io.MultiReader(bytes.NewReader(p), strings.NewReader("\x00\x00\xff\xff\x01\x00\x00\xff\xff"))
	p, err := io.ReadAll(flate.NewReaderDict(z, f.window))
	f.window = append(f.window, p...)
	f.window = f.window[max(0, len(f.window)-32<<10):]
	return p, err
}
