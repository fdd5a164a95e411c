package wsclient_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/reconnect"
	"github.com/steadyws/steadyws/wsclient"
)

// noteAttempts notes where attempts go and when, with a name's first letter and
// the time.
func (w *world) noteAttempts(o *wsclient.Options) {
	o.Trace = &wsclient.Trace{AttemptStart: func(number int, url string) {
		host := strings.TrimPrefix(strings.TrimPrefix(url, "ws://"), "wss://")
		w.note("%d:%c@%v", number, host[0], w.elapsed())
	}}
}

func TestFailoverIsAtOnce(t *testing.T) {
	bubble(t, refuse(1e6, 503, nil, nil), func(w *world) { // feed refuses, a is not there
		good := w.serve("good:80", nil, server(testserver.Sink))
		o := wsclient.Options{Endpoints: []string{"ws://a/", "ws://good/x?token=1"}, OnClose: func(e wsclient.CloseEvent) {
			if !errors.Is(e.Err, wsclient.ErrClosed) {
				w.note("%s %v %v", e.URL, e.Wait, e.Err)
			}
		}}
		w.noteAttempts(&o)
		c := w.dial(o)
		w.expect("1:f@0s", "ws://feed/ 0s wsclient: dial ws://feed/: handshake: the server answered 503 Service Unavailable",
			"2:a@0s", "ws://a/ 0s wsclient: dial ws://a/: dial tcp a:80: connect: connection refused", "3:g@0s")
		if c.URL() != "ws://good/x?token=xxxxx" || good.Attempts()[0].URI != "/x?token=1" {
			t.Errorf("URL %s, asked for %s", c.URL(), good.Attempts()[0].URI)
		}
		w.at(time.Minute)
		good.CutFIN() // it was stable: it is asked first
		w.at(2 * time.Minute)
		if n := len(w.noted()); c.Stats().Session != 2 || !strings.HasPrefix(w.noted()[n-1], "1:g@1m0") {
			t.Errorf("session %d, %q", c.Stats().Session, w.noted())
		}
	})
}

func TestFailoverSleepsBetweenRounds(t *testing.T) {
	bubble(t, refuse(1e6, 503, http.Header{"Retry-After": {"90"}}, nil), func(w *world) {
		o := wsclient.Options{Endpoints: []string{"ws://a/", "ws://b/", "ws://a/"}, Reconnect: reconnect.Policy{Initial: time.Second, Max: time.Second}}
		w.noteAttempts(&o)
		w.open(o)
		w.at(89 * time.Second)
		var rounds []string
		last := ""
		for _, e := range w.noted() {
			_, e, _ = strings.Cut(e, ":")
			name, at, _ := strings.Cut(e, "@")
			if at != last {
				rounds = append(rounds, "")
			}
			rounds[len(rounds)-1] += name
			last = at
		}
		if rounds[0] != "fab" || len(rounds) < 90 {
			t.Errorf("%q: want each once at first", rounds)
		}
		for _, r := range rounds[1:] {
			if r != "ab" { // feed has asked for 90 s
				t.Fatalf("%q: want a and b, the same instant", rounds)
			}
		}
		w.at(93 * time.Second)
		if n := len(w.srv.Attempts()); n != 2 {
			t.Errorf("%d attempts at the one that asked us to stay away, want 2 after 90 s", n)
		}
	})
}

func TestOneEndpointsRefusalDoesNotEndTheClient(t *testing.T) {
	bubble(t, refuse(1e6, 404, nil, nil), func(w *world) {
		o := wsclient.Options{Endpoints: []string{"ws://other/"}, Reconnect: steady}
		c := w.open(o)
		w.at(time.Second)
		if c.Err() != nil {
			t.Fatalf("a 404 of one of two endpoints has ended the client: %v", c.Err())
		}
		w.serve("other:80", nil, refuse(1e6, 404, nil, nil))
		w.done(c)
		if h := as[*wsclient.HandshakeError](t, c.Err()); h.Status != 404 {
			t.Error(c.Err())
		}
	})
}

func TestMaxAttemptsCountsThoseAtEveryEndpoint(t *testing.T) {
	bubble(t, refuse(1e6, 503, nil, nil), func(w *world) {
		o := wsclient.Options{Endpoints: []string{"ws://a/"}, Reconnect: reconnect.Policy{MaxAttempts: 3}}
		w.noteAttempts(&o)
		c := w.open(o)
		w.done(c)
		if g := as[*wsclient.GaveUpError](t, c.Err()); g.Attempts != 3 || len(w.noted()) != 3 {
			t.Errorf("%v: %q", g, w.noted())
		}
	})
}

func TestPrepareSeesTheEndpoint(t *testing.T) {
	bubble(t, refuse(1e6, 503, nil, nil), func(w *world) {
		good := w.serve("good:80", nil, server(testserver.Sink))
		c := w.dial(wsclient.Options{Endpoints: []string{"ws://b/", "ws://good/"}, Prepare: func(_ context.Context, a *wsclient.Attempt) error {
			w.note("%s", a.URL)
			a.URL += "ticket"
			return nil
		}})
		w.expect("ws://feed/", "ws://b/", "ws://good/")
		if got := good.Attempts()[0].URI; got != "/ticket" || c.URL() != "ws://good/ticket" {
			t.Errorf("asked for %s, URL %s", got, c.URL())
		}
	})
}

func TestBadEndpointsAreRefusedByName(t *testing.T) {
	for option, list := range map[string][]string{
		"Endpoints[0]": {"http://a/", "ws://b/"},
		"Endpoints[2]": {"ws://a/", "ws://b/", "ws://user:s3cret@b:0/"},
	} {
		_, err := wsclient.New("ws://e.com", &wsclient.Options{Endpoints: list})
		if got := as[*wsclient.OptionError](t, err); got.Option != option || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%v, want option %s", err, option)
		}
	}
}

func TestServerNameFollowsTheEndpoint(t *testing.T) {
	bubble(t, server(nil), func(w *world) {
		roots := map[string]*x509.CertPool{}
		for _, host := range []string{"a", "b"} {
			ln, err := w.net.Listen(host + ":443")
			if err != nil {
				t.Fatal(err)
			}
			srv := refuse(1, 503, nil, testserver.Sink)
			if err := srv.StartTLS(ln); err != nil {
				t.Fatal(err)
			}
			w.Cleanup(func() { srv.Close() })
			roots[host] = srv.ClientTLS().RootCAs
		}
		verify := func(s tls.ConnectionState) error {
			w.note("%s", s.ServerName)
			_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{DNSName: s.ServerName, Roots: roots[s.ServerName], CurrentTime: time.Now()})
			return err
		}
		o := w.options(wsclient.Options{Endpoints: []string{"wss://b/"}, TLS: &tls.Config{InsecureSkipVerify: true, VerifyConnection: verify}})
		c, err := wsclient.Dial(w.ctx, "wss://a/", o)
		if err != nil {
			t.Fatal(err)
		}
		w.clients = append(w.clients, c)
		w.expect("a", "b", "a")
	})
}
