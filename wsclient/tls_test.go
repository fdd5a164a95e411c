package wsclient_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/reconnect"
	"github.com/steadyws/steadyws/wsclient"
)

// The name is that of each connection's URL, whatever the one before was.
func TestServerNameIsThatOfEachURL(t *testing.T) {
	for name, test := range map[string]struct {
		first string
		then  string // by Prepare
		o     wsclient.Options
		cert  []string // names that the servers' certificate has
		names []string // that they are asked for
	}{
		"another URL by Prepare":        {"wss://feed/", "wss://other/", wsclient.Options{}, nil, []string{"feed", "other"}},
		"a redirect":                    {"wss://feed/away", "", wsclient.Options{Redirects: 1}, nil, []string{"feed", "other"}},
		"a dot at the end":              {"wss://feed./", "", wsclient.Options{}, nil, []string{"feed"}},
		"an address has none":           {"wss://[fe80::1%25lo]/", "", wsclient.Options{}, nil, []string{""}},
		"a name that is given is given": {"wss://feed/", "wss://other/", wsclient.Options{TLS: &tls.Config{ServerName: "third"}}, []string{"third"}, []string{"third", "third"}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, server(nil), func(w *world) {
				ca := newAuthority(t)
				names := test.cert
				if names == nil {
					names = []string{"feed", "other", "fe80::1"}
				}
				cfg := ca.server(names...)
				handler := testserver.Handler(testserver.Sink)
				if test.then != "" {
					handler = drop
				}
				srv := signpost(map[string]string{"/away": "302 wss://other/"})
				srv.Handler = handler
				w.serve("feed:443", cfg, srv)
				w.serve("feed.:443", cfg, server(testserver.Sink))
				w.serve("[fe80::1%lo]:443", cfg, server(testserver.Sink))
				w.serve("other:443", cfg, server(testserver.Sink))
				if test.o.TLS == nil {
					test.o.TLS = &tls.Config{}
				}
				test.o.TLS.RootCAs = ca.roots
				test.o.TLS.SessionTicketsDisabled = true
				test.o.Reconnect = steady
				test.o.Prepare = func(_ context.Context, a *wsclient.Attempt) error {
					if a.Err != nil {
						a.URL = test.then
					}
					return nil
				}
				c, err := wsclient.Dial(w.ctx, test.first, w.options(test.o))
				if err != nil {
					t.Fatal(err)
				}
				w.clients = append(w.clients, c)
				w.at(time.Second)
				if got := ca.asked(); !slices.Equal(got, test.names) || c.ReadyState() != wsclient.Open {
					t.Errorf("asked for %q, want %q; %v", got, test.names, c.ReadyState())
				}
			})
		})
	}
}

// resumed counts, of the connections of a server, those that resumed a session.
type resumed struct {
	mu  sync.Mutex
	did []bool
}

func (r *resumed) note(s tls.ConnectionState) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.did = append(r.did, s.DidResume)
	return nil
}

