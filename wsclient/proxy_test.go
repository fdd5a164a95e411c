package wsclient_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/reconnect"
	"github.com/steadyws/steadyws/wsclient"
)

func TestEachKindOfProxyLeadsToTheServer(t *testing.T) {
	for _, test := range []struct{ proxy, url, dialed, asked string }{
		{"http://me:pass word@proxy:3128", "ws://feed/", "proxy:3128", "CONNECT feed:80 by me:pass word"},
		{"http://proxy", "wss://feed/", "proxy:80", "CONNECT feed:443 by :"},
		{"https://me:pw@proxy", "ws://feed/", "proxy:443", "CONNECT feed:80 by me:pw"},
		{"https://proxy:444", "wss://feed/", "proxy:444", "CONNECT feed:443 by :"},
		{"socks5://proxy", "ws://feed/", "proxy:1080", "SOCKS feed:80 by :"},
		{"socks5://me:pw@proxy:1", "wss://feed/", "proxy:1", "SOCKS feed:443 by me:pw"},
		{"socks5h://proxy:1", "ws://feed:80/", "proxy:1", "SOCKS feed:80 by :"},
		{"//proxy:8080", "ws://feed/", "proxy:8080", "CONNECT feed:80 by :"}, // as net/http has it
		{"http://bücher:8080", "ws://feed/", "xn--bcher-kva:8080", "CONNECT feed:80 by :"},
		{"http://proxy", "ws://[fe80::1%25eth0]/", "proxy:80", "CONNECT [fe80::1]:80 by :"}, // the zone is ours
	} {
		t.Run(test.proxy+" "+test.url, func(t *testing.T) {
			bubble(t, server(testserver.Echo), func(w *world) {
				ca := newAuthority(t)
				secure := w.serve("feed:443", ca.server("feed"), server(testserver.Echo))
				w.serve("[fe80::1]:80", nil, server(testserver.Echo))
				kind, _, _ := strings.Cut(test.proxy, ":")
				w.accept(test.dialed, func(nc net.Conn) {
					switch kind {
					case "https":
						w.connectProxy(tls.Server(nc, ca.server("proxy")))
					case "socks5", "socks5h":
						w.socksProxy(nc)
					default:
						w.connectProxy(nc)
					}
				})
				c, err := wsclient.Dial(w.ctx, test.url, w.options(wsclient.Options{
					Proxy: through(strings.ReplaceAll(test.proxy, " ", "%20")), TLS: ca.client(),
					NetDial: func(ctx context.Context, network, addr string) (net.Conn, error) {
						w.note("dial %s", addr)
						return w.net.DialContext(ctx, network, addr)
					},
				}))
				if err != nil {
					t.Fatal(err)
				}
				w.clients = append(w.clients, c)
				w.send(c, "through")
				if m := w.receive(c); string(m.Data) != "through" {
					t.Errorf("%q", m.Data)
				}
				w.expect("dial "+test.dialed, test.asked)
				var names []string // each is verified by its own
				if kind == "https" {
					names = append(names, "proxy")
				}
				if strings.HasPrefix(test.url, "wss:") {
					names = append(names, "feed")
				}
				if got := ca.asked(); !slices.Equal(got, names) {
					t.Errorf("TLS with %q, want %q", got, names)
				}
				for _, srv := range []*testserver.Server{w.srv, secure} {
					for _, a := range srv.Attempts() {
						if a.Header.Get("Proxy-Authorization") != "" {
							t.Error("the server got the proxy's password")
						}
					}
				}
			})
		})
	}
}

// A proxyAnswer is what a proxy says, and what comes of it.
type proxyAnswer struct {
	proxy  string   // "" is http
	says   []string // each after having read
	status int
	after  time.Duration // RetryAfter
	retry  bool
	text   string
}

