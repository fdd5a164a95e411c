package wsclient_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/reconnect"
	"github.com/steadyws/steadyws/wsclient"
)

// signpost answers the URIs in the table with a status and a Location, and
// serves all others.
func signpost(table map[string]string) *testserver.Server {
	return &testserver.Server{Handler: testserver.Echo, OnUpgrade: func(_ int, r *http.Request) *testserver.Answer {
		answer, ok := table[r.RequestURI]
		if !ok {
			return nil
		}
		status, location, _ := strings.Cut(answer, " ")
		a := &testserver.Answer{Header: http.Header{}}
		fmt.Sscan(status, &a.Status)
		if location != "" {
			a.Header.Set("Location", location)
		}
		return a
	}}
}

func TestRedirectsAreRefusedByDefault(t *testing.T) {
	for _, test := range []struct{ answer, text string }{
		{"301 ws://other/new", "answered 301 Moved Permanently: redirected to ws://other/new; write that URL, or set Redirects"},
		{"302 /new", "redirected to ws://feed/new;"},
		{"303 //other", "redirected to ws://other/;"},
		{"307 https://other:8/?token=" + secret, "redirected to wss://other:8/?token=xxxxx;"},
		{"308 ws://user:" + secret + "@other/#" + secret, "redirected to ws://other/;"},
		{"302 ftp://user:" + secret + "@other/", "leads nowhere: scheme is not ws or wss"},
		{"302 ws://user:" + secret + "@", "leads nowhere: no host"},
		{"302 ", "answered 302 Found"},
		{"300 /new", "answered 300 Multiple Choices"},
		{"304 /new", "answered 304 Not Modified"},
	} {
		t.Run(test.answer, func(t *testing.T) {
			bubble(t, signpost(map[string]string{"/": test.answer}), func(w *world) {
				c := w.open(wsclient.Options{})
				w.done(c)
				err := c.Err()
				if h := as[*wsclient.HandshakeError](t, err); fmt.Sprint(h.Status) != test.answer[:3] {
					t.Errorf("status %d", h.Status)
				}
				if text := err.Error(); !strings.Contains(text, test.text) || strings.Contains(text, secret) || strings.Count(text, "wsclient:") != 1 {
					t.Errorf("%s\nwant %q", text, test.text)
				}
				if n := len(w.srv.Attempts()); n != 1 {
					t.Errorf("%d attempts", n)
				}
			})
		})
	}
}

func TestRedirectsAreFollowed(t *testing.T) {
	for _, test := range []struct{ answer, host, uri, shown string }{
		{"301 ws://other/new?a=b%2Fc|d", "other", "/new?a=b%2Fc|d", "ws://other/new?a=xxxxx"},
		{"302 //other", "other", "/", "ws://other/"},
		{"303 http://other:80/new", "other", "/new", "ws://other/new"},
		{"307 https://secure/new", "secure", "/new", "wss://secure/new"},
		{"308 WSS://secure", "secure", "/", "wss://secure/"},
		{"302 /new", "feed", "/new", "ws://feed/new"},
		{"302 new", "feed", "/a/new", "ws://feed/a/new"},
		{"302 ../new?x", "feed", "/new?x", "ws://feed/new?xxxxx"},
		{"302 ?again", "feed", "/a/b?again", "ws://feed/a/b?xxxxx"},
		{"302 /new#fragment", "feed", "/new", "ws://feed/new"},
		{"302 ws://b\u00fccher/\u00fc", "xn--bcher-kva", "/%C3%BC", "ws://xn--bcher-kva/%C3%BC"},
	} {
		t.Run(test.answer, func(t *testing.T) {
			bubble(t, signpost(map[string]string{"/a/b?first": test.answer}), func(w *world) {
				ca := newAuthority(t)
				servers := []*testserver.Server{
					w.srv, w.serve("other:80", nil, server(nil)), w.serve("xn--bcher-kva:80", nil, server(nil)),
					w.serve("secure:443", ca.server("secure"), server(nil)),
				}
				c, err := wsclient.Dial(w.ctx, "ws://feed/a/b?first", w.options(wsclient.Options{TLS: ca.client(), Redirects: 1, Reconnect: reconnect.Never}))
				if err != nil {
					t.Fatal(err)
				}
				w.clients = append(w.clients, c)
				var all []testserver.Attempt
				for _, srv := range servers {
					all = append(all, srv.Attempts()...)
				}
				if last := all[len(all)-1]; len(all) != 2 || last.Host != test.host || last.URI != test.uri || c.URL() != test.shown {
					t.Errorf("URL() %s; requests %+v", c.URL(), all)
				}
			})
		})
	}
}

