//go:build linux && !steadyws_portable

package wsclient_test

import (
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
		if s.KernelBuffered < 0 || s.KernelBuffered > 4<<20 {
			t.Errorf("TLS %v: our kernel holds %d bytes", secure, s.KernelBuffered)
		}
		if elsewhere := all - s.BufferedAmount - s.KernelBuffered; elsewhere > 8<<20 {
			t.Errorf("TLS %v: %d bytes buffered, %d in our kernel: %d have vanished", secure, s.BufferedAmount, s.KernelBuffered, elsewhere)
		}
		c.Close()
	}
}