func TestProxyThatRefuses(t *testing.T) {
	for name, test := range map[string]proxyAnswer{
		"407 ends the first dial": {says: []string{"HTTP/1.1 407 Nope\r\nProxy-Authenticate: Basic\r\nContent-Length: 3\r\n\r\nwhy"}, status: 407,
			text: "the proxy http://proxy:1 answered 407 Proxy Authentication Required"},
		"403 too":                             {says: []string{"HTTP/1.0 403 Forbidden\r\n\r\nwhy"}, status: 403, text: "answered 403"},
		"503 is retried, Retry-After obeyed":  {says: []string{"HTTP/1.1 503 \r\nRetry-After: 7\r\nContent-Length: 3\r\n\r\nwhy"}, status: 503, after: 7 * time.Second, retry: true},
		"a redirect is not followed":          {says: []string{"HTTP/1.1 302 Found\r\nLocation: ws://feed/\r\nContent-Length: 3\r\n\r\nwhy"}, status: 302, text: "wsclient: handshake: the proxy http://proxy:1 answered 302"},
		"101 is no tunnel":                    {says: []string{"HTTP/1.1 101 Switching Protocols\r\n\r\n"}, status: 101, retry: true, text: "answers CONNECT with 101"},
		"what is not HTTP":                    {says: []string{"SSH-2.0-OpenSSH_9.9\r\n"}, retry: true, text: "the proxy http://proxy:1: its answer is not HTTP"},
		"an answer larger than 64 KiB":        {says: []string{"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 64<<10)}, retry: true, text: "larger than 64 KiB"},
		"a line of more than 64 KiB":          {says: []string{strings.Repeat("x", 64<<10+1)}, retry: true, text: "larger than 64 KiB"},
		"interim answers of more than 64 KiB": {says: []string{strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 3000)}, retry: true, text: "larger than 64 KiB"},

		"SOCKS: user and password are wrong":   {proxy: "socks5", says: []string{"\x05\x02", "\x01\x01"}, status: 407, text: "the proxy socks5://proxy:1 answered 407 Proxy Authentication Required: username/password authentication failed"},
		"SOCKS: they are not what it wants":    {proxy: "socks5", says: []string{"\x05\xff"}, status: 407, text: "no acceptable authentication methods"},
		"SOCKS: the destination cannot be had": {proxy: "socks5h", says: []string{"\x05\x00", "\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00"}, retry: true, text: "the proxy socks5h://proxy:1: connection refused"},
		"SOCKS: what is not SOCKS":             {proxy: "socks5", says: []string{"HTTP/1.1 400 Bad Request\r\n\r\n"}, retry: true, text: "unexpected protocol version"},
		"SOCKS: an answer of another version":  {proxy: "socks5", says: []string{"\x05\x00", "\x04\x00\x00\x01\x00\x00\x00\x00\x00\x00"}, retry: true, text: "unexpected protocol version"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, server(testserver.Sink), func(w *world) {
				w.accept("proxy:1", func(nc net.Conn) { converse(nc, test.says) })
				if test.proxy == "" {
					test.proxy = "http"
				}
				var events []wsclient.CloseEvent
				c := w.open(wsclient.Options{
					Proxy: through(test.proxy + "://me:" + secret + "@proxy:1"), Redirects: 1,
					Reconnect: reconnect.Policy{Initial: time.Millisecond, Max: time.Millisecond, MaxAttempts: 2},
					OnClose:   func(e wsclient.CloseEvent) { events = append(events, e) },
				})
				w.done(c)
				e := events[0]
				h := as[*wsclient.HandshakeError](t, e.Err)
				if h.Status != test.status || h.RetryAfter != test.after || h.Proxy != test.proxy+"://proxy:1" || e.Retry != test.retry || e.Wait < test.after {
					t.Errorf("%+v of %+v", h, e)
				}
				if body := string(h.Body); strings.HasSuffix(test.says[0], "why") && body != "why" {
					t.Errorf("body %q", body)
				}
				text := e.Err.Error()
				if !strings.Contains(text, test.text) || strings.Contains(text, secret) || strings.Count(text, "wsclient:") != 1 || len(text) > 200 {
					t.Errorf("%s\nwant %q", text, test.text)
				}
			})
		})
	}
}

// converse says each thing after having read something, then waits for the end.
func converse(nc net.Conn, says []string) {
	b := make([]byte, 4096)
	for _, s := range says {
		nc.Read(b)
		io.WriteString(nc, s)
	}
	if c, ok := nc.(interface{ CloseWrite() error }); ok {
		c.CloseWrite()
	}
	io.Copy(io.Discard, nc)
}

