package testserver_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyws/steadyws/internal/testserver"
)

// connected returns both ends of a connection on network.
func connected(t *testing.T, network *testserver.Network) (client, server *testserver.Conn) {
	t.Helper()
	ln, err := network.Listen("server:1")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	c, err := network.DialContext(t.Context(), "tcp", "server:1")
	if err != nil {
		t.Fatal(err)
	}
	s, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return c.(*testserver.Conn), s.(*testserver.Conn)
}

// pairTest runs f in a bubble with a fresh connection.
func pairTest(t *testing.T, name string, f func(t *testing.T, client, server *testserver.Conn)) {
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			client, server := connected(t, testserver.NewNetwork())
			defer client.Close()
			defer server.Close()
			f(t, client, server)
		})
	})
}

func write(t *testing.T, c net.Conn, s string) {
	t.Helper()
	if n, err := c.Write([]byte(s)); n != len(s) || err != nil {
		t.Fatalf("Write = %d, %v", n, err)
	}
}

func wantRead(t *testing.T, c net.Conn, want string) {
	t.Helper()
	p := make([]byte, len(want))
	if _, err := io.ReadFull(c, p); err != nil || string(p) != want {
		t.Fatalf("read %q, %v; want %q", p, err, want)
	}
}

func wantReadError(t *testing.T, c net.Conn, want error) {
	t.Helper()
	if n, err := c.Read(make([]byte, 8)); n != 0 || !errors.Is(err, want) {
		t.Fatalf("Read = %d, %v; want %v", n, err, want)
	}
}

func wantWriteError(t *testing.T, c net.Conn, want error) {
	t.Helper()
	if _, err := c.Write([]byte("x")); !errors.Is(err, want) {
		t.Fatalf("Write: %v; want %v", err, want)
	}
}

func TestConn(t *testing.T) {
	pairTest(t, "a close is EOF after the data and EPIPE for the peer's writes", func(t *testing.T, client, server *testserver.Conn) {
		write(t, server, "last words")
		server.Close()
		wantWriteError(t, client, syscall.EPIPE)
		wantRead(t, client, "last words")
		wantReadError(t, client, io.EOF)
		wantReadError(t, server, net.ErrClosed)
		wantWriteError(t, server, net.ErrClosed)
		if err := server.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("second Close: %v", err)
		}
	})
	pairTest(t, "a half-close leaves the other direction open", func(t *testing.T, client, server *testserver.Conn) {
		write(t, client, "question")
		client.CloseWrite()
		wantWriteError(t, client, syscall.EPIPE)
		wantRead(t, server, "question")
		wantReadError(t, server, io.EOF)
		write(t, server, "answer")
		wantRead(t, client, "answer")
	})
	pairTest(t, "a reset loses unread data", func(t *testing.T, client, server *testserver.Conn) {
		write(t, server, "lost")
		server.Reset()
		wantReadError(t, client, syscall.ECONNRESET)
		wantWriteError(t, client, syscall.ECONNRESET)
		wantReadError(t, server, net.ErrClosed)
		var op *net.OpError
		if _, err := client.Read(make([]byte, 1)); !errors.As(err, &op) || op.Op != "read" {
			t.Errorf("%v is no *net.OpError of a read", err)
		}
	})
	pairTest(t, "a reset wakes a blocked read", func(t *testing.T, client, server *testserver.Conn) {
		time.AfterFunc(time.Second, server.Reset)
		wantReadError(t, client, syscall.ECONNRESET)
	})
	pairTest(t, "our own close wakes our blocked read", func(t *testing.T, client, _ *testserver.Conn) {
		time.AfterFunc(time.Second, func() { client.Close() })
		wantReadError(t, client, net.ErrClosed)
	})
	pairTest(t, "the peer's close wakes a blocked write", func(t *testing.T, client, server *testserver.Conn) {
		time.AfterFunc(time.Second, func() { server.Close() })
		if n, err := client.Write(make([]byte, 70<<10)); n != 64<<10 || !errors.Is(err, syscall.EPIPE) {
			t.Fatalf("Write = %d, %v", n, err)
		}
	})
}

