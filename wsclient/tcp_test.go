package wsclient_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/reconnect"
	"github.com/steadyws/steadyws/wsclient"
)

func TestResumesOnRealTCP(t *testing.T) {
	for name, fault := range map[string]func(*testserver.Server){
		"FIN":    (*testserver.Server).CutFIN,
		"RST":    (*testserver.Server).CutRST,
		"freeze": (*testserver.Server).FreezeAll,
		"close":  func(s *testserver.Server) { s.CloseAll(1012, "restart") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const interval, timeout = 300 * time.Millisecond, 200 * time.Millisecond
			srv := server(testserver.Echo)
			ctx, o := tcp(t, srv, false)
			o.Heartbeat = heartbeat.Policy{Interval: interval, Timeout: timeout}
			lost := make(chan time.Time, 1)
			o.OnClose = func(wsclient.CloseEvent) {
				select {
				case lost <- time.Now():
				default:
				}
			}
			c := dialTCP(t, ctx, srv, o)
			echo := func(s string) {
				if err := c.Send(ctx, wsclient.Text(s)); err != nil {
					t.Fatal(err)
				}
				if m, err := c.Receive(ctx); err != nil || string(m.Data) != s {
					t.Fatalf("%q, %v", m.Data, err)
				}
			}
			echo("before")
			began := time.Now()
			fault(srv)
			if d := (<-lost).Sub(began); name == "freeze" && (d < interval || d > 3*(interval+timeout)) {
				t.Errorf("a freeze was noticed after %v", d)
			}
			echo("after")
			if s := c.Stats(); s.Session != 2 {
				t.Errorf("session %d", s.Session)
			}
		})
	}
}

// tunnel is a CONNECT proxy.
func tunnel(t *testing.T, status int) (*url.URL, func() []string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var seen []string
	proxy := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen = append(seen, r.Method+" "+r.Host+" "+r.Header.Get("Proxy-Authorization"))
		mu.Unlock()
		if status != 200 {
			rw.Header().Set("Proxy-Authenticate", "Basic")
			rw.WriteHeader(status)
			return
		}
		up, err := net.Dial("tcp", r.Host)
		if err != nil {
			rw.WriteHeader(502)
			return
		}
		nc, _, _ := http.NewResponseController(rw).Hijack()
		io.WriteString(nc, "HTTP/1.1 200 Connection established\r\n\r\n")
		go func() { io.Copy(up, nc); up.Close() }()
		go func() { io.Copy(nc, up); nc.Close() }()
	})}
	go proxy.Serve(ln)
	t.Cleanup(func() { proxy.Close() })
	return &url.URL{Scheme: "http", Host: ln.Addr().String(), User: url.UserPassword("me", "pass word")}, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(seen)
	}
}

func TestProxyFromTheEnvironment(t *testing.T) {
	for _, secure := range []bool{false, true} {
		srv := server(testserver.Echo)
		ctx, o := tcp(t, srv, secure)
		proxy, seen := tunnel(t, 200)
		restore := wsclient.SetEnvironmentProxy(func(r *http.Request) (*url.URL, error) {
			if want := map[bool]string{false: "http", true: "https"}[secure]; r.URL.Scheme != want {
				t.Errorf("the proxy is asked for as %s, want %s", r.URL.Scheme, want)
			}
			return proxy, nil
		})
		defer restore()
		c := dialTCP(t, ctx, srv, o)
		c.Send(ctx, wsclient.Text("through"))
		if m, err := c.Receive(ctx); err != nil || string(m.Data) != "through" {
			t.Errorf("%q, %v", m.Data, err)
		}
		_, addr, _ := strings.Cut(srv.URL(), "://")
		want := "CONNECT " + strings.TrimSuffix(addr, "/") + " Basic " + base64.StdEncoding.EncodeToString([]byte("me:pass word"))
		if got := seen(); len(got) != 1 || got[0] != want {
			t.Errorf("the proxy saw %q, want %q", got, want)
		}
	}
	srv := server(testserver.Echo)
	ctx, o := tcp(t, srv, false)
	proxy, _ := tunnel(t, 407)
	defer wsclient.SetEnvironmentProxy(func(*http.Request) (*url.URL, error) { return proxy, nil })()
	o.Reconnect = reconnect.Never
	_, err := wsclient.Dial(ctx, srv.URL(), o)
	if h := as[*wsclient.HandshakeError](t, err); h.Status != 407 || !strings.Contains(err.Error(), "proxy") || strings.Contains(err.Error(), "pass word") {
		t.Errorf("%v", err)
	}
	proxy.Scheme = "socks5"
	_, err = wsclient.Dial(ctx, srv.URL(), o)
	if e := as[*wsclient.OptionError](t, err); e.Option != "Proxy" {
		t.Errorf("a proxy that this version cannot use: %v", err)
	}
}