func TestRedirectsThatAreNotFollowed(t *testing.T) {
	for name, test := range map[string]struct {
		url, text string
		attempts  int
	}{
		"from wss to ws":            {"wss://feed/down", "redirected to ws://feed/, without TLS; that is never followed", 1},
		"from wss to http":          {"wss://feed/http", "redirected to ws://feed/, without TLS; that is never followed", 1},
		"in a loop":                 {"wss://feed/loop", "redirected to wss://feed/loop, and Redirects is 3", 4},
		"more than Redirects":       {"wss://feed/1", "redirected to wss://feed/5, and Redirects is 3", 4},
		"to a URL that is none":     {"wss://feed/none", "redirected to wss://feed/4?xxxxx: handshake: the server answered 302 Found: the redirect leads nowhere: port", 2},
		"to what is not found":      {"wss://feed/3", "dial, redirected to wss://feed/5: handshake: the server answered 404 Not Found", 3},
		"to what cannot be reached": {"wss://feed/away", "dial, redirected to wss://nobody/: dial tcp nobody:443", 1},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, server(nil), func(w *world) {
				ca := newAuthority(t)
				srv := w.serve("feed:443", ca.server("feed"), signpost(map[string]string{
					"/down": "302 ws://feed/", "/http": "302 http://feed/", "/loop": "302 loop",
					"/1": "301 2", "/2": "302 3", "/3": "303 4", "/4": "307 5", "/5": "404 ", "/none": "302 4?x", "/4?x": "302 ws://feed:0",
					"/away": "302 wss://nobody",
				}))
				_, err := wsclient.Dial(w.ctx, test.url, w.options(wsclient.Options{TLS: ca.client(), Redirects: 3, Reconnect: reconnect.Never}))
				if err == nil || !strings.Contains(err.Error(), test.text) || strings.Count(err.Error(), "wsclient:") != 1 {
					t.Errorf("%v\nwant %q", err, test.text)
				}
				if n := len(srv.Attempts()); n != test.attempts || len(w.srv.Attempts()) > 0 {
					t.Errorf("%d attempts, %d without TLS", n, len(w.srv.Attempts()))
				}
			})
		})
	}
}

// What another host gets: nothing that might be a credential, and not later
// either, when the other sends us back.
func TestCredentialsStayWithTheirHost(t *testing.T) {
	for _, test := range []struct {
		name, url string
		at        []string // the servers that get them
	}{
		{"to another path", "ws://user:" + secret + "@feed/path", []string{"feed", "feed"}},
		{"to TLS on the default ports", "ws://user:" + secret + "@feed/tls", []string{"feed", "feed"}},
		{"to another host", "ws://user:" + secret + "@feed/other", []string{"feed"}},
		{"to another port", "ws://user:" + secret + "@feed/port", []string{"feed"}},
		{"to TLS on another port", "ws://user:" + secret + "@feed/tlsport", []string{"feed"}},
		{"to another host and back", "ws://user:" + secret + "@feed/back", []string{"feed"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			ways := map[string]string{
				"/path": "302 /", "/tls": "302 https://feed/", "/other": "302 ws://other/", "/port": "302 ws://feed:81/",
				"/tlsport": "302 wss://feed:444/", "/back": "302 ws://other/back",
			}
			bubble(t, signpost(ways), func(w *world) {
				ca := newAuthority(t)
				secure := ca.server("feed")
				servers := []*testserver.Server{
					w.srv, w.serve("feed:81", nil, server(nil)), w.serve("feed:443", secure, server(nil)), w.serve("feed:444", secure, server(nil)),
					w.serve("other:80", nil, signpost(map[string]string{"/back": "302 ws://feed/"})),
				}
				c, err := wsclient.Dial(w.ctx, test.url, w.options(wsclient.Options{
					TLS: ca.client(), Redirects: 2, Reconnect: reconnect.Never, Subprotocols: []string{"v1"},
					Header: http.Header{"Cookie": {"id=" + secret}, "X-Api-Key": {secret}, "Origin": {"https://app"}, "User-Agent": {"feeder"}},
					Prepare: func(_ context.Context, a *wsclient.Attempt) error {
						a.Header.Set("X-Ticket", secret)
						return nil
					},
				}))
				if err == nil {
					w.clients = append(w.clients, c)
				} else if !strings.Contains(err.Error(), "v1") { // no server here has it, or has to
					t.Fatal(err)
				}
				var with []string
				for _, srv := range servers {
					for _, a := range srv.Attempts() {
						text := fmt.Sprint(a.Header)
						basic := base64.StdEncoding.EncodeToString([]byte("user:" + secret))
						switch n := strings.Count(text, secret) + strings.Count(text, basic); n {
						case 0:
						case 4:
							with = append(with, a.Host)
						default:
							t.Errorf("%s got %d of 4 credentials: %s", a.Host, n, text)
						}
						if a.Header.Get("Origin") != "https://app" || a.Header.Get("User-Agent") != "feeder" || a.Header.Get("Sec-WebSocket-Protocol") != "v1" {
							t.Errorf("%s got %s", a.Host, text)
						}
					}
				}
				if !slices.Equal(with, test.at) {
					t.Errorf("credentials went to %q, want %q", with, test.at)
				}
			})
		})
	}
}

