package wsclient_test

import (
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/steadyws/steadyws/reconnect"
	"github.com/steadyws/steadyws/wsclient"
)

// trickle says head, then a drop each second.
func trickle(w *world, nc net.Conn, head, drop string) {
	nc.Read(make([]byte, 4096))
	for say := head; ; say = drop {
		if _, err := io.WriteString(nc, say); err != nil {
			return
		}
		select {
		case <-time.After(time.Second):
		case <-w.ctx.Done():
			return
		}
	}
}

func silent(_ *world, nc net.Conn, _ *tls.Config) { io.Copy(io.Discard, nc) }

// saying is a proxy that says head, then a drop each second.
func saying(head, drop string) func(*world, net.Conn, *tls.Config) {
	return func(w *world, nc net.Conn, _ *tls.Config) { trickle(w, nc, head, drop) }
}

// endless are proxies that come to no end, by scheme and what they do.
var endless = map[string]func(w *world, nc net.Conn, cfg *tls.Config){
	"http: says nothing":              silent,
	"http: says one byte each second": saying("HTTP/1.1 200 OK\r\nX: ", "x"),
	"http: leads to nobody":           saying("HTTP/1.1 200 OK\r\n\r\n", ""),
	"https: says nothing":             silent,
	"https: says nothing in TLS":      func(w *world, nc net.Conn, cfg *tls.Config) { silent(w, tls.Server(nc, cfg), nil) },
	"https: leads to nobody": func(w *world, nc net.Conn, cfg *tls.Config) {
		trickle(w, tls.Server(nc, cfg), "HTTP/1.1 200 OK\r\n\r\n", "")
	},
	"socks5: says nothing":              silent,
	"socks5: says no more than methods": saying("\x05\x00", ""),
}

func TestProxyIsBoundedByDialTimeout(t *testing.T) {
	for name, does := range endless {
		for _, url := range []string{"ws://feed/", "wss://feed/"} {
			t.Run(name+" "+url, func(t *testing.T) {
				bubble(t, server(nil), func(w *world) {
					ca := newAuthority(t)
					cfg := ca.server("proxy")
					w.accept("proxy:1", func(nc net.Conn) { does(w, nc, cfg) })
					scheme, _, _ := strings.Cut(name, ":")
					_, err := wsclient.Dial(w.ctx, url, w.options(wsclient.Options{
						Proxy: through(scheme + "://proxy:1"), DialTimeout: 7 * time.Second, Reconnect: reconnect.Never,
						TLS: ca.client(),
					}))
					if e := as[interface {
						error
						Timeout() bool
					}](t, err); !e.Timeout() || !strings.Contains(err.Error(), "7s") {
						t.Errorf("%v", err)
					}
					if w.elapsed() != 7*time.Second {
						t.Errorf("ended at %v", w.elapsed())
					}
				})
			})
		}
	}
}

// Whatever the proxy does not do, nothing of the client is left at the moment of
// Close, as the bubble sees it.
func TestCloseWhileAProxyIsSpokenTo(t *testing.T) {
	for name, does := range endless {
		t.Run(name, func(t *testing.T) {
			bubble(t, server(nil), func(w *world) {
				ca := newAuthority(t)
				cfg := ca.server("proxy")
				w.accept("proxy:1", func(nc net.Conn) { does(w, nc, cfg) })
				scheme, _, _ := strings.Cut(name, ":")
				c := w.open(wsclient.Options{Proxy: through(scheme + "://proxy:1"), TLS: ca.client()})
				w.at(time.Second)
				c.Close()
				w.done(c)
				if w.elapsed() != time.Second {
					t.Errorf("Done at %v", w.elapsed())
				}
			})
		})
	}
}

// A refusal whose body does not end is known by its status.
func TestBodyOfARefusalIsNotWaitedForLongerThanDialTimeout(t *testing.T) {
	bubble(t, server(nil), func(w *world) {
		w.accept("proxy:1", func(nc net.Conn) { trickle(w, nc, "HTTP/1.1 407 No\r\n\r\n", "x") })
		c := w.open(wsclient.Options{Proxy: through("http://proxy:1"), DialTimeout: 3 * time.Second})
		w.done(c)
		if h := as[*wsclient.HandshakeError](t, c.Err()); h.Status != 407 || w.elapsed() != 3*time.Second {
			t.Errorf("%+v at %v", h, w.elapsed())
		}
	})
}
