package wsclient_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/reconnect"
	"github.com/steadyws/steadyws/wsclient"
)

// drop accepts and drops at once.
func drop(p *testserver.Peer) { p.FIN() }

func TestAcceptThenDropIsMetWithBackoff(t *testing.T) {
	bubble(t, server(drop), func(w *world) {
		var waits time.Duration
		o := wsclient.Options{OnClose: func(e wsclient.CloseEvent) { waits += e.Wait }}
		w.open(o)
		w.at(10 * time.Minute)
		attempts := w.srv.Attempts()
		// Full jitter to 30 s: on average every 15 s. A loop would make thousands.
		if n := len(attempts); n < 20 || n > 90 {
			t.Errorf("%d attempts in ten minutes", n)
		}
		if last := attempts[len(attempts)-1].Accepted.Sub(w.start); waits-last > 30*time.Second || waits < last {
			t.Errorf("the announced waits end at %v, the last attempt was at %v", waits, last)
		}
	})
}

func TestStableConnectionEndsTheLosingStreak(t *testing.T) {
	srv := server(func(p *testserver.Peer) {
		if p.Session() == 6 {
			<-time.After(10 * time.Second)
		}
		p.FIN()
	})
	bubble(t, srv, func(w *world) {
		var attempts []int
		o := wsclient.Options{Prepare: func(_ context.Context, a *wsclient.Attempt) error {
			attempts = append(attempts, a.Number)
			return nil
		}}
		w.open(o)
		w.at(5 * time.Minute)
		if len(attempts) < 8 || !slices.Equal(attempts[:8], []int{1, 2, 3, 4, 5, 6, 1, 2}) {
			t.Errorf("attempt numbers %v: the sixth connection lasted Stable", attempts)
		}
	})
}

func TestWaitsAreAnnouncedAndKept(t *testing.T) {
	bubble(t, refuse(5, 503, nil, testserver.Sink), func(w *world) {
		var next time.Duration
		o := wsclient.Options{OnClose: func(e wsclient.CloseEvent) {
			if errors.Is(e.Err, wsclient.ErrClosed) {
				return // the end of the test
			}
			if !e.Retry || e.Session != 0 || e.Code != wsclient.StatusAbnormalClosure {
				w.Errorf("%+v", e)
			}
			next = w.elapsed() + e.Wait
		}, Prepare: func(_ context.Context, a *wsclient.Attempt) error {
			if w.elapsed() != next {
				w.Errorf("attempt %d at %v, announced for %v", a.Number, w.elapsed(), next)
			}
			if (a.Number > 1) != (a.Err != nil) {
				w.Errorf("attempt %d after %v", a.Number, a.Err)
			}
			return nil
		}}
		w.dial(o)
	})
}

func TestDialFailsAtOnceForWhatWillNotChange(t *testing.T) {
	bubble(t, refuse(1e6, 404, nil, nil), func(w *world) {
		_, err := wsclient.Dial(w.ctx, "ws://feed/nothing", w.options(wsclient.Options{}))
		h := as[*wsclient.HandshakeError](t, err)
		if h.Status != 404 || string(h.Body) != "go away" || w.elapsed() != 0 || len(w.srv.Attempts()) != 1 {
			t.Errorf("status %d, body %q after %v and %d attempts", h.Status, h.Body, w.elapsed(), len(w.srv.Attempts()))
		}
		if !errors.Is(err, wsclient.ErrClosed) {
			t.Errorf("%v is not ErrClosed", err)
		}
	})
}

