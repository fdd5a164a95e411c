package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

func listen(t testing.TB, handle func(net.Listener)) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go handle(ln)
	return ln.Addr().String()
}

// honest are the adapters that give the handler real payloads.
func honest(t *testing.T, f func(t *testing.T, a *Adapter)) {
	for _, a := range adapters {
		if a.Name != "raw" {
			t.Run(a.Name, func(t *testing.T) { f(t, a) })
		}
	}
}

// Every size class comes back from the echo server as it was sent.
func TestEcho(t *testing.T) {
	addr := listen(t, serve)
	var mu sync.Mutex
	honest(t, func(t *testing.T, a *Adapter) {
		for _, n := range []int{1, 15, 16, 17, 125, 126, 4097, 65535, 65536, 100_003, 1 << 20} {
			if a.Name == "raw+frames" && n > 100_003 {
				continue // it does not put large payloads together
			}
			c, err := a.Dial(Opts{Addr: addr, Path: "/echo"})
			if err != nil {
				t.Fatal(err)
			}
			msg := message(n, opBinary, uint64(n))
			got := 0
			for range 3 {
				go func() {
					mu.Lock()
					defer mu.Unlock()
					c.Send(opBinary, msg)
				}()
			}
			c.Loop(func(p []byte, _ int) {
				if !bytes.Equal(p, msg) {
					t.Errorf("%d bytes: the echo differs", n)
				}
				if got++; got == 3 {
					c.Close()
				}
			})
			if got != 3 {
				t.Errorf("%d bytes: %d of 3 echoes", n, got)
			}
		}
	})
}

// All messages of a fire run arrive whole and in order, compressed or not.
func TestFire(t *testing.T) {
	addr := listen(t, serve)
	honest(t, func(t *testing.T, a *Adapter) {
		for _, deflate := range []bool{false, true} {
			if deflate && !a.Deflate {
				continue
			}
			path := "/fire?size=1000&op=1"
			if deflate {
				path += "&deflate=1"
			}
			c, err := a.Dial(Opts{Addr: addr, Path: path, Deflate: deflate, UTF8: true})
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Send(opText, []byte("5000.")); err != nil {
				t.Fatal(err)
			}
			var want [64][]byte
			for i := range want {
				want[i] = message(1000, opText, uint64(i))
			}
			per := len(batchOf(1000, opText, deflate).ends)
			got := 0
			c.Loop(func(p []byte, _ int) {
				if !bytes.Equal(p, want[got%per%64]) {
					t.Fatalf("message %d differs", got)
				}
				if got++; got == 5000 && a.Role == floor {
					c.Close()
				}
			})
			if got != 5000 {
				t.Errorf("deflate %v: %d messages instead of 5000", deflate, got)
			}
			c.Close()
		}
	})
}

type frame struct {
	key [4]byte
	p   string
}

// collect is a server that hands out the binary messages it gets.
func collect(got chan<- frame) func(net.Listener) {
	return func(ln net.Listener) {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				if _, err := acceptUpgrade(c); err != nil {
					return
				}
				frames(c, func() error { return nil }, func(b0 byte, p []byte, key [4]byte) error {
					if b0&0x0f == opBinary { // not a Close
						got <- frame{key, string(p)}
					}
					return nil
				})
			}()
		}
	}
}

