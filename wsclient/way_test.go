package wsclient_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/steadyws/steadyws/internal/testserver"
)

// serve starts srv at addr, with TLS if there is a configuration, until the end
// of the test.
func (w *world) serve(addr string, cfg *tls.Config, srv *testserver.Server) *testserver.Server {
	w.Helper()
	ln, err := w.net.Listen(addr)
	if err != nil {
		w.Fatal(err)
	}
	if cfg != nil {
		ln = tls.NewListener(ln, cfg)
	}
	if err := srv.Start(ln); err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { srv.Close() })
	return srv
}

// accept gives each connection to addr to f, on a goroutine that ends with the
// test.
func (w *world) accept(addr string, f func(nc net.Conn)) {
	w.Helper()
	ln, err := w.net.Listen(addr)
	if err != nil {
		w.Fatal(err)
	}
	var running sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	running.Go(func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, nc)
			mu.Unlock()
			running.Go(func() {
				defer nc.Close()
				f(nc)
			})
		}
	})
	w.Cleanup(func() {
		ln.Close()
		mu.Lock()
		for _, nc := range conns {
			nc.Close()
		}
		mu.Unlock()
		running.Wait()
	})
}

// through is an Options.Proxy.
func through(raw string) func(*http.Request) (*url.URL, error) {
	return func(*http.Request) (*url.URL, error) { return url.Parse(raw) }
}

// splice connects two connections until one of them ends.
func splice(a io.ReadWriteCloser, b net.Conn) {
	var one sync.WaitGroup
	one.Go(func() {
		io.Copy(b, a)
		b.Close()
	})
	io.Copy(a, b)
	a.Close()
	one.Wait()
}

// connectProxy serves one connection of an HTTP proxy, and notes what it is asked.
func (w *world) connectProxy(nc net.Conn) {
	r, err := http.ReadRequest(bufio.NewReader(nc))
	if err != nil {
		return
	}
	user, password, _ := (&http.Request{Header: http.Header{"Authorization": r.Header["Proxy-Authorization"]}}).BasicAuth()
	w.note("%s %s by %s:%s", r.Method, r.Host, user, password)
	to, err := w.net.DialContext(w.ctx, "tcp", r.Host)
	if err != nil {
		io.WriteString(nc, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
		return
	}
	io.WriteString(nc, "HTTP/1.1 200 Connection established\r\n\r\n")
	splice(nc, to)
}

// socksProxy serves one connection of a SOCKS proxy (RFC 1928, RFC 1929).
func (w *world) socksProxy(nc net.Conn) {
	read := func(n int) []byte {
		b := make([]byte, n)
		io.ReadFull(nc, b)
		return b
	}
	methods := read(int(read(2)[1]))
	user, password := "", ""
	if methods[len(methods)-1] == 2 {
		nc.Write([]byte{5, 2})
		user = string(read(int(read(2)[1])))
		password = string(read(int(read(1)[0])))
		nc.Write([]byte{1, 0})
	} else {
		nc.Write([]byte{5, 0})
	}
	if kind := read(4)[3]; kind != 3 {
		w.Errorf("the proxy was asked for an address of type %d, want a name", kind)
		return
	}
	host := string(read(int(read(1)[0])))
	addr := net.JoinHostPort(host, fmt.Sprint(binary.BigEndian.Uint16(read(2))))
	w.note("SOCKS %s by %s:%s", addr, user, password)
	to, err := w.net.DialContext(w.ctx, "tcp", addr)
	if err != nil {
		nc.Write([]byte{5, 5, 0, 1, 0, 0, 0, 0, 0, 0})
		return
	}
	nc.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	splice(nc, to)
}

// An authority signs certificates.
type authority struct {
	t     testing.TB
	key   *ecdsa.PrivateKey
	cert  *x509.Certificate
	roots *x509.CertPool
	names []string // that servers were asked for, in this order
	mu    sync.Mutex
}

func newAuthority(t testing.TB) *authority {
	a := &authority{t: t, roots: x509.NewCertPool()}
	a.cert, a.key = a.sign(&x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	a.roots.AddCert(a.cert)
	return a
}

func (a *authority) sign(template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template.SerialNumber, template.Subject = big.NewInt(time.Now().UnixNano()), pkix.Name{CommonName: "steadyws test"}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().AddDate(1, 0, 0)
	by, byKey := a.cert, a.key
	if by == nil {
		by, byKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by, key.Public(), byKey)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert, key
}

// certificate returns one for a server of these names, or for a client.
func (a *authority) certificate(names ...string) tls.Certificate {
	template := &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	cert, key := a.sign(template)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert}
}

// server returns a configuration for a server of these names. The names that
// clients ask it for are noted.
func (a *authority) server(names ...string) *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{a.certificate(names...)},
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.names = append(a.names, hello.ServerName)
			return nil, nil
		},
	}
}

// client trusts the authority.
func (a *authority) client() *tls.Config { return &tls.Config{RootCAs: a.roots} }

// asked returns the names that clients have asked for.
func (a *authority) asked() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.names
}
