//go:build linux && !steadyws_portable

package wsclient_test

import (
	"fmt"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

// An ear is a listener that knows how many bytes its last connection has in its
// kernel that the peer has not read.
type ear struct {
	net.Listener
	mu   sync.Mutex
	last syscall.Conn
}

func (l *ear) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err == nil {
		l.mu.Lock()
		l.last = nc.(syscall.Conn)
		l.mu.Unlock()
	}
	return nc, err
}

func (l *ear) unread(t *testing.T) (n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	rc, err := l.last.SyscallConn()
	if err == nil {
		err = rc.Control(func(fd uintptr) {
			var k int
			if k, err = unix.IoctlGetInt(int(fd), unix.TIOCINQ); err == nil {
				n = int64(k)
			}
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// settled waits until a number does not change any more.
func settled(f func() int64) (n int64) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for same := 0; same < 5; <-tick.C {
		if now := f(); now != n {
			n, same = now, 0
		} else {
			same++
		}
	}
	return n
}

// TestTheClientsViewAndTheKernelsAgree, about a peer that has stopped reading:
// what the client says that it has handed over is in the two kernels, to the byte
// on TCP; what TLS adds is a record's head and tail, and it may have up to a record
// in the kernel that is not yet handed over.
func TestTheClientsViewAndTheKernelsAgree(t *testing.T) {
	for _, test := range []struct {
		secure bool
		size   int // of the messages
		frame  int // what a frame adds
	}{
		{false, 100, 6}, {false, 16 << 10, 8}, {false, 1 << 20, 14},
		{true, 100, 6}, {true, 16 << 10, 8}, {true, 1 << 20, 14},
	} {
		t.Run(fmt.Sprintf("TLS %v, %d bytes", test.secure, test.size), func(t *testing.T) {
			const all = 24 << 20
			read := make(chan struct{})
			srv := server(func(p *testserver.Peer) {
				<-read
				testserver.Sink(p)
			})
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			ears := &ear{Listener: ln}
			ctx, o := tcpOn(t, srv, ears, test.secure)
			o.Heartbeat, o.WriteTimeout = heartbeat.Off, -1
			n := all / test.size
			o.Queue = wsclient.QueueOptions{MaxBytes: 2 * all, MaxMessages: 2 * n}
			c := dialTCP(t, ctx, srv, o)
			for range n {
				if err := c.Send(ctx, wsclient.Binary(make([]byte, test.size))); err != nil {
					t.Fatal(err)
				}
			}
			// Both kernels have what they take.
			inKernels := settled(func() int64 { return c.Stats().KernelBuffered + ears.unread(t) })
			s := c.Stats()
			total := int64(n * test.size)
			out := int64(s.BytesOut)
			if s.Unconfirmed != out || out != int64(s.MessagesOut)*int64(test.size) {
				t.Errorf("%d bytes out, %d unconfirmed: none was confirmed", out, s.Unconfirmed)
			}
			// Of the message that is half in the kernel, the client knows how much if
			// it is larger than a batch.
			if part := total - out - s.BufferedAmount; part < 0 || part >= int64(test.size) {
				t.Errorf("%d accepted, %d out, %d buffered", total, out, s.BufferedAmount)
			}
			handed := total - s.BufferedAmount + int64(s.MessagesOut)*int64(test.frame)
			slack := int64(test.size + test.frame) // the message that is half out
			if test.size > 64<<10 {
				slack = int64(test.frame)
			}
			if test.secure {
				slack += 20<<10 + handed/40
			}
			if over := inKernels - handed; over < 0 || over > slack {
				t.Errorf("the client has handed over %d bytes, with their frames; the kernels have %d", handed, inKernels)
			}
			if s.BufferedAmount == 0 || s.KernelBuffered == 0 {
				t.Errorf("nothing is held back: %+v", s)
			}
			close(read)
			if err := c.Flush(ctx); err != nil {
				t.Fatal(err)
			}
			if s := c.Stats(); s.BufferedAmount != 0 || s.Unconfirmed != 0 || int64(s.BytesOut) != total {
				t.Errorf("after Flush: %+v", s)
			}
			if left := settled(func() int64 { return c.Stats().KernelBuffered }); left != 0 {
				t.Errorf("after Flush the kernel holds %d bytes", left)
			}
		})
	}
}

// TestKernelBufferedIsUnknownWithoutASocket, and after its end.
func TestKernelBufferedIsUnknownWithoutASocket(t *testing.T) {
	bubble(t, server(testserver.Sink), func(w *world) {
		if n := w.dial(wsclient.Options{}).Stats().KernelBuffered; n != -1 {
			t.Errorf("KernelBuffered %d of a connection that has no kernel", n)
		}
	})
	srv := server(testserver.Sink)
	ctx, o := tcp(t, srv, false)
	c := dialTCP(t, ctx, srv, o)
	c.Close()
	<-c.Done()
	if n := c.Stats().KernelBuffered; n != -1 {
		t.Errorf("KernelBuffered %d after the end", n)
	}
}
