//go:build linux && !steadyws_portable

package wsclient

import (
	"crypto/tls"
	"net"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"
)

// What the verdict asks the kernel: are there bytes that nobody has read?
func TestUnreadBytesAreSeen(t *testing.T) {
	for name, secure := range map[string]bool{"TCP": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			accepted := make(chan net.Conn, 1)
			go func() {
				nc, _ := ln.Accept()
				accepted <- nc
			}()
			client, err := net.Dial("tcp", ln.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			peer := <-accepted
			defer peer.Close()
			if secure {
				srv := httptest.NewUnstartedServer(nil)
				srv.StartTLS() // for its certificate
				defer srv.Close()
				s := tls.Server(peer, &tls.Config{Certificates: srv.TLS.Certificates, SessionTicketsDisabled: true})
				c := tls.Client(&pulseConn{Conn: client}, &tls.Config{InsecureSkipVerify: true})
				done := make(chan error, 1)
				go func() { done <- s.Handshake() }()
				if err := c.Handshake(); err != nil {
					t.Fatal(err)
				}
				if err := <-done; err != nil {
					t.Fatal(err)
				}
				peer, client = s, c
			}
			sock := new(ownSocket).open(client)
			if sock.unread() {
				t.Error("unread bytes before any were written")
			}
			if _, err := peer.Write([]byte("life")); err != nil {
				t.Fatal(err)
			}
			for deadline := time.Now().Add(5 * time.Second); !sock.unread(); runtime.Gosched() {
				if time.Now().After(deadline) {
					t.Fatal("the bytes are not seen")
				}
			}
		})
	}
}