func TestDialRetriesUntilItsContextEnds(t *testing.T) {
	bubble(t, refuse(1e6, 503, nil, nil), func(w *world) {
		ctx, cancel := context.WithTimeout(w.ctx, 7*time.Second)
		defer cancel()
		_, err := wsclient.Dial(ctx, "ws://feed/", w.options(wsclient.Options{}))
		if h := as[*wsclient.HandshakeError](t, err); h.Status != 503 || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		if w.elapsed() != 7*time.Second || len(w.srv.Attempts()) < 3 {
			t.Errorf("%d attempts in %v", len(w.srv.Attempts()), w.elapsed())
		}
		before := len(w.srv.Attempts())
		w.at(time.Minute)
		if after := len(w.srv.Attempts()); after != before {
			t.Errorf("%d more attempts after Dial had failed", after-before)
		}
	})
}

func TestRefusedAfterAnOpenIsRetried(t *testing.T) {
	srv := &testserver.Server{Handler: drop, OnUpgrade: func(n int, _ *http.Request) *testserver.Answer {
		if n == 2 || n == 3 {
			return &testserver.Answer{Status: 404}
		}
		return nil
	}}
	bubble(t, srv, func(w *world) {
		c := w.dial(wsclient.Options{Reconnect: steady})
		w.at(time.Second)
		if n := c.Stats().Session; n < 2 {
			t.Errorf("session %d: the 404 of a reload has ended a client that was open", n)
		}
	})
}

func TestRetryAfterIsAFloor(t *testing.T) {
	bubble(t, refuse(1, 429, http.Header{"Retry-After": {"40"}}, testserver.Sink), func(w *world) {
		w.open(wsclient.Options{Reconnect: steady})
		w.at(40*time.Second - 1)
		if n := len(w.srv.Attempts()); n != 1 {
			t.Errorf("%d attempts before Retry-After", n)
		}
		w.at(40*time.Second + time.Millisecond)
		if n := len(w.srv.Attempts()); n != 2 {
			t.Errorf("%d attempts after Retry-After, want 2", n)
		}
	})
}

func TestRefusedCredentialsAreRefreshedOnce(t *testing.T) {
	bubble(t, refuse(1e6, 401, nil, nil), func(w *world) {
		tokens := 0
		_, err := wsclient.Dial(w.ctx, "ws://feed/", w.options(wsclient.Options{Prepare: func(_ context.Context, a *wsclient.Attempt) error {
			tokens++
			a.Header.Set("Authorization", "Bearer secret")
			return nil
		}}))
		if h := as[*wsclient.HandshakeError](t, err); h.Status != 401 || tokens != 2 || w.elapsed() != 0 {
			t.Errorf("%v after %d tokens in %v", err, tokens, w.elapsed())
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%v names the credentials", err)
		}
	})
	bubble(t, refuse(1e6, 403, nil, nil), func(w *world) {
		_, err := wsclient.Dial(w.ctx, "ws://feed/", w.options(wsclient.Options{}))
		if as[*wsclient.HandshakeError](t, err); len(w.srv.Attempts()) != 1 {
			t.Errorf("%d attempts without a Prepare, want 1", len(w.srv.Attempts()))
		}
	})
}

func TestCloseCodesEndOrRetry(t *testing.T) {
	for code, ends := range map[wsclient.StatusCode]bool{
		1000: false, 1001: false, 1002: true, 1003: true, 1007: true, 1008: true, 1009: true, 1010: true,
		1011: false, 1012: false, 1013: false, 3000: false, 4001: false,
	} {
		srv := server(testserver.Sessions(func(p *testserver.Peer) {
			p.WriteFrame(true, 0, 8, []byte{byte(code >> 8), byte(code)})
			testserver.Sink(p)
		}, testserver.Sink))
		bubble(t, srv, func(w *world) {
			c := w.open(wsclient.Options{Reconnect: steady})
			w.at(10 * time.Second)
			if ended := c.Err() != nil; ended != ends {
				t.Errorf("close code %v: ended %v (%v), want %v", code, ended, c.Err(), ends)
			}
			if ends {
				if e := as[*wsclient.CloseError](t, c.Err()); e.Code != code {
					t.Errorf("Err %v", e)
				}
			}
		})
	}
}

