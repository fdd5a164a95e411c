package wsclient_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/reconnect"
	"github.com/steadyws/steadyws/wsclient"
)

func TestBadURLsAreRefusedWithWhatToWriteInstead(t *testing.T) {
	for raw, hint := range map[string]string{
		"http://example.com/":        "ws://",
		"https://example.com/":       "wss://",
		"localhost:3000":             "ws://",
		"example.com":                "ws://",
		"":                           "ws://",
		"ftp://example.com":          "ws://",
		"ws:example.com":             "ws://",
		"ws://":                      "no host",
		"ws:///path":                 "no host",
		"ws://:80/":                  "no host",
		"ws://example.com/#frag":     "fragment",
		"ws://example.com/a\nb":      "control character",
		"ws://example.com/\x00":      "control character",
		"ws://example.com:99999/":    "65535",
		"ws://example.com:0/":        "65535",
		"ws://example.com:port/":     "bad host",
		"ws://exa mple.com/":         "bad host",
		"ws://::1/":                  "bad host",
		"ws://user:p%zz@example.com": "percent-encode",
		"ws://exam\u200dple.com/":    "IDNA",
		"ws://ex\u2260mple.com/":     "IDNA",
		"ws://\u00ad/":               "no host",
	} {
		_, err := wsclient.New(raw, nil)
		o := as[*wsclient.OptionError](t, err)
		if o.Option != "url" || !strings.Contains(err.Error(), hint) {
			t.Errorf("%q: %v; want a hint with %q", raw, err, hint)
		}
		if strings.Contains(err.Error(), "p%zz") {
			t.Errorf("%v repeats the password", err)
		}
	}
}

// request returns the upgrade request that a client makes for url.
func request(t *testing.T, raw string, o wsclient.Options) testserver.Attempt {
	t.Helper()
	var a testserver.Attempt
	bubble(t, server(testserver.Sink), func(w *world) {
		o.NetDial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			w.note("%s", addr)
			return w.net.DialContext(ctx, network, "feed:80")
		}
		c, err := wsclient.Dial(w.ctx, raw, &o)
		if err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		w.clients = append(w.clients, c)
		a = w.srv.Attempts()[0]
		a.Header.Set("Test-Dialed", w.noted()[0])
		a.Header.Set("Test-Url", c.URL())
	})
	return a
}

func TestURLsReachTheServerUntouched(t *testing.T) {
	for _, test := range []struct{ raw, dialed, host, uri, shown string }{
		{"ws://example.com", "example.com:80", "example.com", "/", "ws://example.com/"},
		{"WS://example.com:80/", "example.com:80", "example.com", "/", "ws://example.com/"},
		{"ws://example.com:8080/a", "example.com:8080", "example.com:8080", "/a", "ws://example.com:8080/a"},
		{"ws://[::1]:9/x", "[::1]:9", "[::1]:9", "/x", "ws://[::1]:9/x"},
		{"ws://[fe80::1%25eth0]/", "[fe80::1%eth0]:80", "[fe80::1]", "/", "ws://[fe80::1]/"},
		{"ws://[2001:db8::1]/", "[2001:db8::1]:80", "[2001:db8::1]", "/", "ws://[2001:db8::1]/"},
		{"ws://e.com/a%2Fb//c/../d|e?x=1&y=a%20b|c", "e.com:80", "e.com", "/a%2Fb//c/../d|e?x=1&y=a%20b|c", "ws://e.com/a%2Fb//c/../d|e?x=xxxxx&y=xxxxx"},
		{"ws://e.com//double", "e.com:80", "e.com", "//double", "ws://e.com//double"},
		{"ws://e.com?token", "e.com:80", "e.com", "/?token", "ws://e.com/?xxxxx"},
		{"ws://e.com/?", "e.com:80", "e.com", "/?", "ws://e.com/?"},
		{"ws://e.com/ü x", "e.com:80", "e.com", "/%C3%BC%20x", "ws://e.com/%C3%BC%20x"},
		{"ws://user:pw@e.com/", "e.com:80", "e.com", "/", "ws://e.com/"},
		{"ws://Bücher.example/ü", "xn--bcher-kva.example:80", "xn--bcher-kva.example", "/%C3%BC", "ws://xn--bcher-kva.example/%C3%BC"},
		{"ws://b%C3%BCcher.example:8080", "xn--bcher-kva.example:8080", "xn--bcher-kva.example:8080", "/", "ws://xn--bcher-kva.example:8080/"},
		{"ws://straße.de。/", "xn--strae-oqa.de.:80", "xn--strae-oqa.de.", "/", "ws://xn--strae-oqa.de./"},
		{"ws://example.com./", "example.com.:80", "example.com.", "/", "ws://example.com./"},
		{"ws://my_host/", "my_host:80", "my_host", "/", "ws://my_host/"},
	} {
		a := request(t, test.raw, wsclient.Options{})
		if a.URI != test.uri || a.Host != test.host || a.Header.Get("Test-Dialed") != test.dialed || a.Header.Get("Test-Url") != test.shown {
			t.Errorf("%s: dialed %s, Host %s, URI %s, URL() %s", test.raw, a.Header.Get("Test-Dialed"), a.Host, a.URI, a.Header.Get("Test-Url"))
		}
	}
}