func TestHostHeaderStaysWithItsHost(t *testing.T) {
	bubble(t, signpost(map[string]string{"/": "302 /path", "/path": "302 ws://other/"}), func(w *world) {
		other := w.serve("other:80", nil, server(nil))
		w.dial(wsclient.Options{Redirects: 2, Header: http.Header{"Host": {"virtual"}}})
		a := append(w.srv.Attempts(), other.Attempts()...)
		if a[0].Host != "virtual" || a[1].Host != "virtual" || a[2].Host != "other" {
			t.Errorf("%s, %s, %s", a[0].Host, a[1].Host, a[2].Host)
		}
	})
}

func TestEachHostHasItsCookies(t *testing.T) {
	setting := func(srv *testserver.Server, cookie string) *testserver.Server {
		signs := srv.OnUpgrade
		srv.OnUpgrade = func(n int, r *http.Request) *testserver.Answer {
			a := &testserver.Answer{Header: http.Header{}}
			if signs != nil {
				a = signs(n, r)
			}
			a.Header.Set("Set-Cookie", cookie)
			return a
		}
		return srv
	}
	bubble(t, setting(signpost(map[string]string{"/": "302 ws://other/"}), "feed=1"), func(w *world) {
		jar, _ := cookiejar.New(nil)
		other := w.serve("other:80", nil, setting(server(drop), "other=2"))
		w.dial(wsclient.Options{Jar: jar, Redirects: 1, Reconnect: steady})
		w.at(time.Second)
		for name, a := range map[string][]testserver.Attempt{"feed=1": w.srv.Attempts(), "other=2": other.Attempts()} {
			if first, second := a[0].Header.Get("Cookie"), a[1].Header.Get("Cookie"); first != "" || second != name {
				t.Errorf("cookies %q, then %q, want %q", first, second, name)
			}
		}
	})
}

// All redirects of an attempt have its DialTimeout; the next attempt begins at
// the URL again.
func TestRedirectsBelongToOneAttempt(t *testing.T) {
	signs := signpost(map[string]string{"/": "308 a", "/a": "308 b", "/b": "308 c"})
	late := signs.OnUpgrade
	signs.OnUpgrade = func(n int, r *http.Request) *testserver.Answer {
		a := late(n, r)
		if a != nil {
			a.Delay = 4 * time.Second
		}
		return a
	}
	bubble(t, signs, func(w *world) {
		var attempts []string
		c := w.open(wsclient.Options{
			Redirects: 10, Reconnect: reconnect.Policy{Initial: time.Millisecond, Max: time.Millisecond, MaxAttempts: 2},
			Trace: &wsclient.Trace{
				AttemptStart: func(n int, url string) { attempts = append(attempts, fmt.Sprint(n, " ", url)) },
				AttemptDone:  func(int, string, error) { w.note("%v", w.elapsed().Truncate(time.Second)) },
			},
		})
		w.done(c)
		if want := []string{"1 ws://feed/", "2 ws://feed/"}; !slices.Equal(attempts, want) {
			t.Errorf("attempts %q, want %q", attempts, want)
		}
		w.expect("10s", "20s")
		if n := len(w.srv.Attempts()); n != 6 {
			t.Errorf("%d requests", n)
		}
	})
}

// The proxy is chosen for each host that a redirect leads to.
func TestProxyIsAskedForWhereARedirectLeads(t *testing.T) {
	bubble(t, signpost(map[string]string{"/": "302 ws://other/"}), func(w *world) {
		w.serve("other:80", nil, server(nil))
		w.accept("proxy:1", w.connectProxy)
		w.dial(wsclient.Options{Redirects: 1, Proxy: func(r *http.Request) (*url.URL, error) {
			if r.URL.Host == "feed" {
				return nil, nil
			}
			return url.Parse("http://proxy:1")
		}, NetDial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			w.note("dial %s", addr)
			return w.net.DialContext(ctx, network, addr)
		}})
		w.expect("dial feed:80", "dial proxy:1", "CONNECT other:80 by :")
	})
}
