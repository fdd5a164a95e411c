package main

import (
	"crypto/tls"
	"sync/atomic"
	"testing"
)


// The adapters of the TLS cells speak TLS 1.3, and resume sessions when they are to.
func TestTLS(t *testing.T) {
	ln, cert, err := listenTLS()
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go serve(ln)
	for _, name := range []string{"gorilla", "gws", "gobwas-careful", "raw", "steadyws"} {
		for _, resume := range []bool{false, true} {
			conf := trust(cert, resume)
			var resumed atomic.Int32
			conf.VerifyConnection = func(s tls.ConnectionState) error {
				if s.DidResume {
					resumed.Add(1)
				}
				if s.Version != tls.VersionTLS13 {
					t.Errorf("%s: TLS %x", name, s.Version)
				}
				return nil
			}
			for range 3 {
				c, err := adapterByName(name).Dial(Opts{Addr: ln.Addr().String(), Path: "/echo", TLS: conf})
				if err != nil {
					t.Fatal(name, err)
				}
				if err := c.Send(opBinary, message(100, opBinary, 1)); err != nil {
					t.Fatal(name, err)
				}
				c.Loop(func([]byte, int) { c.Close() })
			}
			if n := resumed.Load(); resume != (n > 0) {
				t.Errorf("%s, resume %v: %d of 3 did", name, resume, n)
			}
		}
	}
}

func TestTLSCells(t *testing.T) {
	if cs := tlsCells(); len(cs) != 9 {
		t.Errorf("%d cells instead of 9: a title was changed", len(cs))
	}
}
