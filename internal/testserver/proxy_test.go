package testserver_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/steadyws/steadyws/internal/testserver"
)

// behind starts x before a server that runs f for each connection.
func behind(t *testing.T, x *testserver.Proxy, f func(net.Conn)) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer c.Close()
				f(c)
			})
		}
	})
	if err := x.Start(ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		x.Close()
		ln.Close()
		running.Wait()
	})
}

// through dials x; the connection ends with the test.
func through(t *testing.T, x *testserver.Proxy) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", x.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	return c.(*net.TCPConn)
}

func echo(c net.Conn) { io.Copy(c, c) }

func TestProxyForwardsUntilBothSidesHaveEnded(t *testing.T) {
	x := &testserver.Proxy{}
	behind(t, x, echo)
	c := through(t, x)
	want := bytes.Repeat([]byte("steadyws"), 100_000)
	go func() {
		c.Write(want)
		c.CloseWrite() // goes through, and what is on its way comes back
	}()
	if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d of %d bytes came back: %v", len(got), len(want), err)
	}
	if cuts, _ := x.Cuts(); cuts != 0 {
		t.Errorf("%d cuts", cuts)
	}
}

// fates returns how each of n connections ended for the client, and how many bytes
// the server got.
func fates(t *testing.T, x *testserver.Proxy, n int) (ends []string, got []int) {
	t.Helper()
	counts := make(chan int, 1)
	behind(t, x, func(c net.Conn) {
		n, _ := io.Copy(io.Discard, c)
		counts <- int(n)
	})
	for range n {
		c := through(t, x)
		c.Write(make([]byte, 3000)) // the cut may come before it returns
		switch _, err := c.Read(make([]byte, 1)); {
		case err == io.EOF:
			ends = append(ends, "FIN")
		case errors.Is(err, syscall.ECONNRESET):
			ends = append(ends, "RST")
		default:
			t.Fatalf("the connection ended with %v", err)
		}
		got = append(got, <-counts)
	}
	return ends, got
}

func TestProxyCutsAfterTheBytesThatItsSeedSays(t *testing.T) {
	ends, got := fates(t, &testserver.Proxy{Least: 1000, Most: 2000, Seed: 3}, 12)
	for i, n := range got {
		// What a reset destroys on its way is the kernel's affair.
		if n > 2000 || n < 1000 && ends[i] == "FIN" {
			t.Errorf("%s after %d bytes", ends[i], n)
		}
	}
	if !slices.Contains(ends, "FIN") || !slices.Contains(ends, "RST") {
		t.Errorf("all of one kind: %q", ends)
	}
	if again, _ := fates(t, &testserver.Proxy{Least: 1000, Most: 2000, Seed: 3}, 12); !slices.Equal(again, ends) {
		t.Errorf("%q, and with the same seed %q", ends, again)
	}
}

func TestProxyCountsBothDirections(t *testing.T) {
	x := &testserver.Proxy{Least: 1000, Most: 1000}
	behind(t, x, echo)
	c := through(t, x)
	back := make([]byte, 400)
	if _, err := c.Write(back); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, back); err != nil {
		t.Fatal(err)
	}
	c.Write(back) // 200 of them pass
	if n, err := io.ReadFull(c, back); err == nil {
		t.Errorf("%d more bytes came back", n)
	}
	if cuts, frozen := x.Cuts(); cuts != 1 || frozen != 0 {
		t.Errorf("%d cuts, %d frozen", cuts, frozen)
	}
}

func TestProxyFreezesBeforeTheCut(t *testing.T) {
	const pause = 50 * time.Millisecond
	x := &testserver.Proxy{Least: 10, Most: 10, Freezes: 1, Freeze: pause}
	behind(t, x, echo)
	c := through(t, x)
	start := time.Now()
	c.Write(make([]byte, 20))
	if n, err := io.Copy(io.Discard, c); n != 0 {
		t.Errorf("%d bytes came, then %v", n, err)
	}
	if d := time.Since(start); d < pause {
		t.Errorf("cut after %v", d)
	}
	if _, frozen := x.Cuts(); frozen != 1 {
		t.Errorf("%d frozen", frozen)
	}
}

func TestProxyCloseEndsEverything(t *testing.T) {
	x := &testserver.Proxy{Least: 10, Most: 10, Freezes: 1, Freeze: time.Hour}
	passed := make(chan struct{})
	behind(t, x, func(c net.Conn) {
		if n, _ := io.ReadFull(c, make([]byte, 10)); n > 0 {
			close(passed)
		}
		io.Copy(io.Discard, c)
	})
	frozen, idle := through(t, x), through(t, x)
	frozen.Write(make([]byte, 20))
	<-passed
	if err := x.Close(); err != nil {
		t.Error(err)
	}
	for name, c := range map[string]net.Conn{"frozen": frozen, "idle": idle} {
		if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the %s connection is still open: %v", name, err)
		}
	}
	if _, err := net.Dial("tcp", x.Addr()); err == nil {
		t.Error("it still listens")
	}
}

func TestProxyWithoutAServerEndsTheConnection(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	x := &testserver.Proxy{}
	if err := x.Start(ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	if n, err := through(t, x).Read(make([]byte, 1)); err == nil {
		t.Errorf("%d bytes came", n)
	}
}
