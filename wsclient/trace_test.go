package wsclient_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/reconnect"
	"github.com/steadyws/steadyws/wsclient"
)

func TestTraceTellsThePhases(t *testing.T) {
	srv := &testserver.Server{Handler: testserver.Sink, OnUpgrade: func(n int, _ *http.Request) *testserver.Answer {
		if n == 1 {
			return &testserver.Answer{Status: 503, Delay: 2 * time.Second}
		}
		return nil
	}}
	bubble(t, srv, func(w *world) {
		login := errors.New("not yet")
		n := 0
		o := wsclient.Options{
			Reconnect: reconnect.Policy{Initial: 1, Max: 1},
			Prepare:   func(context.Context, *wsclient.Attempt) error { <-time.After(time.Second); return nil },
			NetDial: func(ctx context.Context, network, addr string) (net.Conn, error) {
				<-time.After(3 * time.Second)
				return w.net.DialContext(ctx, network, addr)
			},
			OnConnect: func(context.Context, *wsclient.Conn) error {
				if n++; n == 1 {
					return login
				}
				return nil
			},
			Trace: &wsclient.Trace{
				Phase: func(number int, url string, phase reconnect.Phase, took time.Duration, err error) {
					w.note("%d %s %v %v %v", number, url, phase, took.Round(time.Microsecond), err)
				},
				Wait: func(number int, url string, wait time.Duration) {
					w.note("%d %s in %v", number, url, wait.Round(time.Microsecond))
				},
			},
		}
		w.dial(o)
		const url = "ws://feed/"
		w.expect("1 "+url+" prepare 1s <nil>", "1 "+url+" dial 3s <nil>", "1 "+url+" upgrade 2s wsclient: handshake: the server answered 503 Service Unavailable",
			"2 "+url+" in 0s",
			"2 "+url+" prepare 1s <nil>", "2 "+url+" dial 3s <nil>", "2 "+url+" upgrade 0s <nil>", "2 "+url+" connect 0s wsclient: connect: not yet",
			"3 "+url+" in 0s",
			"3 "+url+" prepare 1s <nil>", "3 "+url+" dial 3s <nil>", "3 "+url+" upgrade 0s <nil>", "3 "+url+" connect 0s <nil>")
	})
}

// On real TCP the look-up of a name and TLS are phases too. What comes behind the
// one that fails is not told.
func TestTraceTellsOfNamesAndTLS(t *testing.T) {
	srv := server(testserver.Sink)
	ctx, o := tcp(t, srv, true)
	var mu sync.Mutex
	var phases []string
	o.Trace = &wsclient.Trace{Phase: func(_ int, _ string, phase reconnect.Phase, took time.Duration, err error) {
		mu.Lock()
		defer mu.Unlock()
		if phases = append(phases, fmt.Sprint(phase, err == nil)); took < 0 {
			t.Errorf("%v took %v", phase, took)
		}
	}}
	url := strings.Replace(srv.URL(), "127.0.0.1", "localhost", 1)
	for _, roots := range []*x509.CertPool{o.TLS.RootCAs, nil} {
		o.TLS = &tls.Config{RootCAs: roots}
		c, err := wsclient.Dial(ctx, url, o)
		if (err == nil) != (roots != nil) {
			t.Fatal(err)
		}
		if c != nil {
			c.Close()
			<-c.Done()
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if got := fmt.Sprint(phases); got != "[dns true dial true tls true upgrade true dns true dial true tls false]" {
		t.Error(got)
	}
}

// levels collects what is logged, as level and text.
type levels struct{ w *world }

func (l levels) Enabled(context.Context, slog.Level) bool { return true }
func (l levels) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l levels) WithGroup(string) slog.Handler            { return l }
func (l levels) Handle(_ context.Context, r slog.Record) error {
	l.w.note("%v %s", r.Level, strings.TrimPrefix(r.Message, "wsclient: "))
	return nil
}

func TestLogLevels(t *testing.T) {
	t.Run("the end by us", func(t *testing.T) {
		srv := refuse(1, 503, nil, testserver.Sessions(func(p *testserver.Peer) {
			<-time.After(time.Minute)
			p.FIN()
		}, testserver.Sink))
		bubble(t, srv, func(w *world) {
			c := w.open(wsclient.Options{Reconnect: steady, Logger: slog.New(levels{w})})
			w.at(2 * time.Minute)
			c.Close()
			<-c.Done()
			w.expect("DEBUG connecting", "WARN attempt failed", "DEBUG connecting", "INFO open", "WARN connection lost",
				"DEBUG connecting", "INFO open", "INFO closing", "INFO connection closed", "INFO closed")
		})
	})
	t.Run("the end by the server", func(t *testing.T) {
		bubble(t, closingWith(1008, time.Second), func(w *world) {
			c := w.open(wsclient.Options{Logger: slog.New(levels{w})})
			w.done(c)
			w.expect("DEBUG connecting", "INFO open", "WARN connection lost", "ERROR client ended")
		})
	})
}

// TestPrepareLooksUpNamesOfItsOwn: they are part of PhasePrepare.
func TestPrepareLooksUpNamesOfItsOwn(t *testing.T) {
	for name, err := range map[string]error{"found": nil, "not found at first": errors.New("no such host")} {
		t.Run(name, func(t *testing.T) {
			bubble(t, server(testserver.Sink), func(w *world) {
				w.dial(wsclient.Options{
					Heartbeat: heartbeat.Off,
					Prepare: func(ctx context.Context, a *wsclient.Attempt) error {
						// What net/http or net.Dialer do with ctx:
						if tr := httptrace.ContextClientTrace(ctx); tr != nil && tr.DNSDone != nil {
							tr.DNSDone(httptrace.DNSDoneInfo{Err: err})
						}
						return nil
					},
					Trace: &wsclient.Trace{Phase: func(_ int, _ string, p reconnect.Phase, _ time.Duration, err error) { w.note("%v %v", p, err) }},
				})
				got := strings.Join(w.noted(), ", ")
				if got != "prepare <nil>, dial <nil>, upgrade <nil>" {
					t.Errorf("phases: %s", got)
				}
			})
		})
	}
}