func TestHeadersAndCredentials(t *testing.T) {
	a := request(t, "ws://us%40er:p%3Aw@e.com/", wsclient.Options{Header: http.Header{
		"Origin": {"https://app.example"}, "Host": {"virtual.example"}, "X-Many": {"1", "2"},
	}})
	if a.Header.Get("Origin") != "https://app.example" || a.Host != "virtual.example" || len(a.Header["X-Many"]) != 2 {
		t.Errorf("Host %q, header %v", a.Host, a.Header)
	}
	r := http.Request{Header: a.Header}
	if user, pw, ok := r.BasicAuth(); !ok || user != "us@er" || pw != "p:w" {
		t.Errorf("Basic auth %q %q", user, pw)
	}
	a = request(t, "ws://u:p@e.com/", wsclient.Options{Header: http.Header{"Authorization": {"Bearer t"}}})
	if got := a.Header.Get("Authorization"); got != "Bearer t" {
		t.Errorf("Authorization %q: the header given wins", got)
	}
}

func TestCookiesSurviveReconnects(t *testing.T) {
	srv := &testserver.Server{Handler: drop, OnUpgrade: func(n int, _ *http.Request) *testserver.Answer {
		return &testserver.Answer{Header: http.Header{"Set-Cookie": {"node=a; Path=/"}}}
	}}
	bubble(t, srv, func(w *world) {
		jar, _ := cookiejar.New(nil)
		w.dial(wsclient.Options{Jar: jar, Reconnect: steady})
		w.at(time.Second)
		a := w.srv.Attempts()
		if a[0].Header.Get("Cookie") != "" || a[1].Header.Get("Cookie") != "node=a" {
			t.Errorf("cookies %q, then %q", a[0].Header.Get("Cookie"), a[1].Header.Get("Cookie"))
		}
	})
}

