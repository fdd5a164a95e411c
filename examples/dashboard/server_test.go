package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/steadyws/steadyws/internal/testserver"
)

func TestForeignPagesAreRefused(t *testing.T) {
	t.Parallel()
	d := begin(t, defaults())
	own := strings.Trim(strings.TrimPrefix(d.url, "http:"), "/")
	_, port, _ := net.SplitHostPort(own)
	tests := []struct {
		name, host, origin, site string
		page, rest               int // status of the page; 403 or not of the others
	}{
		{"curl", own, "", "", 200, 0},
		{"the page itself", own, "http://" + own, "same-origin", 200, 0},
		{"the page under localhost", "localhost:" + port, "http://localhost:" + port, "same-origin", 200, 0},
		{"an address that was typed", own, "", "none", 200, 0},
		{"a link elsewhere", own, "", "cross-site", 200, 403},
		{"a form elsewhere", own, "https://evil.example", "", 200, 403},
		{"a form in a sandbox", own, "null", "", 200, 403},
		{"another port of this machine", own, "http://127.0.0.1:1", "same-site", 200, 403},
		{"a name rebound to us", "evil.example:" + port, "http://evil.example:" + port, "same-origin", 403, 403},
		{"a name rebound to us, old browser", "evil.example:" + port, "", "", 403, 403},
		{"no port", "127.0.0.1", "", "", 403, 403},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ask := func(method, path string) int {
				r, err := http.NewRequestWithContext(t.Context(), method, d.url+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				r.Host = tt.host
				if tt.origin != "" {
					r.Header.Set("Origin", tt.origin)
				}
				if tt.site != "" {
					r.Header.Set("Sec-Fetch-Site", tt.site)
				}
				answer, err := http.DefaultClient.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				answer.Body.Close()
				return answer.StatusCode
			}
			if got := ask("GET", ""); got != tt.page {
				t.Errorf("the page: status %d, want %d", got, tt.page)
			}
			for _, rest := range []struct {
				method, path string
				status       int
			}{{"GET", "events", 200}, {"POST", "fault/none", 404}} {
				want := rest.status
				if tt.rest != 0 {
					want = tt.rest
				}
				if got := ask(rest.method, rest.path); got != want {
					t.Errorf("%s /%s: status %d, want %d", rest.method, rest.path, got, want)
				}
			}
		})
	}
}

func TestPageIsWholeInItself(t *testing.T) {
	t.Parallel()
	d := begin(t, defaults())
	answer, err := http.Get(d.url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if string(body) != page || answer.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("not the page, but %q: %.100s", answer.Header.Get("Content-Type"), body)
	}
	for _, foreign := range []string{"http://", "https://", "@import", "style=", "onclick"} {
		if strings.Contains(page, foreign) {
			t.Errorf("the page has %q, which its policy forbids", foreign)
		}
	}
	csp := answer.Header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "script-src 'sha256-", "style-src 'sha256-", "connect-src 'self'"} {
		if !strings.Contains(csp, part) {
			t.Errorf("policy %q lacks %q", csp, part)
		}
	}
	for _, f := range d.flaky.faults() {
		if !strings.Contains(page, fmt.Sprintf("data-fault=%q", f.Name)) {
			t.Errorf("the page has no button for %s", f.Name)
		}
	}
}

func TestAddressMustBeLoopback(t *testing.T) {
	for _, addr := range []string{":0", "127.0.0.1:0", "localhost:0"} {
		ln, err := listen(addr, io.Discard)
		if err != nil {
			t.Errorf("%s: %v", addr, err)
			continue
		}
		if tcp, ok := ln.Addr().(*net.TCPAddr); !ok || !tcp.IP.IsLoopback() {
			t.Errorf("%s became %v, want loopback", addr, ln.Addr())
		}
		ln.Close()
	}
	for _, addr := range []string{"0.0.0.0:0", "192.0.2.1:80", "[::]:0", "example.com:80", "8080", ""} {
		if ln, err := listen(addr, io.Discard); err == nil {
			ln.Close()
			t.Errorf("%q listens on %v, want an error", addr, ln.Addr())
		}
	}
}

