package interop

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/reconnect"
	"github.com/steadyws/steadyws/wsclient"
)

// backend serves one connection after the other, with and without TLS.
func backend(t *testing.T) *instance {
	t.Helper()
	i, err := serveGo(serveCoder, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.kill)
	return i
}

// through returns options that lead through a relay, and through nothing else.
func through(t *testing.T, r *running, login ...string) wsclient.Options {
	t.Helper()
	o := trusting(t)
	o.Proxy = r.proxy(login...)
	o.NetDial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if addr != "127.0.0.1:"+r.Port {
			t.Errorf("dials %s", addr)
		}
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
	return o
}

func TestSpeaksThroughAProxy(t *testing.T) {
	everyRelay(t, func(t *testing.T, p *relay) {
		i := backend(t)
		_, port, _ := net.SplitHostPort(i.plain)
		logins := []bool{false}
		if p.login != "" {
			logins = append(logins, true)
		}
		for _, login := range logins {
			r := p.start(t, login, 0)
			var by []string
			if login {
				by = []string{user, password}
			}
			for _, url := range []string{"ws://" + i.plain, "wss://" + i.secure, "ws://localhost:" + port} {
				c := dial(t, url, through(t, r, by...))
				c.echo(t, wsclient.Text("hello"), 1)
				c.echo(t, wsclient.Binary(make([]byte, 1<<20)), 1)
				if err := c.Shutdown(limited(t)); err != nil {
					t.Error(err)
				}
			}
		}
	})
}

func TestProxyRefusesAWrongLogin(t *testing.T) {
	everyRelay(t, func(t *testing.T, p *relay) {
		if p.login == "" {
			return // it knows the users of the machine
		}
		i, r := backend(t), p.start(t, true, 0)
		for _, login := range [][]string{{user, "wrong"}, {"wrong", password}, nil} {
			_, err := wsclient.Dial(limited(t), "ws://"+i.plain, ptr(through(t, r, login...)))
			he, ok := errors.AsType[*wsclient.HandshakeError](err)
			if !ok {
				t.Fatal(err)
			}
			if he.Proxy != p.scheme+"://127.0.0.1:"+r.Port || he.Status != p.wrong && he.Status != http.StatusProxyAuthRequired {
				t.Errorf("%+v", he)
			}
			says(t, err, fmt.Sprintf("the proxy %s answered %d", he.Proxy, he.Status))
		}
	})
}

func TestProxyCannotReachTheServer(t *testing.T) {
	everyRelay(t, func(t *testing.T, p *relay) {
		i, r := backend(t), p.start(t, false, 0)
		i.kill()
		o := through(t, r)
		o.Reconnect = reconnect.Policy{MaxAttempts: 1}
		_, err := wsclient.Dial(limited(t), "ws://"+i.plain, &o)
		he, ok := errors.AsType[*wsclient.HandshakeError](err)
		if !ok || he.Status != p.down || he.Proxy == "" {
			t.Fatalf("%v: %+v", err, he)
		}
		if _, ok := errors.AsType[*wsclient.GaveUpError](err); !ok {
			t.Errorf("%v was not worth a retry", err)
		}
	})
}

// The proxy ends, and the client is back as soon as there is another.
func TestComesBackThroughAnotherProxy(t *testing.T) {
	everyRelay(t, func(t *testing.T, p *relay) {
		if p.many {
			return
		}
		i, first := backend(t), p.start(t, false, 0)
		var now atomic.Pointer[running]
		now.Store(first)
		o := trusting(t)
		o.Proxy = func(r *http.Request) (*url.URL, error) { return now.Load().proxy()(r) }
		c := dial(t, "wss://"+i.secure, o)
		c.echo(t, wsclient.Text("before"), 1)
		first.end()
		if e := next(t, c.closed, "the cut"); e.Session != 1 || !e.Retry {
			t.Errorf("%+v", e)
		}
		next(t, c.failed, "the loss")
		next(t, c.failed, "an attempt that fails")
		now.Store(p.start(t, false, 0))
		c.echo(t, wsclient.Text("after"), 2)
	})
}

// The proxies that cut silent connections: a heartbeat keeps them, and without
// one the client is back.
func TestProxysIdleTimeout(t *testing.T) {
	everyRelay(t, func(t *testing.T, p *relay) {
		if p.down == 0 {
			return // one of SOCKS: 15 minutes for good, or whenever it looks
		}
		const idle = 2 * time.Second // they know whole seconds
		i, r := backend(t), p.start(t, false, idle)
		quiet := through(t, r)
		quiet.Heartbeat = heartbeat.Policy{Interval: never}
		silent := dial(t, "wss://"+i.secure, quiet)
		beating := through(t, r)
		beating.Heartbeat = heartbeat.Policy{Interval: idle / 5}
		kept := dial(t, "wss://"+i.secure, beating)
		if e := next(t, silent.closed, "the cut"); e.Session != 1 || e.Code != wsclient.StatusAbnormalClosure || !e.Retry || e.Uptime < idle/2 {
			t.Errorf("%+v", e)
		}
		silent.echo(t, wsclient.Text("back"), 2)
		kept.echo(t, wsclient.Text("still here"), 1)
	})
}

func ptr[T any](v T) *T { return &v }
