package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/steadyws/steadyws/wsclient"
)

const (
	faultTime = 10 * time.Second // each fault must be over by then
	patience  = 30 * time.Second // for what must happen, whenever
)

// begin starts a dashboard at any port.
func begin(t *testing.T, cfg config) *dashboard {
	t.Helper()
	cfg.addr = ":0"
	d, err := start(cfg, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.close)
	return d
}

// A stream reads /events, and wants it to be a story that makes sense.
type stream struct {
	t     *testing.T
	lines *bufio.Scanner
	last  state
	past  []event // those before the stream began
}

func (d *dashboard) watch(t *testing.T) *stream {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url+"events", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	if kind := answer.Header.Get("Content-Type"); answer.StatusCode != http.StatusOK || kind != "text/event-stream" {
		t.Fatalf("/events: status %d, type %q", answer.StatusCode, kind)
	}
	s := &stream{t: t, lines: bufio.NewScanner(answer.Body)}
	s.lines.Buffer(nil, 1<<20)
	first := s.until("the first object", func(state) bool { return true })
	if first.Intro == nil {
		t.Fatal("the first object has no intro")
	}
	s.past = first.Intro.Events
	return s
}

// next takes the next object; it reports false when there is none.
func (s *stream) next() bool {
	s.t.Helper()
	var text []string
	for s.lines.Scan() && s.lines.Text() != "" {
		text = append(text, s.lines.Text())
	}
	if s.lines.Err() != nil || text == nil {
		return false
	}
	if len(text) != 1 || !strings.HasPrefix(text[0], "data: ") {
		s.t.Fatalf("the stream has %q, want one line of data", text)
	}
	var now state
	if err := json.Unmarshal([]byte(text[0][len("data: "):]), &now); err != nil {
		s.t.Fatal(err)
	}
	open := wsclient.Open.String()
	if now.State == open && s.last.State == open && now.Session != s.last.Session {
		s.t.Fatalf("session %d turned into %d without a loss between them", s.last.Session, now.Session)
	}
	if now.Session < s.last.Session || now.Messages < s.last.Messages {
		s.t.Fatalf("the stream goes backwards: %+v after %+v", now, s.last)
	}
	s.last = now
	return true
}

// until returns the first object that satisfies ok.
func (s *stream) until(what string, ok func(state) bool) state {
	s.t.Helper()
	for s.next() {
		if ok(s.last) {
			return s.last
		}
	}
	s.t.Fatalf("waiting for %s: %v; the last state was %+v", what, s.lines.Err(), s.last)
	panic("unreachable")
}

func isOpen(s state) bool { return s.State == "open" }

// flowing is open with n messages more than before.
func flowing(before state, n uint64) func(state) bool {
	return func(s state) bool { return isOpen(s) && s.Messages >= before.Messages+n }
}

func (d *dashboard) press(t *testing.T, name string) {
	t.Helper()
	answer, err := http.Post(d.url+"fault/"+name, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusNoContent {
		t.Fatalf("POST /fault/%s: status %d", name, answer.StatusCode)
	}
}

// Each fault is seen as a loss, its cause, and Open again with session + 1.
func TestFaultsAreSurvived(t *testing.T) {
	tests := []struct{ fault, cause string }{
		{"freeze", "heartbeat: nothing received"},
		{"rst", "reset"},
		{"fin", "EOF"},
		{"drop", "EOF"},
		{"refuse", "EOF"},
	}
	for _, tt := range tests {
		t.Run(tt.fault, func(t *testing.T) {
			t.Parallel()
			cfg := defaults()
			cfg.outage = time.Second
			d := begin(t, cfg)
			events := d.watch(t)
			before := events.until("the feed", flowing(state{}, 1))

			d.press(t, tt.fault)
			pressed := time.Now()
			events.until("the press", func(s state) bool { return s.Event != nil && s.Event.Kind == "fault" })
			lost := events.until("the loss", func(s state) bool { return !isOpen(s) })
			if lost.State != "connecting" || lost.Session != before.Session {
				t.Errorf("lost: %+v, want connecting after session %d", lost, before.Session)
			}
			if lost.LastError == "" { // a sample between the loss and its cause
				lost = events.until("the cause", func(s state) bool { return isOpen(s) || s.LastError != "" })
			}
			if isOpen(lost) || !regexp.MustCompile(tt.cause).MatchString(lost.LastError) {
				t.Errorf("cause %q in state %s, want %q before it is open again", lost.LastError, lost.State, tt.cause)
			}
			if tt.fault == "refuse" {
				events.until("a refusal", func(s state) bool { return !isOpen(s) && strings.Contains(s.LastError, "503") })
			}
			again := events.until("open again", isOpen)
			if again.Session != before.Session+1 {
				t.Errorf("session %d after %d, want one more", again.Session, before.Session)
			}
			over := events.until("the feed again", flowing(again, 25))
			// A cut may be mended between two ticks of the feed.
			if outage := tt.fault != "rst" && tt.fault != "fin"; outage && (over.Gaps == 0 || over.Missed == 0) {
				t.Errorf("%d gaps, %d messages missed: the outage does not show", over.Gaps, over.Missed)
			}
			if took := time.Since(pressed); took > faultTime {
				t.Errorf("over after %v, want %v at most", took, faultTime)
			}
		})
	}
}

func TestDefaultsKeepTheirTimes(t *testing.T) {
	cfg := defaults()
	// A second Timeout: the client gives one if its own timer came late.
	if notice := cfg.heartbeat.Interval + 2*cfg.heartbeat.Timeout; notice > 3*time.Second {
		t.Errorf("a freeze is noticed after %v, want 3s at most", notice)
	}
	if longest := maxBackoff; cfg.outage+longest+stable > faultTime {
		t.Errorf("an outage of %v and a wait of %v do not fit into %v", cfg.outage, longest, faultTime)
	}
}

func TestLatePageGetsTheStory(t *testing.T) {
	t.Parallel()
	d := begin(t, defaults())
	events := d.watch(t)
	events.until("the feed", flowing(state{}, 1))
	d.press(t, "rst")
	events.until("session 2", func(s state) bool { return isOpen(s) && s.Session == 2 })

	var kinds []string
	for _, e := range d.watch(t).past {
		if e.Kind != "gap" {
			kinds = append(kinds, e.Kind)
		}
	}
	if got, want := strings.Join(kinds, " "), "open fault lost open"; got != want {
		t.Errorf("the late page is told %q, want %q", got, want)
	}
}

func TestNumbersMove(t *testing.T) {
	t.Parallel()
	cfg := defaults()
	cfg.outage = patience
	d := begin(t, cfg)
	events := d.watch(t)
	events.until("a rate, an age and a round trip", func(s state) bool {
		return isOpen(s) && s.PerSecond > 10 && s.DataAgeMs >= 0 && s.RTTMs > 0
	})
	d.press(t, "refuse")
	events.until("a wait for the second attempt or later, while messages pile up", func(s state) bool {
		return s.State == "connecting" && s.Attempt > 1 && s.WaitMs > 0 && s.BufferedAmount > 0
	})
	d.flaky.server.Recover()
	events.until("the queue to empty", func(s state) bool { return isOpen(s) && s.BufferedAmount == 0 })
}