func TestGivingUp(t *testing.T) {
	bubble(t, refuse(1e6, 503, nil, nil), func(w *world) {
		c := w.open(wsclient.Options{Reconnect: reconnect.Policy{MaxAttempts: 5}})
		w.done(c)
		g := as[*wsclient.GaveUpError](t, c.Err())
		if g.Attempts != 5 || len(w.srv.Attempts()) != 5 {
			t.Errorf("%v after %d attempts", g, len(w.srv.Attempts()))
		}
		as[*wsclient.HandshakeError](t, c.Err())
	})
	bubble(t, refuse(1e6, 503, nil, nil), func(w *world) {
		c := w.open(wsclient.Options{Reconnect: reconnect.Policy{MaxElapsed: time.Minute}})
		w.done(c)
		if as[*wsclient.GaveUpError](t, c.Err()); w.elapsed() > time.Minute {
			t.Errorf("gave up at %v", w.elapsed())
		}
	})
}

func TestNeverIsExactlyOneConnection(t *testing.T) {
	bubble(t, server(drop), func(w *world) {
		c := w.dial(wsclient.Options{Reconnect: reconnect.Never})
		w.done(c)
		if !errors.Is(c.Err(), io.ErrUnexpectedEOF) || len(w.srv.Attempts()) != 1 {
			t.Errorf("%v after %d attempts", c.Err(), len(w.srv.Attempts()))
		}
	})
}

func TestPermanentEndsFromAnyHook(t *testing.T) {
	cause := errors.New("not again")
	for name, o := range map[string]wsclient.Options{
		"Prepare":   {Prepare: func(context.Context, *wsclient.Attempt) error { return reconnect.Permanent(cause) }},
		"OnConnect": {OnConnect: func(context.Context, *wsclient.Conn) error { return reconnect.Permanent(cause) }},
	} {
		bubble(t, server(testserver.Sink), func(w *world) {
			c := w.open(o)
			w.done(c)
			if !errors.Is(c.Err(), cause) || w.elapsed() != 0 {
				t.Errorf("%s: %v after %v", name, c.Err(), w.elapsed())
			}
		})
	}
}

func TestHookFailureIsAFailedAttempt(t *testing.T) {
	bubble(t, server(testserver.Sink), func(w *world) {
		n := 0
		c := w.dial(wsclient.Options{Reconnect: steady, OnConnect: func(context.Context, *wsclient.Conn) error {
			if n++; n < 4 {
				return errors.New("login failed")
			}
			return nil
		}, OnClose: func(e wsclient.CloseEvent) { w.note("session %d retry %v", e.Session, e.Retry) }})
		w.expect("session 0 retry true", "session 0 retry true", "session 0 retry true")
		if s := c.Stats().Session; s != 1 {
			t.Errorf("the first connection that opened is session %d", s)
		}
	})
}

