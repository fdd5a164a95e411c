package wsclient_test

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"io"
	"net"
	"testing"

	"github.com/steadyws/steadyws/reconnect"
	"github.com/steadyws/steadyws/wsclient"
)

// upgrades accepts everything on loopback, says hello, and allocates little itself.
func upgrades(t testing.TB) (addr string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			go upgradeOne(nc)
		}
	}()
	return ln.Addr().String()
}

func upgradeOne(nc net.Conn) {
	defer nc.Close()
	buf := make([]byte, 1<<10)
	n := 0
	for !bytes.HasSuffix(buf[:n], []byte("\r\n\r\n")) {
		m, err := nc.Read(buf[n:])
		if err != nil {
			return
		}
		n += m
	}
	_, key, _ := bytes.Cut(buf[:n], []byte("Sec-WebSocket-Key: "))
	key, _, _ = bytes.Cut(key, []byte("\r\n"))
	sum := sha1.Sum(append(key[:len(key):len(key)], "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"...))
	nc.Write([]byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
		base64.StdEncoding.EncodeToString(sum[:]) + "\r\n\r\n\x81\x05hello"))
	for {
		if _, err := nc.Read(buf); err != nil {
			return
		}
	}
}

// TestDialAllocatesLittle compares a Dial and its Close with a bare TCP connection
// that is opened for the same answer.
func TestDialAllocatesLittle(t *testing.T) {
	const n, most = 200, 50
	addr := upgrades(t)
	bare := func() {
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(nc, "GET / HTTP/1.1\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
		nc.Read(make([]byte, 1<<10))
		nc.Close()
	}
	o := &wsclient.Options{Reconnect: reconnect.Never, OnMessage: func(wsclient.Message) {}}
	ours := func() {
		c, err := wsclient.Dial(context.Background(), "ws://"+addr, o)
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		<-c.Done()
	}
	per := func(f func()) float64 {
		f()
		return mallocs(func() {
			for range n {
				f()
			}
		}) / n
	}
	if more := per(ours) - per(bare); more > most && !raceEnabled {
		t.Errorf("%.1f allocations more than a bare connection, want %d at most", more, most)
	} else {
		t.Logf("%.1f allocations more than a bare connection", more)
	}
}

// TestIdleClientHoldsLittle, after it has received and sent.
func TestIdleClientHoldsLittle(t *testing.T) {
	const n = 100
	most := 9<<10 + 512 // the peer's 2.5 KiB included, stacks not
	url := "ws://" + upgrades(t)
	got := make(chan struct{}, 1)
	o := &wsclient.Options{Reconnect: reconnect.Never, OnMessage: func(wsclient.Message) { got <- struct{}{} }}
	open := func() {
		c, err := wsclient.Dial(t.Context(), url, o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		<-got
		c.Send(t.Context(), wsclient.Text("hello"))
		if c.Stats().KernelBuffered < 0 { // the portable path: its read waits in a buffer
			most = 11<<10 + 512
		}
	}
	open()
	before := heap()
	for range n {
		open()
	}
	per := (heap() - before) / n
	if t.Logf("%d bytes for each client and its peer", per); per > most && !raceEnabled {
		t.Errorf("want %d at most", most)
	}
}
