package wsclient_test

import (
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/reconnect"
	"github.com/steadyws/steadyws/wsclient"
)

// TestProxyVariables runs itself in another process: net/http reads the
// variables once.
func TestProxyVariables(t *testing.T) {
	if os.Getenv("STEADYWS_PROXY") == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestProxyVariables$", "-test.timeout=20s")
		cmd.Env = append(os.Environ(), "STEADYWS_PROXY=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v:\n%s", err, out)
		}
		return
	}
	os.Setenv("HTTP_PROXY", "http://plain:3128")
	os.Setenv("HTTPS_PROXY", "socks5://secure")
	os.Setenv("NO_PROXY", "direct.example,10.0.0.0/8")
	for url, want := range map[string]string{
		"ws://feed.example/":        "plain:3128",
		"wss://feed.example/":       "secure:1080",
		"ws://direct.example/":      "direct.example:80",
		"wss://at.direct.example:8": "at.direct.example:8",
		"ws://10.1.2.3/":            "10.1.2.3:80",
		"ws://127.0.0.1:1/":         "127.0.0.1:1",
		"wss://localhost/":          "localhost:443",
	} {
		var dialed string
		wsclient.Dial(t.Context(), url, &wsclient.Options{
			Reconnect: reconnect.Never,
			NetDial: func(_ context.Context, _, addr string) (net.Conn, error) {
				dialed = addr
				return nil, io.EOF
			},
		})
		if dialed != want {
			t.Errorf("%s dials %s, want %s", url, dialed, want)
		}
	}
}

// nameServer answers every question for an address with those given.
func nameServer(addresses ...string) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			b := make([]byte, 512)
			if _, err := io.ReadFull(server, b[:2]); err != nil { // the length, as on TCP
				return
			}
			n, _ := server.Read(b)
			var m dnsmessage.Message
			if err := m.Unpack(b[:n]); err != nil {
				return
			}
			m.Response = true
			for _, a := range addresses {
				h := dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Class: dnsmessage.ClassINET, TTL: 1}
				ip4, ip6 := net.ParseIP(a).To4(), net.ParseIP(a)
				switch kind := m.Questions[0].Type; {
				case kind == dnsmessage.TypeA && ip4 != nil:
					m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AResource{A: [4]byte(ip4)}})
				case kind == dnsmessage.TypeAAAA && ip4 == nil:
					m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AAAAResource{AAAA: [16]byte(ip6)}})
				}
			}
			m.Additionals = nil
			if p, err := m.Pack(); err == nil {
				server.Write(append([]byte{byte(len(p) >> 8), byte(len(p))}, p...))
			}
		}()
		return client, nil
	}}
}

// A host's first address is dead, the next is not.
func TestAllAddressesOfAHostAreTried(t *testing.T) {
	defer func(r *net.Resolver) { net.DefaultResolver = r }(net.DefaultResolver)
	for name, addresses := range map[string][]string{
		"one of two":                {"127.0.0.2", "127.0.0.1"},
		"one of three":              {"127.0.0.3", "127.0.0.2", "127.0.0.1"},
		"the old kind, not the new": {"::1", "127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			net.DefaultResolver = nameServer(addresses...)
			srv := server(testserver.Sink)
			ctx, o := tcp(t, srv, false)
			_, port, _ := strings.Cut(strings.TrimPrefix(srv.URL(), "ws://"), ":")
			o.Reconnect = reconnect.Never
			c, err := wsclient.Dial(ctx, "ws://feed.example.:"+port, o)
			if err != nil {
				t.Fatal(err)
			}
			c.Close()
			<-c.Done()
		})
	}
	net.DefaultResolver = nameServer("127.0.0.2")
	_, err := wsclient.Dial(t.Context(), "ws://feed.example.:1", &wsclient.Options{Reconnect: reconnect.Never})
	if op := as[*net.OpError](t, err); !strings.Contains(op.Error(), "127.0.0.2:1") {
		t.Errorf("%v: the name server was not asked", err)
	}
	net.DefaultResolver = nameServer()
	_, err = wsclient.Dial(t.Context(), "ws://feed.example.:1", &wsclient.Options{Reconnect: reconnect.Never})
	as[*net.DNSError](t, err)
}
