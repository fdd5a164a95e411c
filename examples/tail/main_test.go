package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/steadyws/steadyws/internal/testserver"
)

const patience = 20 * time.Second // for tests that fail

// A program is a run of tail.
type program struct {
	t      *testing.T
	lines  *bufio.Scanner // of stdout
	stderr transcript
	stop   context.CancelFunc
	code   chan int
}

// transcript is a buffer for many goroutines.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *transcript) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *transcript) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func tail(t *testing.T, args ...string) *program {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	r, w := io.Pipe()
	p := &program{t: t, lines: bufio.NewScanner(r), stop: cancel, code: make(chan int, 1)}
	go func() {
		p.code <- run(ctx, args, w, &p.stderr)
		w.Close()
	}()
	return p
}

// line returns the next line of stdout.
func (p *program) line() string {
	p.t.Helper()
	if !p.lines.Scan() {
		p.t.Fatalf("stdout has ended: %v\nstderr:\n%s", p.lines.Err(), &p.stderr)
	}
	return p.lines.Text()
}

func (p *program) wantLines(lines ...string) {
	p.t.Helper()
	for _, want := range lines {
		if got := p.line(); got != want {
			p.t.Fatalf("stdout: %q, want %q", got, want)
		}
	}
}

// wantExit wants nothing more on stdout, the exit code, and texts on stderr in
// this order.
func (p *program) wantExit(code int, texts ...string) {
	p.t.Helper()
	if p.lines.Scan() {
		p.t.Errorf("stdout: one line too many: %q", p.lines.Text())
	}
	if got := <-p.code; got != code {
		p.t.Errorf("exit code %d, want %d", got, code)
	}
	rest := p.stderr.String()
	for _, text := range texts {
		_, after, found := strings.Cut(rest, text)
		if !found {
			p.t.Fatalf("stderr lacks %q, or has it too early:\n%s", text, &p.stderr)
		}
		rest = after
	}
}

// start serves at addr, "" being anywhere.
func start(t *testing.T, srv *testserver.Server, addr string) *testserver.Server {
	t.Helper()
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Start(ln); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close() })
	return srv
}

// says sends texts and then listens.
func says(texts ...string) testserver.Handler {
	return func(p *testserver.Peer) {
		for _, text := range texts {
			if p.WriteText(text) != nil {
				return
			}
		}
		testserver.Sink(p)
	}
}

func TestItSurvivesARestart(t *testing.T) {
	t.Parallel()
	first := start(t, &testserver.Server{Handler: says("one", "two")}, "")
	p := tail(t, first.URL())
	p.wantLines("one", "two")
	first.Close()
	start(t, &testserver.Server{Handler: says("three")}, strings.TrimPrefix(first.URL(), "ws://"))
	p.wantLines("three")
	p.stop()
	p.wantExit(0, "connected to", "session 1", "lost session 1 after", "retry in", "connected to", "session 2", "gap: session 2")
}

func TestSubscriptionsGoOutOnEveryConnection(t *testing.T) {
	t.Parallel()
	echoes := func(p *testserver.Peer) { // two messages, then a crash
		for range 2 {
			_, data, err := p.ReadMessage()
			if err != nil || p.WriteText(string(data)) != nil {
				return
			}
		}
		p.FIN()
	}
	srv := start(t, &testserver.Server{Handler: echoes}, "")
	p := tail(t, "-n", "4", "-send", "subscribe a", "-send", "subscribe b", srv.URL())
	p.wantLines("subscribe a", "subscribe b", "subscribe a", "subscribe b")
	p.wantExit(0, "lost session 1", "session 2")
}

func TestHeadersAndSubprotocol(t *testing.T) {
	t.Parallel()
	srv := start(t, &testserver.Server{
		OnUpgrade: func(_ int, r *http.Request) *testserver.Answer {
			return &testserver.Answer{Subprotocol: r.Header.Get("Sec-Websocket-Protocol")}
		},
		Handler: func(p *testserver.Peer) {
			h := p.Request().Header
			says(h.Get("Authorization"), strings.Join(h["X-Two"], "+"), p.Subprotocol())(p)
		},
	}, "")
	p := tail(t, "-n", "3", "-H", "Authorization: Bearer x:y", "-H", "X-Two: 1", "-H", "X-Two:2",
		"-subprotocol", "v2.feed", srv.URL())
	p.wantLines("Bearer x:y", "1+2", "v2.feed")
	p.wantExit(0)
}

func TestForms(t *testing.T) {
	t.Parallel()
	srv := start(t, &testserver.Server{Handler: func(p *testserver.Peer) {
		if p.WriteText(`{"a":"<b>"}`) == nil && p.WriteBinary([]byte{0, 0xff, 0x10}) == nil {
			testserver.Sink(p)
		}
	}}, "")
	t.Run("lines", func(t *testing.T) {
		p := tail(t, "-n", "2", srv.URL())
		p.wantLines(`{"a":"<b>"}`, "00ff10")
		p.wantExit(0)
	})
	t.Run("json", func(t *testing.T) {
		p := tail(t, "-n", "2", "-json", srv.URL())
		for _, want := range []string{`1 text {"a":"<b>"}`, "1 binary AP8Q"} {
			var m struct {
				Time       time.Time
				Session    int
				Type, Data string
			}
			if err := json.Unmarshal([]byte(p.line()), &m); err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(m.Session, " ", m.Type, " ", m.Data); got != want || m.Time.IsZero() {
				t.Errorf("message %q of %v, want %q", got, m.Time, want)
			}
		}
		p.wantExit(0)
	})
}

func TestPermanentFailuresEndIt(t *testing.T) {
	t.Parallel()
	srv := start(t, &testserver.Server{OnUpgrade: func(int, *http.Request) *testserver.Answer {
		return &testserver.Answer{Status: http.StatusNotFound, Body: "no such feed\ntry another\n"}
	}}, "")
	tests := []struct {
		name string
		args []string
		code int
		text string
	}{
		{"a 404 says what the server said", []string{srv.URL()}, 1, `tail: wsclient: handshake: the server answered 404 Not Found: "no such feed"`},
		{"a URL that is none says what to write", []string{"localhost:3000"}, 1, "ws://"},
		{"no URL", nil, 2, "usage"},
		{"two URLs", []string{srv.URL(), srv.URL()}, 2, "usage"},
		{"a header without a colon", []string{"-H", "Authorization", srv.URL()}, 2, "Name: value"},
		{"help is no failure", []string{"-h"}, 0, "usage"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tail(t, tt.args...).wantExit(tt.code, tt.text)
		})
	}
}

func TestInterruptWhileConnectingIsNoFailure(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{})
	srv := start(t, &testserver.Server{OnUpgrade: func(int, *http.Request) *testserver.Answer {
		close(arrived)
		return &testserver.Answer{Delay: patience}
	}}, "")
	p := tail(t, srv.URL())
	<-arrived
	p.stop()
	p.wantExit(0)
}
