package wsclient_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/reconnect"
	"github.com/steadyws/steadyws/wsclient"
)

// steady is a reconnect policy whose waits the tests can foresee: none is longer
// than a millisecond.
var steady = reconnect.Policy{Initial: time.Millisecond, Max: time.Millisecond}

// A world is a bubble with a network, a server on it, and whatever clients the
// test dials. Time is the bubble's, so that exact times can be asserted; every
// wait ends within an hour of it; a goroutine that is left fails the test.
type world struct {
	*testing.T
	net     *testserver.Network
	srv     *testserver.Server
	ctx     context.Context
	start   time.Time
	mu      sync.Mutex
	events  []string
	clients []*wsclient.Client
}

// bubble runs f against srv, which listens as "feed".
func bubble(t *testing.T, srv *testserver.Server, f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		w := &world{T: t, net: testserver.NewNetwork(), srv: srv, ctx: ctx, start: time.Now()}
		ln, err := w.net.Listen("feed:80")
		if err != nil {
			t.Fatal(err)
		}
		if err := srv.Start(ln); err != nil {
			t.Fatal(err)
		}
		defer srv.Close()
		defer func() {
			for _, c := range w.clients {
				c.Close()
				<-c.Done()
			}
		}()
		f(w)
	})
}

// options fills in what the network needs.
func (w *world) options(o wsclient.Options) *wsclient.Options {
	if o.NetDial == nil {
		o.NetDial = w.net.DialContext
	}
	return &o
}

// open starts a client without waiting for it.
func (w *world) open(o wsclient.Options) *wsclient.Client {
	w.Helper()
	c, err := wsclient.New("ws://feed/", w.options(o))
	if err != nil {
		w.Fatal(err)
	}
	w.clients = append(w.clients, c)
	return c
}

// dial starts a client and waits until it is open, or has been.
func (w *world) dial(o wsclient.Options) *wsclient.Client {
	w.Helper()
	c, err := wsclient.Dial(w.ctx, "ws://feed/", w.options(o))
	if err != nil {
		w.Fatal(err)
	}
	w.clients = append(w.clients, c)
	return c
}

// elapsed is the time in the bubble.
func (w *world) elapsed() time.Duration { return time.Since(w.start) }

// at waits until d after the start, and until nothing moves.
func (w *world) at(d time.Duration) {
	w.Helper()
	if left := d - w.elapsed(); left < 0 {
		w.Fatalf("it is already %v, later than %v", w.elapsed(), d)
	} else {
		<-time.After(left)
	}
	synctest.Wait()
}

func (w *world) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, fmt.Sprintf(format, args...))
}

func (w *world) noted() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.events)
}

// expect compares what was noted.
func (w *world) expect(want ...string) {
	w.Helper()
	if got := w.noted(); !slices.Equal(got, want) {
		w.Errorf("events:\n got %q\nwant %q", got, want)
	}
}

func (w *world) send(c *wsclient.Client, texts ...string) {
	w.Helper()
	for _, s := range texts {
		if err := c.Send(w.ctx, wsclient.Text(s)); err != nil {
			w.Fatalf("Send(%q): %v", s, err)
		}
	}
}

func (w *world) receive(c *wsclient.Client) wsclient.Message {
	w.Helper()
	m, err := c.Receive(w.ctx)
	if err != nil {
		w.Fatalf("Receive: %v", err)
	}
	return m
}

// texts are the payloads that the server got, over all sessions.
func texts(r *testserver.Recorder) (all []string) {
	for _, m := range r.Received() {
		all = append(all, m.Data)
	}
	return all
}

// server is a Server with a handler.
func server(h testserver.Handler) *testserver.Server { return &testserver.Server{Handler: h} }

// silence is a peer that reads everything and never answers, not even pings.
func silence(p *testserver.Peer) {
	for {
		if _, err := p.Read(); err != nil {
			return
		}
	}
}

// refuse is a server that refuses the first n upgrades.
func refuse(n, status int, header http.Header, h testserver.Handler) *testserver.Server {
	return &testserver.Server{Handler: h, OnUpgrade: func(attempt int, _ *http.Request) *testserver.Answer {
		if attempt <= n {
			return &testserver.Answer{Status: status, Header: header, Body: "go away"}
		}
		return nil
	}}
}

// as returns the first error of type E in err's chain.
func as[E error](t testing.TB, err error) E {
	t.Helper()
	e, ok := errors.AsType[E](err)
	if !ok {
		t.Fatalf("error is %T %v, want a %T in its chain", err, err, e)
	}
	return e
}

// tcp starts srv on real TCP, or TLS.
func tcp(t testing.TB, srv *testserver.Server, secure bool) (context.Context, *wsclient.Options) {
	t.Helper()
	return tcpOn(t, srv, nil, secure)
}

// tcpOn does so on ln; nil: a listener of its own.
func tcpOn(t testing.TB, srv *testserver.Server, ln net.Listener, secure bool) (context.Context, *wsclient.Options) {
	t.Helper()
	o := &wsclient.Options{Reconnect: steady}
	start := srv.Start
	if secure {
		start = srv.StartTLS
	}
	if err := start(ln); err != nil {
		t.Fatal(err)
	}
	if secure {
		o.TLS = srv.ClientTLS()
	}
	t.Cleanup(func() { srv.Close() })
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx, o
}

// dialTCP dials srv and closes the client at the end of the test.
func dialTCP(t testing.TB, ctx context.Context, srv *testserver.Server, o *wsclient.Options) *wsclient.Client {
	t.Helper()
	c, err := wsclient.Dial(ctx, srv.URL(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		<-c.Done()
	})
	return c
}

// done waits until c has ended.
func (w *world) done(c *wsclient.Client) {
	w.Helper()
	select {
	case <-c.Done():
	case <-w.ctx.Done():
		w.Fatal("the client has not ended")
	}
}

// TestMain keeps the machine's proxy out of it.
func TestMain(m *testing.M) {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "all_proxy"} {
		os.Unsetenv(name)
	}
	os.Exit(m.Run())
}

// never is an upgrade that is not answered.
func never(int, *http.Request) *testserver.Answer {
	return &testserver.Answer{Raw: []byte{}, Hold: true}
}