func TestReconnectOnDemand(t *testing.T) {
	t.Run("at once if the connection was stable", func(t *testing.T) {
		bubble(t, server(testserver.Echo), func(w *world) {
			c := w.dial(wsclient.Options{OnClose: func(e wsclient.CloseEvent) {
				w.note("%d clean %v wait %v", e.Code, e.WasClean, e.Wait)
			}})
			w.at(10 * time.Second)
			c.Reconnect("rotate")
			synctest.Wait()
			if s := c.Stats(); s.Session != 2 || s.ReadyState != wsclient.Open || w.elapsed() != 10*time.Second {
				t.Errorf("session %d %v", s.Session, s.ReadyState)
			}
			w.expect("1000 clean true wait 0s")
		})
	})
	t.Run("after the backoff if it was not", func(t *testing.T) {
		bubble(t, server(testserver.Echo), func(w *world) {
			var wait time.Duration
			c := w.dial(wsclient.Options{Reconnect: reconnect.Policy{Initial: time.Hour, Max: time.Hour}, OnClose: func(e wsclient.CloseEvent) { wait = e.Wait }})
			w.at(time.Second)
			c.Reconnect("rotate")
			synctest.Wait()
			if wait == 0 || c.Stats().Session != 1 {
				t.Errorf("wait %v, session %d", wait, c.Stats().Session)
			}
			c.Reconnect("now") // while waiting it cuts the wait short
			synctest.Wait()
			if s := c.Stats(); s.Session != 2 || w.elapsed() != time.Second {
				t.Errorf("session %d", s.Session)
			}
		})
	})
	t.Run("asked for while connecting it is no debt", func(t *testing.T) {
		srv := &testserver.Server{Handler: testserver.Sessions(func(p *testserver.Peer) {
			<-time.After(time.Minute)
			p.FIN()
		}, testserver.Sink), OnUpgrade: func(n int, _ *http.Request) *testserver.Answer {
			return &testserver.Answer{Delay: time.Second}
		}}
		bubble(t, srv, func(w *world) {
			var wait time.Duration
			c := w.open(wsclient.Options{Heartbeat: heartbeat.Off, Reconnect: reconnect.Policy{Initial: 30 * time.Minute, Max: 30 * time.Minute}, OnClose: func(e wsclient.CloseEvent) { wait = e.Wait }})
			w.at(time.Second / 2)
			c.Reconnect("too early")
			w.at(62 * time.Second)
			if s := c.Stats(); s.Session != 1 || wait < time.Second {
				t.Errorf("session %d, wait %v: an old Reconnect has cut a later wait", s.Session, wait)
			}
		})
	})
}

func TestPrepareMakesEachAttempt(t *testing.T) {
	bubble(t, refuse(2, 503, nil, testserver.Sink), func(w *world) {
		o := wsclient.Options{Reconnect: steady, Header: http.Header{"X-Fixed": {"yes"}}}
		o.Prepare = func(_ context.Context, a *wsclient.Attempt) error {
			a.Header.Set("X-Ticket", string(rune('a'+a.Number)))
			a.URL = "ws://feed/ticket?n=" + string(rune('a'+a.Number))
			return nil
		}
		c := w.dial(o)
		var got []string
		for _, a := range w.srv.Attempts() {
			got = append(got, a.URI+" "+a.Header.Get("X-Ticket")+" "+a.Header.Get("X-Fixed"))
		}
		if !slices.Equal(got, []string{"/ticket?n=b b yes", "/ticket?n=c c yes", "/ticket?n=d d yes"}) {
			t.Errorf("%q", got)
		}
		if c.URL() != "ws://feed/ticket?n=xxxxx" {
			t.Errorf("URL %q", c.URL())
		}
	})
}

func TestTimeoutsOfAnAttempt(t *testing.T) {
	block := func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) }
	for name, test := range map[string]struct {
		srv  *testserver.Server
		o    wsclient.Options
		want time.Duration
	}{
		"DialTimeout bounds the upgrade": {&testserver.Server{OnUpgrade: never}, wsclient.Options{DialTimeout: 3 * time.Second}, 3 * time.Second},
		"DialTimeout is 10 s by default": {&testserver.Server{OnUpgrade: never}, wsclient.Options{}, 10 * time.Second},
		"ConnectTimeout bounds Prepare":  {server(nil), wsclient.Options{Prepare: func(ctx context.Context, _ *wsclient.Attempt) error { return block(ctx) }}, 30 * time.Second},
		"ConnectTimeout bounds OnConnect": {server(testserver.Sink), wsclient.Options{ConnectTimeout: 4 * time.Second, OnConnect: func(ctx context.Context, c *wsclient.Conn) error {
			_, err := c.Receive(ctx)
			return err
		}}, 4 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, test.srv, func(w *world) {
				test.o.Reconnect = reconnect.Never
				c := w.open(test.o)
				w.done(c)
				var timeout interface{ Timeout() bool }
				if !errors.As(c.Err(), &timeout) || !timeout.Timeout() {
					t.Errorf("%v is no timeout", c.Err())
				}
				if d := w.elapsed(); d != test.want && d != test.want+time.Second { // and the closing handshake
					t.Errorf("ended at %v, want %v", d, test.want)
				}
			})
		})
	}
}

