package wsclient_test

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/reconnect"
	"github.com/steadyws/steadyws/wsclient"
)

const secret = "s3cret"

// A gossip collects all that a client says.
type gossip struct {
	mu   sync.Mutex
	text strings.Builder
}

func (g *gossip) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.text.Write(p)
}

func (g *gossip) said(what ...any) { fmt.Fprintln(g, what...) }

// listen returns options whose client is listened to, and has secrets to keep.
func (g *gossip) listen(o wsclient.Options) wsclient.Options {
	o.Header = http.Header{"Authorization": {"Bearer " + secret}, "Cookie": {secret}}
	o.Logger = slog.New(slog.NewTextHandler(g, &slog.HandlerOptions{Level: slog.LevelDebug}))
	o.Trace = &wsclient.Trace{
		AttemptStart: func(_ int, u string) { g.said(u) },
		AttemptDone:  func(_ int, u string, err error) { g.said(u, err) },
		Phase:        func(n int, u string, p reconnect.Phase, d time.Duration, err error) { g.said(n, u, p, d, err) },
		Wait:         func(n int, u string, d time.Duration) { g.said(n, u, d) },
	}
	o.OnError = func(err error) { g.said(err) }
	o.OnOpen = func(c *wsclient.Conn) { g.said(c.URL()) }
	o.OnClose = func(e wsclient.CloseEvent) { g.said(e.Err) }
	return o
}

// check finds no secret, and each of the texts.
func (g *gossip) check(t *testing.T, texts ...string) {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	all := g.text.String()
	for _, s := range []string{secret, base64.StdEncoding.EncodeToString([]byte("user:" + secret))} {
		if strings.Contains(all, s) {
			t.Errorf("a secret is in:\n%s", all)
		}
	}
	for _, s := range texts {
		if !strings.Contains(all, s) {
			t.Errorf("no %q in:\n%s", s, all)
		}
	}
}

func TestNothingSaysASecret(t *testing.T) {
	var g gossip
	bubble(t, refuse(2, 503, nil, testserver.Sink), func(w *world) {
		c, err := wsclient.Dial(w.ctx, "ws://user:"+secret+"@feed/path?token="+secret, w.options(g.listen(wsclient.Options{Reconnect: steady})))
		if err != nil {
			t.Fatal(err)
		}
		w.clients = append(w.clients, c)
		g.said(c.URL())
		if n := c.Send(w.ctx, wsclient.Text("payload "+secret)); n != nil {
			t.Fatal(n)
		}
		w.srv.CutRST()
		w.at(time.Second)
	})
	g.check(t, "level=INFO", "level=WARN", "connection lost", "open")
}

// Nor on any way to the server, whatever goes wrong on it.
func TestNothingSaysASecretOfTheWay(t *testing.T) {
	for name, test := range map[string]struct {
		scheme string
		proxy  func(w *world, nc net.Conn) // nil: it cannot be reached
		says   string
	}{
		"a proxy that cannot be reached": {"http", nil, "proxy: dial tcp proxy:1"},
		"a proxy that leads on":          {"http", (*world).connectProxy, "redirected to ws://other:81/?token=xxxxx"},
		"a SOCKS proxy that leads on":    {"socks5", (*world).socksProxy, "redirected to ws://other:81/?token=xxxxx"},
		"a proxy that refuses":           {"http", answering("HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n"), "the proxy http://proxy:1 answered 407"},
		"a proxy that echoes":            {"http", func(_ *world, nc net.Conn) { io.Copy(nc, nc) }, "its answer is not HTTP"},
		"a proxy that hangs up":          {"http", answering(""), "proxy: unexpected EOF"},
		"a SOCKS proxy that refuses":     {"socks5", answering("\x05\x02", "\x01\x01"), "the proxy socks5://proxy:1 answered 407"},
		"a SOCKS proxy that echoes":      {"socks5", func(_ *world, nc net.Conn) { io.Copy(nc, nc) }, "the proxy socks5://proxy:1: "},
		"a SOCKS proxy that hangs up":    {"socks5", answering("\x05\x02", ""), "proxy: unexpected EOF"},
		"an HTTPS proxy without TLS":     {"https", answering("HTTP/1.1 400 Bad Request\r\n\r\n"), "proxy: tls: "},
		"a proxy of another kind":        {"quic", nil, "a quic proxy is not known"},
	} {
		t.Run(name, func(t *testing.T) {
			var g gossip
			bubble(t, signpost(map[string]string{"/?token=" + secret: "302 ws://user:" + secret + "@other:81/?token=" + secret + "#" + secret}), func(w *world) {
				if test.proxy != nil {
					w.accept("proxy:1", func(nc net.Conn) { test.proxy(w, nc) })
				}
				c, err := wsclient.New("ws://user:"+secret+"@feed/?token="+secret, w.options(g.listen(wsclient.Options{
					Proxy: through(test.scheme + "://user:" + secret + "@proxy:1"), TLS: &tls.Config{}, Redirects: 1,
					Reconnect: reconnect.Policy{Initial: time.Millisecond, Max: time.Millisecond, MaxAttempts: 4},
					Endpoints: []string{"ws://user:" + secret + "@elsewhere/" + "?token=" + secret},
				})))
				if err != nil {
					t.Fatal(err)
				}
				w.done(c)
				g.said(c.URL(), c.Err())
			})
			g.check(t, test.says, "level=ERROR")
		})
	}
}

// answering is a proxy that says each thing after having read something.
func answering(says ...string) func(*world, net.Conn) {
	return func(_ *world, nc net.Conn) { converse(nc, says) }
}
