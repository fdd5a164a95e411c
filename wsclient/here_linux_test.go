//go:build !steadyws_portable

package wsclient_test

import (
	"testing"

	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

// TestSendOnAQuietConnectionWritesAtOnce: the kernel has the message when Send returns.
func TestSendOnAQuietConnectionWritesAtOnce(t *testing.T) {
	srv := server(testserver.Sink)
	ctx, o := tcp(t, srv, false)
	for range 20 {
		c := dialTCP(t, ctx, srv, o)
		if err := c.Send(ctx, wsclient.Text("x")); err != nil {
			t.Fatal(err)
		}
		if n := c.BufferedAmount(); n != 0 {
			t.Fatalf("%d bytes are buffered", n)
		}
	}
}
