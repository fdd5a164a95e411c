package wsclient_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/reconnect"
	"github.com/steadyws/steadyws/wsclient"
)

// closing is a server whose first connection lasts for d and ends with a Close.
func closingWith(code ws.StatusCode, d time.Duration) *testserver.Server {
	return server(testserver.Sessions(func(p *testserver.Peer) {
		<-time.After(d)
		p.Close(code, "")
	}, testserver.Sink))
}

// TestEachVerdict: what a Classify says of a Close is done, at exact times.
func TestEachVerdict(t *testing.T) {
	verdicts := reconnect.Bands{
		{First: 4001, Last: 4001, Verdict: reconnect.Verdict{Action: reconnect.Now}},
		{First: 4002, Last: 4002, Verdict: reconnect.Verdict{Action: reconnect.At, After: 90 * time.Second}},
		{First: 4003, Last: 4003, Verdict: reconnect.Verdict{Action: reconnect.Refresh}},
		{First: 4004, Last: 4004, Verdict: reconnect.Verdict{After: 20 * time.Second}},
		{First: 4005, Last: 4005, Verdict: reconnect.Verdict{Action: reconnect.Stop}},
	}
	for _, c := range []struct {
		name string
		code ws.StatusCode
		want time.Duration // from the Close to the next connection; negative: the client ends
	}{
		{"now", 4001, 0},
		{"at a time", 4002, 90 * time.Second},
		{"fresh credentials at once", 4003, 0},
		{"backoff behind a floor", 4004, 20 * time.Second},
		{"stop", 4005, -1},
		{"what no band has is judged by Default: stop", 1008, -1},
		{"what no band has is judged by Default: backoff", 1012, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, closingWith(c.code, 10*time.Second), func(w *world) {
				var opened time.Duration
				client := w.open(wsclient.Options{
					Reconnect: reconnect.Policy{Initial: 1, Max: 1, Classify: verdicts.Classify}, // a nanosecond
					Prepare:   func(context.Context, *wsclient.Attempt) error { return nil },
					OnOpen:    func(*wsclient.Conn) { opened = w.elapsed() },
				})
				w.at(5 * time.Minute)
				if c.want < 0 {
					if e := as[*wsclient.CloseError](t, client.Err()); e.Code != wsclient.StatusCode(c.code) {
						t.Error(e)
					}
				} else if d := opened - 10*time.Second - c.want; client.Stats().Session != 2 || d < 0 || d > 1 {
					t.Errorf("session %d, opened at %v", client.Stats().Session, opened)
				}
			})
		})
	}
}

func TestPresetsEndTheClientOrDoNot(t *testing.T) {
	for _, c := range []struct {
		name     string
		classify func(reconnect.Failure) reconnect.Verdict
		code     ws.StatusCode
		ends     bool
	}{
		{"Centrifugo: invalid token", reconnect.Centrifugo, 3500, true},
		{"Centrifugo: no pong", reconnect.Centrifugo, 3012, false},
		{"Discord: authentication failed", reconnect.Discord, 4004, true},
		{"Discord: session timed out", reconnect.Discord, 4009, false},
		{"GraphQL: unauthorized", reconnect.GraphQL, 4401, true},
		{"GraphQL: forbidden", reconnect.GraphQL, 4403, false},
		{"Pusher: over quota", reconnect.Pusher, 4004, true},
		{"Pusher: over capacity", reconnect.Pusher, 4100, false},
		{"Pusher: reconnect", reconnect.Pusher, 4200, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, closingWith(c.code, time.Second), func(w *world) {
				client := w.open(wsclient.Options{Reconnect: reconnect.Policy{Initial: 1, Max: 1, Classify: c.classify}})
				w.at(time.Minute)
				if ended := client.Err() != nil; ended != c.ends {
					t.Errorf("ended: %v (%v)", ended, client.Err())
				}
			})
		})
	}
}

// What a hook returns is a failed attempt whatever it is, save a Permanent error:
// a Prepare that was refused a ticket is not a server that has refused us.
func TestNoErrorOfAHookIsTheEnd(t *testing.T) {
	for name, cause := range map[string]error{
		"an HTTP refusal":     &wsclient.HandshakeError{Status: 404},
		"refused credentials": fmt.Errorf("ticket: %w", &wsclient.HandshakeError{Status: 401}),
		"too large":           wsclient.ErrTooLarge,
		"closed":              wsclient.ErrClosed,
		"cancelled":           context.Canceled,
		"EOF":                 io.EOF,
	} {
		n := 0
		fail := func() error {
			if n++; n < 4 {
				return cause
			}
			return nil
		}
		for hook, o := range map[string]wsclient.Options{
			"Prepare":   {Prepare: func(context.Context, *wsclient.Attempt) error { return fail() }},
			"OnConnect": {OnConnect: func(context.Context, *wsclient.Conn) error { return fail() }},
		} {
			n = 0
			bubble(t, server(testserver.Sink), func(w *world) {
				o.Reconnect = steady
				c := w.open(o)
				w.at(time.Minute)
				if s := c.Stats(); s.Session != 1 || s.Dials != 4 {
					t.Errorf("%s, %s: session %d after %d attempts: %v", hook, name, s.Session, s.Dials, c.Err())
				}
			})
		}
	}
}

// The verdict on a hook's error is the Classify's, who sees where it came from.
func TestClassifySeesThePhase(t *testing.T) {
	cause := errors.New("closed for the weekend")
	bubble(t, server(testserver.Sink), func(w *world) {
		c := w.open(wsclient.Options{
			OnConnect: func(context.Context, *wsclient.Conn) error { return cause },
			Reconnect: reconnect.Policy{Classify: func(f reconnect.Failure) reconnect.Verdict {
				if w.note("%v %d", f.Phase, f.Attempt); f.Phase == reconnect.PhaseConnect && errors.Is(f.Err, cause) {
					return reconnect.Verdict{Action: reconnect.At, After: 48 * time.Hour}
				}
				return reconnect.Default(f)
			}},
		})
		w.at(time.Minute)
		if at := c.Stats().Next; at.Sub(w.start) != 48*time.Hour {
			t.Errorf("the next attempt is at %v", at.Sub(w.start))
		}
		w.expect("connect 1")
	})
}