func TestBadOptionsAreRefusedByName(t *testing.T) {
	header := func(name, value string) *wsclient.Options {
		return &wsclient.Options{Header: http.Header{name: {value}}}
	}
	for _, test := range []struct {
		option string
		o      *wsclient.Options
	}{
		{"Header", header("Upgrade", "h2c")},
		{"Header", header("connection", "close")},
		{"Header", header("Sec-WebSocket-Protocol", "x")},
		{"Header", header("X", "a\r\nInjected: yes")},
		{"Header", header("Bad Name", "x")},
		{"Subprotocols", &wsclient.Options{Subprotocols: []string{"a b"}}},
		{"Subprotocols", &wsclient.Options{Subprotocols: []string{"a", "a"}}},
		{"Compression", &wsclient.Options{Compression: 3}},
		{"Compression", &wsclient.Options{Compression: -1}},
		{"MaxMessage", &wsclient.Options{MaxMessage: -1}},
		{"Redirects", &wsclient.Options{Redirects: -1}},
		{"Queue.MaxBytes", &wsclient.Options{Queue: wsclient.QueueOptions{MaxBytes: -1}}},
		{"Queue.Overflow", queue(wsclient.QueueOptions{Overflow: 5})},
		{"Queue.Delivery", queue(wsclient.QueueOptions{Delivery: 3})},
		{"Queue.LowWater", queue(wsclient.QueueOptions{LowWater: 1})},
		{"Queue.LowWater", queue(wsclient.QueueOptions{LowWater: 1 << 20, OnLow: func() {}})},
		{"Queue.Delivery", &wsclient.Options{Queue: wsclient.QueueOptions{Delivery: wsclient.AtLeastOnce}, Heartbeat: heartbeat.Policy{Probe: heartbeat.Passive}}},
		{"Inbox.MaxMessages", &wsclient.Options{Inbox: wsclient.InboxOptions{MaxMessages: -1}}},
		{"Heartbeat.Timeout", &wsclient.Options{Heartbeat: heartbeat.Policy{Timeout: -1}}},
		{"Heartbeat.Probe", &wsclient.Options{Heartbeat: heartbeat.Policy{Probe: heartbeat.Func(nil, nil)}}},
		{"StaleAfter", &wsclient.Options{StaleAfter: -1}},
		{"StaleQuiet", &wsclient.Options{StaleQuiet: func(time.Time) bool { return false }}},
		{"StaleReconnect", &wsclient.Options{StaleReconnect: true}},
		{"Reconnect.Max", &wsclient.Options{Reconnect: reconnect.Policy{Initial: time.Hour, Max: time.Second}}},
	} {
		_, err := wsclient.New("ws://e.com", test.o)
		if o := as[*wsclient.OptionError](t, err); o.Option != test.option {
			t.Errorf("%v, want option %s", err, test.option)
		}
	}
}

func queue(o wsclient.QueueOptions) *wsclient.Options { return &wsclient.Options{Queue: o} }

func TestBadSendOptionsAreRefusedByName(t *testing.T) {
	bubble(t, server(testserver.Sink), func(w *world) {
		for option, o := range map[string]wsclient.SendOptions{
			"SendOptions.Delivery": {Delivery: 3},
			"SendOptions.ID":       {ID: "without Ack"},
			"SendOptions.Volatile": {Volatile: true, Delivery: wsclient.AtLeastOnce},
		} {
			err := w.dial(wsclient.Options{}).SendWith(w.ctx, wsclient.Text("x"), o)
			if got := as[*wsclient.OptionError](t, err); got.Option != option || !errors.Is(err, wsclient.ErrNotSent) {
				t.Errorf("%v, want option %s", err, option)
			}
		}
		passive := w.dial(wsclient.Options{Heartbeat: heartbeat.Policy{Probe: heartbeat.Passive}})
		err := passive.SendWith(w.ctx, wsclient.Text("x"), wsclient.SendOptions{Delivery: wsclient.AtLeastOnce})
		if as[*wsclient.OptionError](t, err); !errors.Is(err, wsclient.ErrNotSent) {
			t.Error(err)
		}
	})
}

