package wsclient_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/reconnect"
	"github.com/steadyws/steadyws/wsclient"
)

// begun is when attempts came in.
func (w *world) begun() (times []time.Duration) {
	for _, a := range w.srv.Attempts() {
		times = append(times, a.Accepted.Sub(w.start))
	}
	return times
}

func TestLimiterIsSharedByClients(t *testing.T) {
	bubble(t, server(testserver.Sink), func(w *world) {
		l := &reconnect.Limiter{Attempts: 2, Window: time.Second}
		var list []*wsclient.Client
		for range 5 {
			list = append(list, w.open(wsclient.Options{Reconnect: reconnect.Policy{Limiter: l}, Trace: &wsclient.Trace{
				Wait:    func(n int, url string, wait time.Duration) { w.note("%d wait %v", n, wait) },
				Limited: func(n int, url string, held time.Duration) { w.note("%d held %v", n, held) },
			}}))
		}
		w.at(time.Second / 2)
		next := 0
		for _, c := range list {
			if s := c.Stats(); s.Next.Sub(w.start) == time.Second && s.ReadyState == wsclient.Connecting {
				next++
			}
		}
		if next != 2 {
			t.Errorf("%d clients say that they begin at 1 s, want 2", next)
		}
		w.at(10 * time.Second)
		if got := fmt.Sprint(w.begun()); got != "[0s 0s 1s 1s 2s]" {
			t.Error(got)
		}
		slices.Sort(w.events)
		w.expect("1 held 1s", "1 held 1s", "1 held 2s", "1 wait 1s", "1 wait 1s", "1 wait 2s")
		for _, c := range list {
			if s := c.Stats(); s.Dials != 1 || !s.Next.IsZero() {
				t.Errorf("%d attempts, next at %v", s.Dials, s.Next)
			}
		}
	})
}

// What OnClose says of the wait is true to the instant: backoff, Retry-After and
// Limiter together.
func TestWaitSaysAllOfIt(t *testing.T) {
	srv := &testserver.Server{Handler: testserver.Sink, OnUpgrade: func(n int, _ *http.Request) *testserver.Answer {
		switch {
		case n > 60:
			return nil
		case n%3 == 0:
			return &testserver.Answer{Status: 429, Header: http.Header{"Retry-After": {"7"}}}
		}
		return &testserver.Answer{Status: 503}
	}}
	bubble(t, srv, func(w *world) {
		l := &reconnect.Limiter{Attempts: 3, Window: 10 * time.Second}
		const moment = time.Microsecond // less than any wait that jitter makes, but for one in 250,000
		for range 12 {
			next := time.Duration(-1)
			w.open(wsclient.Options{
				Reconnect: reconnect.Policy{Limiter: l},
				OnError:   func(error) { <-time.After(moment) }, // a callback that takes time changes nothing
				OnClose: func(e wsclient.CloseEvent) {
					if e.Retry {
						next = w.elapsed() + e.Wait - moment
					}
				},
				Prepare: func(_ context.Context, a *wsclient.Attempt) error {
					if now := w.elapsed(); next >= 0 && now != next {
						w.Errorf("attempt %d at %v, announced for %v", a.Number, now, next)
					}
					return nil
				},
			})
		}
		w.at(20 * time.Minute)
		begun := w.begun()
		for i := 3; i < len(begun); i++ {
			if d := begun[i] - begun[i-3]; d < 10*time.Second {
				t.Errorf("four attempts in %v", d)
			}
		}
		if len(begun) != 72 {
			t.Errorf("%d attempts, want 60 that were refused and 12 clients", len(begun))
		}
	})
}

func TestClosedClientGivesItsPlaceBack(t *testing.T) {
	bubble(t, server(testserver.Sink), func(w *world) {
		o := wsclient.Options{Reconnect: reconnect.Policy{Limiter: &reconnect.Limiter{Attempts: 1, Window: time.Minute}}}
		w.dial(o)
		second := w.open(o)
		synctest.Wait()
		w.open(o)
		w.at(time.Second)
		second.Close()
		<-second.Done()
		if w.elapsed() != time.Second {
			t.Errorf("Close took effect at %v", w.elapsed())
		}
		w.at(10 * time.Minute)
		if got := fmt.Sprint(w.begun()); got != "[0s 1m0s]" {
			t.Errorf("%v: the third was to have the second's place", got)
		}
	})
}

func TestReconnectCutsTheWaitShortWithinTheLimiter(t *testing.T) {
	bubble(t, refuse(1, 503, http.Header{"Retry-After": {"300"}}, testserver.Sink), func(w *world) {
		o := wsclient.Options{Reconnect: reconnect.Policy{Limiter: &reconnect.Limiter{Attempts: 1, Window: time.Minute}}}
		c := w.open(o)
		w.at(time.Second)
		c.Reconnect("now")
		c.Reconnect("now, really")
		w.at(10 * time.Minute)
		if got := fmt.Sprint(w.begun()); got != "[0s 1m0s]" {
			t.Errorf("attempts at %v, want the second as soon as the Limiter lets it", got)
		}
	})
}

func TestLimiterBoundsDialsAtATime(t *testing.T) {
	srv := &testserver.Server{Handler: testserver.Sink, OnUpgrade: func(int, *http.Request) *testserver.Answer {
		return &testserver.Answer{Delay: 3 * time.Second}
	}}
	bubble(t, srv, func(w *world) {
		o := wsclient.Options{Reconnect: reconnect.Policy{Limiter: &reconnect.Limiter{Dials: 2}}}
		for range 4 {
			w.open(o)
			synctest.Wait()
		}
		waiting := w.open(o)
		synctest.Wait()
		w.open(o)
		w.at(time.Second)
		waiting.Close()
		<-waiting.Done()
		w.at(time.Minute)
		if got := fmt.Sprint(w.begun()); got != "[0s 0s 3s 3s 6s]" {
			t.Error(got)
		}
	})
}

func TestLimiterBeyondMaxElapsedIsTheEnd(t *testing.T) {
	bubble(t, refuse(1e6, 503, nil, nil), func(w *world) {
		l := &reconnect.Limiter{Attempts: 1, Window: time.Minute}
		c := w.open(wsclient.Options{Reconnect: reconnect.Policy{Limiter: l, MaxElapsed: 50 * time.Second}})
		w.done(c)
		if as[*wsclient.GaveUpError](t, c.Err()); w.elapsed() != 0 {
			t.Errorf("gave up at %v, though it was clear at once", w.elapsed())
		}
		next := w.open(wsclient.Options{Reconnect: reconnect.Policy{Limiter: l, MaxElapsed: time.Hour}})
		w.at(time.Minute)
		if n := len(w.srv.Attempts()); n != 2 || next.Err() != nil {
			t.Errorf("%d attempts: who has given up keeps its place", n)
		}
	})
}

func TestBadLimiter(t *testing.T) {
	_, err := wsclient.New("ws://e.com", &wsclient.Options{Reconnect: reconnect.Policy{Limiter: &reconnect.Limiter{Window: -1}}})
	if got := as[*wsclient.OptionError](t, err); got.Option != "Reconnect.Limiter" {
		t.Error(err)
	}
	if errors.Is(err, wsclient.ErrClosed) {
		t.Error(err)
	}
}