// TestDialTimeoutIsNamed, though a dialer may notice by itself, and first, that the time
// is over.
func TestDialTimeoutIsNamed(t *testing.T) {
	bubble(t, server(nil), func(w *world) {
		o := wsclient.Options{DialTimeout: 2 * time.Second, Reconnect: reconnect.Never}
		o.NetDial = func(ctx context.Context, _, _ string) (net.Conn, error) {
			limit, _ := ctx.Deadline()
			<-time.After(time.Until(limit))
			return nil, os.ErrDeadlineExceeded
		}
		for range 50 {
			c := w.open(o)
			<-c.Done()
			if err := c.Err(); errors.Is(err, os.ErrDeadlineExceeded) || !strings.Contains(err.Error(), "took longer than 2s") {
				t.Fatal(err)
			}
		}
	})
}

func TestWaitOpenCountsFromTheCall(t *testing.T) {
	bubble(t, server(func(p *testserver.Peer) {
		<-time.After(time.Second)
		p.FIN()
	}), func(w *world) {
		c := w.open(wsclient.Options{Reconnect: reconnect.Policy{Initial: time.Millisecond, Max: time.Millisecond, MaxAttempts: 2}})
		done := make(chan error, 1)
		go func() { done <- c.WaitOpen(w.ctx) }()
		w.done(c)
		if err := <-done; err != nil {
			t.Errorf("WaitOpen: %v, though it was open meanwhile", err)
		}
		if err := c.WaitOpen(w.ctx); !errors.Is(err, wsclient.ErrClosed) {
			t.Errorf("WaitOpen after the end: %v", err)
		}
	})
}

func TestCertificateErrorEndsTheFirstDial(t *testing.T) {
	srv := server(testserver.Sink)
	ctx, o := tcp(t, srv, true)
	o.TLS = &tls.Config{} // does not know the server's authority
	began := time.Now()
	_, err := wsclient.Dial(ctx, srv.URL(), o)
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); !ok || time.Since(began) > 10*time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}

func TestOptionsMayServeManyClients(t *testing.T) {
	bubble(t, server(testserver.Sink), func(w *world) {
		o := w.options(wsclient.Options{Header: http.Header{"X": {"y"}}, Heartbeat: heartbeat.Policy{Interval: time.Second, Timeout: time.Second}})
		for range 100 {
			c, err := wsclient.Dial(w.ctx, "ws://feed/", o)
			if err != nil {
				t.Fatal(err)
			}
			w.clients = append(w.clients, c)
		}
		o.Header.Set("X", "changed")
		w.at(time.Minute)
		for _, c := range w.clients {
			if s := c.Stats(); s.Session != 1 {
				t.Fatalf("session %d", s.Session)
			}
		}
		w.srv.CutFIN()
		w.at(2 * time.Minute)
		if a := w.srv.Attempts(); len(a) != 200 || a[199].Header.Get("X") != "y" {
			t.Errorf("%d attempts; a later change of Options has an effect", len(a))
		}
	})
}

// TestShortWaitsEnd: a wait that is over while it is being prepared does not wait for
// the next thing that happens.
func TestShortWaitsEnd(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	const attempts = 3000
	refused := errors.New("refused")
	_, err := wsclient.Dial(ctx, "ws://feed/", &wsclient.Options{
		NetDial:   func(context.Context, string, string) (net.Conn, error) { return nil, refused },
		Reconnect: reconnect.Policy{Initial: time.Microsecond, Max: time.Microsecond, MaxAttempts: attempts},
	})
	if gave := as[*wsclient.GaveUpError](t, err); gave.Attempts != attempts || !errors.Is(err, refused) {
		t.Errorf("%v", err)
	}
}
