package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"slices"
	"strings"
	"time"
)

// listenTLS listens on loopback with a certificate made for it.
func listenTLS() (ln net.Listener, der []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	ip := net.ParseIP(loopback)
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{ip}, NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	if der, err = x509.CreateCertificate(rand.Reader, c, c, key.Public(), key); err != nil {
		return nil, nil, err
	}
	ln, err = tls.Listen("tcp", net.JoinHostPort(loopback, "0"), &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		MinVersion:   tls.VersionTLS13,
	})
	return ln, der, err
}

// trust returns a client's configuration for the server with that certificate,
// nil for one without. It verifies as any client does.
func trust(der []byte, resume bool) *tls.Config {
	if der == nil {
		return nil
	}
	c, err := x509.ParseCertificate(der)
	check(err)
	conf := &tls.Config{RootCAs: x509.NewCertPool(), ServerName: c.IPAddresses[0].String(), MinVersion: tls.VersionTLS13}
	conf.RootCAs.AddCert(c)
	if resume {
		conf.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	}
	return conf
}

// tlsCells are those cells of the main table that TLS may change.
func tlsCells() []cell {
	want := []string{
		"receive 128 B", "receive 1 KiB", "receive 16 KiB", "send 128 B", "send 1 KiB", "send 16 KiB",
		"echo 128 B, 64 in flight", "dial + close",
	}
	cs := slices.DeleteFunc(cells(), func(c cell) bool { return !slices.Contains(want, c.title) })
	again := cs[len(cs)-1]
	again.title, again.task.Resume = again.title+", resumed", true
	cs = append(cs, again)
	for i := range cs {
		cs[i].task.TLS = true
	}
	return cs
}

// compareTLS runs the cells over TLS, and raw without it, too.
func compareTLS(s *settings, use []*Adapter, w io.Writer) []Row {
	srv := startServer(loopback, 1, s.cpus)
	defer srv.stop()
	use = append([]*Adapter{bareTCP}, use...)
	var rows []Row
	for _, c := range tlsCells() {
		if !strings.Contains(c.title, s.only) {
			continue
		}
		rows = append(rows, s.run(c, use, func(t *Task, a *Adapter) {
			if t.Addr, t.Cert = srv.TLS, srv.Cert; a == bareTCP {
				t.Addr, t.Cert = srv.Addr, nil
			}
		}))
	}
	reportTLS(w, rows, use)
	return rows
}

func reportTLS(w io.Writer, rows []Row, use []*Adapter) {
	fmt.Fprint(w, "\n| CPU, ns |")
	for _, a := range use {
		fmt.Fprintf(w, " %s |", strings.Replace(a.Name, "raw", "raw TLS", 1))
	}
	fmt.Fprintf(w, " raw TLS ÷ bare TCP | steadyws ÷ raw TLS | steadyws ÷ best peer |\n|---|%s\n", strings.Repeat("--:|", len(use)+3))
	for _, r := range rows {
		m := metrics(r.Task)[0]
		fmt.Fprintf(w, "| %s |", r.Title)
		for _, a := range use {
			med, _, _ := stat(r.Runs[a.Name], m)
			fmt.Fprintf(w, " %s |", num(med))
		}
		us, best := r.Runs["steadyws"], r.best(use, peer, m)
		fmt.Fprintf(w, " %s | **%s** | **%s** (%s) |\n", num(ratio(r.Runs["raw"], r.Runs[bareTCP.Name], m)),
			num(ratio(us, r.Runs["raw"], m)), num(ratio(us, r.Runs[best], m)), best)
	}
}
