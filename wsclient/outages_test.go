package wsclient_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/reconnect"
	"github.com/steadyws/steadyws/wsclient"
)

// An outage lasts for d, or for as long as it takes to be noticed.
type outage struct {
	name string
	do   func(o *outages, d time.Duration)
}

var outageKinds = []outage{
	{"refused", func(o *outages, d time.Duration) { o.unreachable(d, syscall.ECONNREFUSED) }},
	{"unreachable", func(o *outages, d time.Duration) { o.unreachable(d, syscall.EHOSTUNREACH) }},
	{"no name", func(o *outages, d time.Duration) {
		o.unreachable(d, &net.DNSError{Err: "no such host", IsNotFound: true})
	}},
	{"dials hang", func(o *outages, d time.Duration) { o.unreachable(d, nil) }},
	{"reset", func(o *outages, _ time.Duration) { o.w.srv.CutRST() }},
	{"cut", func(o *outages, _ time.Duration) { o.w.srv.CutFIN() }},
	{"503 with Retry-After", func(o *outages, d time.Duration) {
		o.w.srv.RefuseFor(d, 503, http.Header{"Retry-After": {strconv.Itoa(int(d / time.Second))}})
	}},
	{"429", func(o *outages, d time.Duration) { o.w.srv.RefuseFor(d, 429, nil) }},
	{"404 of a reload", func(o *outages, d time.Duration) { o.w.srv.RefuseFor(d, 404, nil) }},
	{"accept and drop", func(o *outages, d time.Duration) { o.w.srv.DropFor(d) }},
	{"freeze", func(o *outages, _ time.Duration) { o.w.srv.FreezeAll() }},
	{"token expires", func(o *outages, _ time.Duration) {
		o.token.Add(1)
		o.w.srv.CutFIN()
	}},
	{"close 1000", func(o *outages, _ time.Duration) { o.w.srv.CloseAll(1000, "24 h are over") }},
	{"close 4000", func(o *outages, _ time.Duration) { o.w.srv.CloseAll(4000, "") }},
	{"asked for", func(o *outages, _ time.Duration) { o.c.Reconnect("rotate") }},
}

// outages is a client, the server it is to stay with, and what is in the way.
type outages struct {
	w     *world
	c     *wsclient.Client
	token atomic.Int64 // that the server takes

	mu    sync.Mutex
	until time.Time // nothing is reached until then
	cause error     // nil: dials hang
}

// unreachable cuts all connections, and lets nobody come through for d.
func (o *outages) unreachable(d time.Duration, cause error) {
	o.mu.Lock()
	o.until, o.cause = time.Now().Add(d), cause
	o.mu.Unlock()
	o.w.srv.CutRST()
}

func (o *outages) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	o.mu.Lock()
	until, cause := o.until, o.cause
	o.mu.Unlock()
	if time.Now().Before(until) {
		if cause == nil {
			<-ctx.Done()
			cause = ctx.Err()
		}
		return nil, &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("connect", cause)}
	}
	return o.w.net.DialContext(ctx, network, addr)
}

// TestThousandOutages: over hours, whatever the outages, the client is open in
// the end; and when it has ended, nothing of it is left. The name of a subtest is
// its seed; the last one is new each time.
func TestThousandOutages(t *testing.T) {
	for _, seed := range []uint64{1, 2, 3, rand.Uint64()} {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { playOutages(t, rand.New(rand.NewPCG(seed, 1)), 250) })
	}
}

func playOutages(t *testing.T, rnd *rand.Rand, n int) {
	var o outages
	srv := &testserver.Server{Handler: testserver.Sink, OnUpgrade: func(_ int, r *http.Request) *testserver.Answer {
		if r.Header.Get("Authorization") != fmt.Sprint(o.token.Load()) {
			return &testserver.Answer{Status: 401}
		}
		return nil
	}}
	bubble(t, srv, func(w *world) {
		token := int64(0)
		var alive atomic.Int64 // what the client has done
		o.w = w
		o.c = w.dial(wsclient.Options{
			NetDial:   o.dial,
			Endpoints: []string{"ws://feed/b", "ws://nowhere/"},
			Heartbeat: heartbeat.Policy{Interval: 5 * time.Second, Timeout: 2 * time.Second},
			Reconnect: reconnect.Policy{Limiter: &reconnect.Limiter{Attempts: 5}},
			Prepare: func(_ context.Context, a *wsclient.Attempt) error {
				alive.Add(1)
				if h, ok := errors.AsType[*wsclient.HandshakeError](a.Err); ok && h.Status == 401 {
					token = o.token.Load()
				}
				a.Header.Set("Authorization", fmt.Sprint(token))
				return nil
			},
			OnClose: func(wsclient.CloseEvent) { alive.Add(1) },
			Trace:   &wsclient.Trace{Probe: func() { alive.Add(1) }},
		})
		for i := range n {
			kind := outageKinds[rnd.IntN(len(outageKinds))]
			d := time.Duration(rnd.IntN(90_000)) * time.Millisecond
			kind.do(&o, d)
			<-time.After(time.Duration(rnd.IntN(2)) * d) // sometimes the next one does not wait
			if rnd.IntN(3) > 0 {
				continue
			}
			for waited := 0; o.c.ReadyState() != wsclient.Open; waited++ {
				if o.c.Err() != nil || waited > 600 {
					t.Fatalf("after %d outages, the last of them %s for %v, and 10 minutes: %v (%v)", i+1, kind.name, d, o.c.ReadyState(), o.c.Err())
				}
				<-time.After(time.Second)
			}
			<-time.After(time.Duration(rnd.IntN(20)) * time.Second)
		}
		<-time.After(10 * time.Minute)
		s := o.c.Stats()
		if s.ReadyState != wsclient.Open {
			t.Errorf("%v in the end: %v", s.ReadyState, o.c.Err())
		}
		o.c.Close()
		<-o.c.Done()
		last, dialled := alive.Load(), len(srv.Attempts())
		<-time.After(24 * time.Hour)
		if alive.Load() != last || len(srv.Attempts()) != dialled {
			t.Error("something of the client lives on")
		}
		t.Logf("%v, %d connections, %d attempts", w.elapsed()-24*time.Hour, s.Session, s.Dials)
	})
}