func TestDeadlines(t *testing.T) {
	pairTest(t, "a read deadline is kept to the instant and can be renewed", func(t *testing.T, client, server *testserver.Conn) {
		start := time.Now()
		client.SetReadDeadline(start.Add(3 * time.Second))
		wantReadError(t, client, os.ErrDeadlineExceeded)
		if d := time.Since(start); d != 3*time.Second {
			t.Errorf("timed out after %v", d)
		}
		write(t, server, "data")
		wantReadError(t, client, os.ErrDeadlineExceeded) // comes before the data
		client.SetReadDeadline(time.Time{})
		wantRead(t, client, "data")
	})
	pairTest(t, "a past deadline wakes a blocked read", func(t *testing.T, client, _ *testserver.Conn) {
		time.AfterFunc(time.Second, func() { client.SetReadDeadline(time.Unix(1, 0)) })
		_, err := client.Read(make([]byte, 1))
		var timeout net.Error
		if !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Fatalf("Read: %v", err)
		}
	})
	pairTest(t, "a later deadline replaces an earlier one under a blocked read", func(t *testing.T, client, _ *testserver.Conn) {
		start := time.Now()
		client.SetReadDeadline(start.Add(2 * time.Second))
		time.AfterFunc(time.Second, func() { client.SetReadDeadline(start.Add(5 * time.Second)) })
		wantReadError(t, client, os.ErrDeadlineExceeded)
		if d := time.Since(start); d != 5*time.Second {
			t.Errorf("timed out after %v", d)
		}
	})
	pairTest(t, "a write deadline says how much was written", func(t *testing.T, client, server *testserver.Conn) {
		client.SetDeadline(time.Now().Add(time.Second))
		if n, err := client.Write(make([]byte, 100<<10)); n != 64<<10 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("Write = %d, %v", n, err)
		}
		client.SetDeadline(time.Time{})
		wantRead(t, server, string(make([]byte, 64<<10)))
		write(t, client, "more")
		wantRead(t, server, "more")
	})
}

func TestBufferFillsAndBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := testserver.NewNetwork()
		network.Buffer = 10
		client, server := connected(t, network)
		defer client.Close()
		defer server.Close()

		finished := 0
		for _, b := range []byte("AB") {
			go func() {
				client.Write(bytes.Repeat([]byte{b}, 15))
				finished++
			}()
			synctest.Wait() // the first write is in the middle, the second behind it
		}
		wantRead(t, server, "AAAAA")
		synctest.Wait()
		if finished != 1 {
			t.Fatalf("%d writes finished; want the first", finished)
		}
		wantRead(t, server, "AAAAAAAAAABBBBBBBBBBBBBBB")
		synctest.Wait()
		if finished != 2 {
			t.Fatalf("%d writes finished", finished)
		}
	})
}

func TestLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := testserver.NewNetwork()
		network.Latency = 50 * time.Millisecond
		start := time.Now()
		client, server := connected(t, network)
		elapsed := func(want time.Duration) {
			t.Helper()
			if d := time.Since(start); d != want {
				t.Errorf("after %v, want %v", d, want)
			}
		}
		elapsed(100 * time.Millisecond) // SYN and SYN ACK
		write(t, client, "ping")
		client.Close()
		wantRead(t, server, "ping")
		wantReadError(t, server, io.EOF)
		elapsed(150 * time.Millisecond)
		server.Close()
	})
}

func TestListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := testserver.NewNetwork()
		_, err := network.DialContext(t.Context(), "tcp", "server:1")
		var op *net.OpError
		if !errors.As(err, &op) || !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("dial without a listener: %v", err)
		}
		ln, err := network.Listen("server:1")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := network.Listen("server:1"); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("second Listen: %v", err)
		}
		orphan, err := network.DialContext(t.Context(), "tcp", "server:1")
		if err != nil {
			t.Fatal(err)
		}
		ln.Close()
		wantReadError(t, orphan, syscall.ECONNRESET)
		orphan.Close()
		if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept after Close: %v", err)
		}
		if _, err := network.DialContext(t.Context(), "tcp", "server:1"); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("dial after Close: %v", err)
		}
	})
}
