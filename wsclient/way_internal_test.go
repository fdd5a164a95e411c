package wsclient

import (
	"io"
	"net"
	"net/url"
	"testing"
	"testing/synctest"
)

// The examples of RFC 3986 5.4, as far as a path and a query have them, and some
// of paths that package url would change.
func TestRelativeReferences(t *testing.T) {
	for _, test := range []struct{ uri, ref, want string }{
		{"/b/c/d;p?q", "g", "/b/c/g"},
		{"/b/c/d;p?q", "./g", "/b/c/g"},
		{"/b/c/d;p?q", "g/", "/b/c/g/"},
		{"/b/c/d;p?q", "/g", "/g"},
		{"/b/c/d;p?q", "?y", "/b/c/d;p?y"},
		{"/b/c/d;p?q", "g?y", "/b/c/g?y"},
		{"/b/c/d;p?q", ";x", "/b/c/;x"},
		{"/b/c/d;p?q", ".", "/b/c/"},
		{"/b/c/d;p?q", "./", "/b/c/"},
		{"/b/c/d;p?q", "..", "/b/"},
		{"/b/c/d;p?q", "../", "/b/"},
		{"/b/c/d;p?q", "../g", "/b/g"},
		{"/b/c/d;p?q", "../..", "/"},
		{"/b/c/d;p?q", "../../g", "/g"},
		{"/b/c/d;p?q", "../../../g", "/g"},
		{"/b/c/d;p?q", "../../../../g", "/g"},
		{"/b/c/d;p?q", "/./g", "/g"},
		{"/b/c/d;p?q", "/../g", "/g"},
		{"/b/c/d;p?q", "g.", "/b/c/g."},
		{"/b/c/d;p?q", "..g", "/b/c/..g"},
		{"/b/c/d;p?q", "./../g", "/b/g"},
		{"/b/c/d;p?q", "g/./h", "/b/c/g/h"},
		{"/b/c/d;p?q", "g/../h", "/b/c/h"},
		{"/b/c/d;p?q", "g?y/../x", "/b/c/g?y/../x"},
		{"/b/c/d;p?q", "?", "/b/c/d;p?"},
		{"/", "g", "/g"},
		{"/?a/b", "g", "/g"},
		{"/a%2Fb/c", "d//e%zz|f", "/a%2Fb/d//e%zz|f"},
	} {
		if got := resolve(test.uri, test.ref); got != test.want {
			t.Errorf("%s at %s is %s, want %s", test.ref, test.uri, got, test.want)
		}
	}
}

// What a proxy says behind its answer comes from the server: it stays in the
// connection, however it arrives.
func TestWhatFollowsAProxysAnswerIsTheServers(t *testing.T) {
	for name, test := range map[string]struct {
		proxy string
		says  []string // each after having read
	}{
		"HTTP":                {"http://proxy", []string{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"}},
		"SOCKS":               {"socks5://proxy", []string{"\x05\x00", "\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50"}},
		"SOCKS, with a name":  {"socks5://proxy", []string{"\x05\x00", "\x05\x00\x00\x03\x01x\x00\x50"}},
		"SOCKS, with a login": {"socks5://u:p@proxy", []string{"\x05\x02", "\x01\x00", "\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := net.Pipe()
				defer a.Close()
				go func() {
					defer b.Close()
					last := len(test.says) - 1
					test.says[last] += "early"
					for _, s := range test.says {
						b.Read(make([]byte, 4096))
						io.WriteString(b, s)
					}
				}()
				u, _ := url.Parse(test.proxy)
				p, err := parseProxy(u)
				if err != nil {
					t.Fatal(err)
				}
				to, _ := parseURL("ws://feed/")
				if err := p.lead(a, to); err != nil {
					t.Fatal(err)
				}
				if rest, err := io.ReadAll(a); err != nil || string(rest) != "early" {
					t.Errorf("behind the answer %q, %v", rest, err)
				}
			})
		})
	}
}