func TestAnswersOfAnHTTPProxy(t *testing.T) {
	for name, answer := range map[string]string{
		"HTTP/1.0":                            "HTTP/1.0 200 Connection established\r\n\r\n",
		"no reason":                           "HTTP/1.1 200\r\n\r\n",
		"another 2xx":                         "HTTP/1.1 204 No Content\r\n\r\n",
		"a length that means nothing":         "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
		"a coding that means nothing":         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
		"interim answers before it":           "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
		"a header of almost 64 KiB, at once":  "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 63<<10) + "\r\n\r\n",
		"fields of every kind, and a folding": "HTTP/1.1 200 OK\r\nVia: a\r\n b\r\nConnection: close\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, server(testserver.Echo), func(w *world) {
				w.accept("proxy:1", func(nc net.Conn) {
					nc.Read(make([]byte, 4096))
					io.WriteString(nc, answer)
					to, err := w.net.DialContext(w.ctx, "tcp", "feed:80")
					if err == nil {
						splice(nc, to)
					}
				})
				c := w.dial(wsclient.Options{Proxy: through("http://proxy:1"), Reconnect: reconnect.Never})
				w.send(c, "a")
				w.receive(c)
			})
		})
	}
}

func TestProxyThatIsNone(t *testing.T) {
	for _, test := range []struct {
		proxy *url.URL
		text  string
	}{
		{&url.URL{Scheme: "socks4", Host: "proxy:1", User: url.UserPassword("me", secret)}, "a socks4 proxy is not known; write http"},
		{&url.URL{Scheme: secret, Opaque: "me@proxy"}, "no //"},
		{&url.URL{Scheme: "http", User: url.UserPassword("me", secret)}, "no host"},
		{&url.URL{Scheme: "http", Host: "pro xy", User: url.UserPassword("me", secret)}, "bad host"},
		{&url.URL{Scheme: "http", Host: "proxy:99999"}, "65535"},
		{&url.URL{Scheme: "http", Host: "proxy:0"}, "65535"},
		{&url.URL{Scheme: "http", Host: "proxy:" + "abc"}, "bad host"},
		{&url.URL{Scheme: "socks5", Host: "proxy", User: url.UserPassword("", secret)}, "1 to 255"},
		{&url.URL{Scheme: "socks5", Host: "proxy", User: url.UserPassword("me", strings.Repeat(secret, 50))}, "1 to 255"},
	} {
		bubble(t, server(nil), func(w *world) {
			c := w.open(wsclient.Options{
				Proxy: func(*http.Request) (*url.URL, error) { return test.proxy, nil },
				NetDial: func(context.Context, string, string) (net.Conn, error) {
					t.Error("dialled all the same")
					return nil, io.EOF
				},
			})
			w.done(c)
			err := c.Err()
			if o := as[*wsclient.OptionError](t, err); o.Option != "Proxy" || !strings.Contains(err.Error(), test.text) || strings.Contains(err.Error(), secret) {
				t.Errorf("%v, want %q", err, test.text)
			}
			if w.elapsed() != 0 {
				t.Errorf("ended at %v", w.elapsed())
			}
		})
	}
}

// Proxy is asked anew before each connection, as http, until the attempt ends.
func TestProxyIsAskedBeforeEachConnection(t *testing.T) {
	bubble(t, server(drop), func(w *world) {
		w.accept("proxy:1", w.connectProxy)
		n := 0
		w.dial(wsclient.Options{DialTimeout: 2 * time.Second, Reconnect: steady, Proxy: func(r *http.Request) (*url.URL, error) {
			w.note("%s %s", r.Method, r.URL)
			switch n++; n {
			case 1:
				return nil, nil
			case 2:
				return url.Parse("http://proxy:1")
			case 3:
				_, err := through("http://me:s3cret@[proxy")(r)
				return nil, fmt.Errorf("the list of proxies: %w", err)
			case 4:
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			return nil, reconnect.Permanent(errors.New("enough"))
		}, OnError: func(err error) {
			var op *net.OpError
			if !errors.As(err, &op) && !errors.Is(err, io.ErrUnexpectedEOF) {
				w.note("%v", err)
			}
		}})
		w.at(time.Minute)
		const ask = "GET http://feed/"
		w.expect(ask, ask, "CONNECT feed:80 by :",
			ask, "wsclient: dial: proxy: its URL does not parse; write http://host:port",
			ask, "wsclient: dial: dial took longer than 2s",
			ask, "wsclient: dial: proxy: enough")
	})
}