func TestTakenPort(t *testing.T) {
	// If this fails somebody else has the port, which is as good.
	if ln, err := net.Listen("tcp", defaultAddr); err == nil {
		defer ln.Close()
	}
	t.Run("the default is replaced by a free one", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		r, w := io.Pipe()
		var stderr bytes.Buffer
		code := make(chan int, 1)
		go func() {
			code <- run(ctx, nil, w, &stderr)
			w.Close()
		}()
		var url string
		if _, err := fmt.Fscanf(r, "dashboard: %s\n", &url); err != nil {
			t.Fatal(err)
		}
		answer, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		cancel()
		if rest, err := io.ReadAll(r); len(rest) != 0 || err != nil {
			t.Errorf("stdout says more than one line: %q, %v", rest, err)
		}
		if got := <-code; got != 0 {
			t.Errorf("exit code %d", got)
		}
		if text := stderr.String(); !strings.Contains(text, defaultAddr) || !strings.Contains(text, "free port") {
			t.Errorf("stderr says %q, want the taken address", text)
		}
	})
	t.Run("one that was asked for is an error", func(t *testing.T) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		var stderr bytes.Buffer
		if code := run(t.Context(), []string{"-addr", ln.Addr().String()}, io.Discard, &stderr); code != 1 {
			t.Errorf("exit code %d, want 1; stderr %q", code, &stderr)
		}
	})
}

func TestWrongFlags(t *testing.T) {
	for _, tt := range []struct {
		args string
		code int
		text string
	}{
		{"-feed http://localhost:1 -addr :0", 1, "ws"},
		{"-timeout -1s -addr :0", 1, "Timeout"},
		{"ws://localhost:1", 2, "-feed"},
		{"-interval soon", 2, "-interval"},
		{"-h", 0, "-addr"},
	} {
		var stderr bytes.Buffer
		code := run(t.Context(), strings.Fields(tt.args), io.Discard, &stderr)
		if code != tt.code || !strings.Contains(stderr.String(), tt.text) {
			t.Errorf("%s: exit code %d, want %d; stderr %q, want %q", tt.args, code, tt.code, &stderr, tt.text)
		}
	}
}

// ownFeed is the dashboard of a feed that is not the built-in one.
func ownFeed(t *testing.T, srv *testserver.Server) *dashboard {
	t.Helper()
	if err := srv.Start(nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close() })
	cfg := defaults()
	cfg.feed = srv.URL()
	return begin(t, cfg)
}

func TestOwnFeed(t *testing.T) {
	t.Parallel()
	d := ownFeed(t, &testserver.Server{Handler: func(p *testserver.Peer) {
		for _, text := range []string{"plain", `{"seq":"a string"}`, `{"price":1}`, `{"seq":7}`, `{"seq":10}`, `[1]`, `{"seq":1}`} {
			if p.WriteText(text) != nil {
				return
			}
		}
		if p.WriteBinary([]byte{1, 2, 3}) == nil {
			testserver.Sink(p)
		}
	}})
	events := d.watch(t)
	if events.last.Intro.URL == "" || len(events.last.Intro.Faults) != 0 {
		t.Errorf("intro %+v, want the feed's URL and no faults", events.last.Intro)
	}
	got := events.until("all messages", func(s state) bool { return s.Messages == 8 })
	if got.Gaps != 1 || got.Missed != 2 {
		t.Errorf("%d gaps, %d missed; want 1 and 2, from 7 to 10", got.Gaps, got.Missed)
	}
	answer, err := http.Post(d.url+"fault/rst", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	if answer.StatusCode != http.StatusConflict || !strings.Contains(string(text), "built-in") {
		t.Errorf("a fault for a feed of one's own: status %d, %q", answer.StatusCode, text)
	}
}

func TestFeedThatEndsForGood(t *testing.T) {
	t.Parallel()
	d := ownFeed(t, &testserver.Server{OnUpgrade: func(int, *http.Request) *testserver.Answer {
		return &testserver.Answer{Status: http.StatusNotFound}
	}})
	end := d.watch(t).until("the end", func(s state) bool { return s.State == "closed" })
	if !strings.Contains(end.LastError, "404") {
		t.Errorf("last error %q, want the 404", end.LastError)
	}
}
