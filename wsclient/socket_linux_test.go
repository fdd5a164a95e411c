//go:build linux && !steadyws_portable

package wsclient_test

import (
	"errors"
	"testing"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

func TestBufferedAmountIsNotSwallowedByTheKernel(t *testing.T) {
	for _, secure := range []bool{false, true} {
		srv := server(testserver.Hold)
		ctx, o := tcp(t, srv, secure)
		const all = 32 << 20
		o.Queue = wsclient.QueueOptions{MaxBytes: all, MaxMessages: all >> 14}
		o.Heartbeat = heartbeat.Off
		c := dialTCP(t, ctx, srv, o)
		for range all >> 14 {
			if err := c.Send(ctx, wsclient.Binary(make([]byte, 1<<14))); err != nil {
				t.Fatal(err)
			}
		}
		// Until the kernel takes no more.
		tick := time.NewTicker(30 * time.Millisecond)
		defer tick.Stop()
		for last := int64(-1); c.BufferedAmount() != last; <-tick.C {
			last = c.BufferedAmount()
		}
		// What is neither ours nor in our kernel is in the peer's: a few MiB of
		// receive buffer that no sender knows of.
		s := c.Stats()
		if s.KernelBuffered < 0 || s.KernelBuffered > 1<<20 {
			t.Errorf("TLS %v: our kernel holds %d bytes", secure, s.KernelBuffered)
		}
		if elsewhere := all - s.BufferedAmount - s.KernelBuffered; elsewhere > 8<<20 {
			t.Errorf("TLS %v: %d bytes buffered, %d in our kernel: %d have vanished", secure, s.BufferedAmount, s.KernelBuffered, elsewhere)
		}
		c.Close()
	}
}

// TestNoRSTDestroysWhatWeSaid: the peer reads late, so that some of what we have
// handed over, and our Close, are still in our kernel; and it has sent what we
// have not read. A plain close would throw both away and say so with an RST.
func TestNoRSTDestroysWhatWeSaid(t *testing.T) {
	for _, secure := range []bool{false, true} {
		type item struct {
			messages int
			err      error
		}
		said, release := make(chan item, 1), make(chan struct{})
		srv := server(func(p *testserver.Peer) {
			for range 20 {
				p.WriteBinary(make([]byte, 8<<10))
			}
			<-release
			var got item
			for got.err == nil {
				if _, _, got.err = p.ReadMessage(); got.err == nil {
					got.messages++
				}
			}
			said <- got
		})
		ctx, o := tcp(t, srv, secure)
		o.Inbox.MaxMessages = 1
		o.Heartbeat = heartbeat.Off
		o.Queue.MaxBytes = 64 << 20
		c := dialTCP(t, ctx, srv, o)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for held := 0; held < 5; <-tick.C { // until the peer's window is closed
			if c.Stats().KernelBuffered > 32<<10 {
				held++ // an ACK may only be late
				continue
			}
			held = 0
			for range 48 {
				if err := c.Send(ctx, wsclient.Binary(make([]byte, 1<<10))); err != nil {
					t.Fatal(err)
				}
			}
		}
		c.Close()
		for range 10 { // late, but within the second that Close gives it
			<-tick.C
		}
		close(release)
		got := <-said
		closed, ok := errors.AsType[*testserver.CloseError](got.err)
		if out := c.Stats().MessagesOut; !ok || closed.Code != 1000 || uint64(got.messages) != out {
			t.Errorf("TLS %v: the peer got %d of %d messages and then %v", secure, got.messages, out, got.err)
		}
	}
}