func TestSubprotocols(t *testing.T) {
	answer := func(p string) *testserver.Server {
		return &testserver.Server{Handler: testserver.Sink, OnUpgrade: func(int, *http.Request) *testserver.Answer {
			return &testserver.Answer{Subprotocol: p}
		}}
	}
	bubble(t, answer("v2.feed"), func(w *world) {
		c := w.dial(wsclient.Options{Subprotocols: []string{"v3.feed", "v2.feed"}})
		if c.Subprotocol() != "v2.feed" {
			t.Errorf("Subprotocol %q", c.Subprotocol())
		}
		if got := w.srv.Attempts()[0].Header.Get("Sec-WebSocket-Protocol"); got != "v3.feed, v2.feed" {
			t.Errorf("offered %q", got)
		}
	})
	for name, chosen := range map[string]string{"one that was not offered": "v9.feed", "none though some were offered": ""} {
		bubble(t, answer(chosen), func(w *world) {
			ctx, cancel := context.WithTimeout(w.ctx, time.Minute)
			defer cancel()
			_, err := wsclient.Dial(ctx, "ws://feed/", w.options(wsclient.Options{Subprotocols: []string{"v1.feed"}}))
			if h := as[*wsclient.HandshakeError](t, err); h.Status != 101 || !strings.Contains(err.Error(), "v1.feed") {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

func TestTLS(t *testing.T) {
	srv := server(testserver.Echo)
	ctx, o := tcp(t, srv, true)
	o.TLS.NextProtos = []string{"h2"}
	o.TLS.MinVersion = tls.VersionTLS10
	c := dialTCP(t, ctx, srv, o)
	for _, n := range []int{0, 1, 1 << 10, 1 << 20} {
		if err := c.Send(ctx, wsclient.Binary(make([]byte, n))); err != nil {
			t.Fatal(err)
		}
		if m, err := c.Receive(ctx); err != nil || len(m.Data) != n {
			t.Fatalf("%d bytes, %v; want %d", len(m.Data), err, n)
		}
	}
	if err := c.Flush(ctx); err != nil {
		t.Error(err)
	}
	srv.CutRST()
	for c.Stats().Session < 2 || c.ReadyState() != wsclient.Open {
		if err := c.WaitOpen(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if v := srv.Violations(); len(v) > 0 {
		t.Errorf("the server saw %q", v)
	}
}

func TestTLSMinimumIs12(t *testing.T) {
	old := httptest.NewUnstartedServer(nil)
	old.TLS = &tls.Config{MinVersion: tls.VersionTLS10}
	old.StartTLS() // for its certificate
	defer old.Close()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := server(testserver.Sink)
	if err := srv.Start(tls.NewListener(ln, old.TLS)); err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err = wsclient.Dial(ctx, "wss://"+ln.Addr().String(), &wsclient.Options{
		TLS:       &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11},
		Reconnect: reconnect.Never,
	})
	if err == nil {
		t.Error("a connection below TLS 1.2 was made")
	}
}

func TestMessageLargerThanMaxMessageEndsTheClient(t *testing.T) {
	bubble(t, server(func(p *testserver.Peer) {
		p.WriteBinary(make([]byte, 101))
		_, _, err := p.ReadMessage()
		if c, ok := errors.AsType[*testserver.CloseError](err); !ok || c.Code != 1009 {
			t.Errorf("the peer got %v, want a Close 1009", err)
		}
	}), func(w *world) {
		c := w.open(wsclient.Options{MaxMessage: 100})
		w.done(c)
		if !errors.Is(c.Err(), wsclient.ErrTooLarge) {
			t.Errorf("Err: %v", c.Err())
		}
	})
}

func TestProtocolErrorFailsTheConnectionAndRetries(t *testing.T) {
	srv := server(testserver.Sessions(func(p *testserver.Peer) {
		p.Write(testserver.TextFrame("good"))
		p.WriteFrame(true, 0, 3, nil)
		_, _, err := p.ReadMessage()
		if c, ok := errors.AsType[*testserver.CloseError](err); !ok || c.Code != 1002 {
			t.Errorf("the peer got %v, want a Close 1002", err)
		}
	}, testserver.Sink))
	bubble(t, srv, func(w *world) {
		c := w.dial(wsclient.Options{Reconnect: steady, OnError: func(err error) {
			if p := as[*wsclient.ProtocolError](w, err); p.Code != 1002 {
				w.Errorf("%v", err)
			}
		}})
		if m := w.receive(c); string(m.Data) != "good" {
			t.Errorf("%q", m.Data)
		}
		w.at(time.Second)
		if s := c.Stats().Session; s != 2 {
			t.Errorf("session %d, want a retry", s)
		}
	})
}