// Concurrent senders: every message arrives once, whole, under its own key.
func TestSend(t *testing.T) {
	got := make(chan frame, 1<<16)
	addr := listen(t, collect(got))
	honest(t, func(t *testing.T, a *Adapter) {
		c, err := a.Dial(Opts{Addr: addr, Path: "/"})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		go c.Loop(func([]byte, int) {})
		var mu sync.Mutex
		const workers, each = 8, 500
		for w := range workers {
			go func() {
				for i := range each {
					p := append(binary.BigEndian.AppendUint32(nil, uint32(w*each+i)), message(rand.IntN(300), opBinary, uint64(i))...)
					if a.Lock {
						mu.Lock()
					}
					if err := c.Send(opBinary, p); err != nil {
						t.Error(err)
					}
					if a.Lock {
						mu.Unlock()
					}
					clear(p) // Send gave it back
				}
			}()
		}
		var ids []uint32
		keys := map[[4]byte]int{}
		for range workers * each {
			select {
			case f := <-got:
				id := binary.BigEndian.Uint32([]byte(f.p))
				ids = append(ids, id)
				keys[f.key]++
				if !bytes.Equal([]byte(f.p[4:]), message(len(f.p)-4, opBinary, uint64(id%each))) {
					t.Fatal("a payload differs")
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("%d of %d messages", len(ids), workers*each)
			}
		}
		slices.Sort(ids)
		if len(slices.Compact(ids)) != workers*each {
			t.Error("messages lost or doubled")
		}
		if len(keys) < workers*each-2 {
			t.Errorf("only %d different keys in %d frames", len(keys), workers*each)
		}
	})
}

// proto takes fragments, control frames between them, and answers pings.
func TestProtoFrames(t *testing.T) {
	script := []byte{0x01, 2, 'a', 'b', 0x89, 1, 'x', 0x00, 1, 'c', 0x80, 1, 'd', 0x82, 1, 'e', 0x88, 2, 3, 232}
	pong := make(chan string, 1)
	addr := listen(t, func(ln net.Listener) {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		acceptUpgrade(c)
		for _, b := range script {
			c.Write([]byte{b})
			time.Sleep(time.Millisecond)
		}
		b := make([]byte, 7) // a masked pong of one byte
		if _, err := io.ReadFull(c, b); err == nil && b[0] == 0x80|opPong {
			ws.Cipher(b[6:], [4]byte(b[2:]), 0)
			pong <- string(b[6:])
		}
		close(pong)
	})
	c, err := dialProto(Opts{Addr: addr, Path: "/", UTF8: true})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	c.Loop(func(p []byte, _ int) { got = append(got, string(p)) })
	if !slices.Equal(got, []string{"abcd", "e"}) {
		t.Errorf("got %q", got)
	}
	if p := <-pong; p != "x" {
		t.Errorf("pong %q", p)
	}
}

// What one frame header costs with gobwas/ws, and one mask.
func BenchmarkHeader(b *testing.B) {
	batch := batchOf(128, opBinary, false).data
	src := bytes.NewReader(batch)
	br := bufio.NewReaderSize(src, 64<<10)
	var buf [ws.MaxHeaderSize]byte
	run := func(name string, read func() (ws.Header, error)) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			src.Reset(batch)
			br.Reset(src)
			for b.Loop() {
				h, err := read()
				if err != nil {
					src.Reset(batch)
					br.Reset(src)
					continue
				}
				br.Discard(int(h.Length))
			}
		})
	}
	run("ReadHeader", func() (ws.Header, error) { return ws.ReadHeader(br) })
	run("ReadHeaderBuffer", func() (ws.Header, error) { return ws.ReadHeaderBuffer(br, buf[:]) })
	run("Peek", func() (h ws.Header, err error) {
		p, err := br.Peek(4)
		if err == nil {
			h.OpCode, h.Length = ws.OpCode(p[0]&15), int64(binary.BigEndian.Uint16(p[2:]))
			br.Discard(4)
		}
		return h, err
	})
	b.Run("in-place", func(b *testing.B) {
		rest := batch
		for b.Loop() {
			if len(rest) < 4 {
				rest = batch
			}
			rest = rest[4+int(binary.BigEndian.Uint16(rest[2:])):]
		}
	})
}

func BenchmarkMask(b *testing.B) {
	for _, n := range []int{16, 128, 1 << 10, 16 << 10} {
		src, dst := message(n, opBinary, 1), make([]byte, 0, n+16)
		b.Run("copy+Cipher/"+strconv.Itoa(n), func(b *testing.B) {
			b.SetBytes(int64(n))
			for b.Loop() {
				dst = append(dst[:0], src...)
				ws.Cipher(dst, [4]byte{1, 2, 3, 4}, 0)
			}
		})
		b.Run("appendMasked/"+strconv.Itoa(n), func(b *testing.B) {
			b.SetBytes(int64(n))
			for b.Loop() {
				dst = appendMasked(dst[:0], opBinary, src)
			}
		})
	}
	b.Run("NewMask", func(b *testing.B) {
		for b.Loop() {
			ws.NewMask()
		}
	})
}