func TestNothingSaysASecret(t *testing.T) {
	const secret = "s3cret"
	var log bytes.Buffer
	var mu sync.Mutex
	said := func(s string) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintln(&log, s)
	}
	bubble(t, refuse(2, 503, nil, testserver.Sink), func(w *world) {
		o := w.options(wsclient.Options{
			Header: http.Header{"Authorization": {"Bearer " + secret}, "Cookie": {secret}}, Reconnect: steady,
			Logger: slog.New(slog.NewTextHandler(writerFunc(func(p []byte) { said(string(p)) }), &slog.HandlerOptions{Level: slog.LevelDebug})),
			Trace: &wsclient.Trace{
				AttemptStart: func(_ int, u string) { said(u) },
				AttemptDone:  func(_ int, u string, err error) { said(fmt.Sprint(u, err)) },
				Phase:        func(_ int, u string, _ reconnect.Phase, _ time.Duration, err error) { said(fmt.Sprint(u, err)) },
				Wait:         func(_ int, u string, _ time.Duration) { said(u) },
			},
			Endpoints: []string{"ws://user:" + secret + "@nowhere/?" + secret},
			OnClose:   func(e wsclient.CloseEvent) { said(fmt.Sprint(e)) },
			OnError:   func(err error) { said(err.Error()) },
			OnOpen:    func(c *wsclient.Conn) { said(c.URL()) },
		})
		c, err := wsclient.Dial(w.ctx, "ws://user:"+secret+"@feed/path?token="+secret, o)
		if err != nil {
			t.Fatal(err)
		}
		w.clients = append(w.clients, c)
		said(c.URL())
		if n := c.Send(w.ctx, wsclient.Text("payload "+secret)); n != nil {
			t.Fatal(n)
		}
		w.srv.CutRST()
		w.at(time.Second)
	})
	mu.Lock()
	defer mu.Unlock()
	if strings.Contains(log.String(), secret) || strings.Contains(log.String(), base64.StdEncoding.EncodeToString([]byte("user:"+secret))) {
		t.Errorf("a secret is in:\n%s", log.String())
	}
	for _, want := range []string{"level=INFO", "level=WARN", "connection lost", "open"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("no %q in the log:\n%s", want, log.String())
		}
	}
}

type writerFunc func([]byte)

func (f writerFunc) Write(p []byte) (int, error) { f(p); return len(p), nil }

// A callback that is slow, and a Close from elsewhere: the client ends as soon as
// the callback does.
func TestCloseWhileACallbackRuns(t *testing.T) {
	bubble(t, server(func(p *testserver.Peer) {
		p.Write(testserver.TextFrame("1"), testserver.TextFrame("2"))
		testserver.Sink(p)
	}), func(w *world) {
		c := w.dial(wsclient.Options{OnMessage: func(m wsclient.Message) {
			w.note("%s", m.Data)
			<-time.After(time.Minute)
		}})
		w.at(time.Second)
		c.Close()
		<-c.Done()
		w.expect("1") // like a browser's, its message events are over
		if w.elapsed() != time.Minute {
			t.Errorf("Done at %v", w.elapsed())
		}
	})
}