func TestReconnectsResumeTheTLSSession(t *testing.T) {
	for name, test := range map[string]struct {
		version uint16
		client  func(cfg *tls.Config)
		want    []bool // two connections of a client, and one of another
	}{
		"TLS 1.2": {tls.VersionTLS12, nil, []bool{false, true, false}},
		"TLS 1.3": {tls.VersionTLS13, nil, []bool{false, true, false}},
		"with a cache of the user's, both clients": {tls.VersionTLS13, func(cfg *tls.Config) { cfg.ClientSessionCache = tls.NewLRUClientSessionCache(1) }, []bool{false, true, true}},
		"not if the user does not want it":         {tls.VersionTLS13, func(cfg *tls.Config) { cfg.SessionTicketsDisabled = true }, []bool{false, false, false}},
		"not if each certificate is to be shown": {tls.VersionTLS13, func(cfg *tls.Config) {
			cfg.VerifyPeerCertificate = func([][]byte, [][]*x509.Certificate) error { return nil }
		}, []bool{false, false, false}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ca, seen := newAuthority(t), &resumed{}
			cfg := ca.server("127.0.0.1")
			cfg.MaxVersion, cfg.VerifyConnection, cfg.GetConfigForClient = test.version, seen.note, nil
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			srv := server(testserver.Echo)
			if err := srv.Start(tls.NewListener(ln, cfg)); err != nil {
				t.Fatal(err)
			}
			defer srv.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			opened := make(chan bool, 3)
			o := &wsclient.Options{TLS: ca.client(), Reconnect: steady, OnOpen: func(*wsclient.Conn) { opened <- true }}
			if test.client != nil {
				test.client(o.TLS)
			}
			for _, connections := range []int{2, 1} {
				c, err := wsclient.New("wss://"+ln.Addr().String(), o)
				if err != nil {
					t.Fatal(err)
				}
				for session := 1; session <= connections; session++ {
					select {
					case <-opened:
					case <-ctx.Done():
						t.Fatal(c.Err())
					}
					c.Send(ctx, wsclient.Text("a"))
					if m, err := c.Receive(ctx); err != nil || m.Session != session {
						t.Fatalf("session %d, %v", m.Session, err)
					}
					if session < connections {
						srv.CutFIN()
					}
				}
				c.Close()
				<-c.Done()
			}
			if !slices.Equal(seen.did, test.want) {
				t.Errorf("resumed: %v, want %v", seen.did, test.want)
			}
		})
	}
}

// A server that wants a certificate gets ours; a proxy does not.
func TestClientCertificate(t *testing.T) {
	for _, proxy := range []string{"", "http://proxy:1", "https://proxy:1"} {
		t.Run(proxy, func(t *testing.T) {
			bubble(t, server(nil), func(w *world) {
				ca := newAuthority(t)
				cfg, proxyCfg := ca.server("feed"), ca.server("proxy")
				cfg.ClientAuth, cfg.ClientCAs = tls.RequireAndVerifyClientCert, ca.roots
				proxyCfg.ClientAuth = tls.RequestClientCert
				proxyCfg.VerifyConnection = func(s tls.ConnectionState) error {
					if len(s.PeerCertificates) > 0 {
						t.Error("the proxy got the client's certificate")
					}
					return nil
				}
				w.serve("feed:443", cfg, server(testserver.Sink))
				w.accept("proxy:1", func(nc net.Conn) {
					if proxy == "https://proxy:1" {
						nc = tls.Server(nc, proxyCfg)
					}
					w.connectProxy(nc)
				})
				o := wsclient.Options{TLS: ca.client(), Reconnect: reconnect.Never}
				if proxy != "" {
					o.Proxy = through(proxy)
				}
				if _, err := wsclient.Dial(w.ctx, "wss://feed", w.options(o)); err == nil {
					t.Error("the server took a client without a certificate")
				}
				o.TLS.Certificates = []tls.Certificate{ca.certificate("client")}
				c, err := wsclient.Dial(w.ctx, "wss://feed", w.options(o))
				if err != nil {
					t.Fatal(err)
				}
				w.clients = append(w.clients, c)
			})
		})
	}
}

// What is said of the server's certificate does not hold for the proxy's.
func TestHTTPSProxyIsVerified(t *testing.T) {
	bubble(t, server(nil), func(w *world) {
		ca, other := newAuthority(t), newAuthority(t)
		cfg := other.server("proxy")
		w.serve("feed:443", ca.server("feed"), server(testserver.Sink))
		w.accept("proxy:1", func(nc net.Conn) { w.connectProxy(tls.Server(nc, cfg)) })
		for _, o := range []wsclient.Options{
			{TLS: &tls.Config{InsecureSkipVerify: true}},
			{TLS: &tls.Config{RootCAs: other.roots, ServerName: "feed", VerifyConnection: func(tls.ConnectionState) error { return errors.New("shown to the server's check") }}},
		} {
			o.Proxy, o.Reconnect = through("https://me:pw@proxy:1"), reconnect.Never
			_, err := wsclient.Dial(w.ctx, "wss://feed", w.options(o))
			if o.TLS.InsecureSkipVerify {
				as[*tls.CertificateVerificationError](t, err)
				w.expect()
				continue
			}
			w.expect("CONNECT feed:443 by me:pw")
		}
	})
}
