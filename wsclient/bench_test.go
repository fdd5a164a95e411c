package wsclient_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

// The hot paths over real TCP, with the server in the same process: the figure
// to watch is allocs/op. Ratios to other libraries are what ../bench is for.

var benchSizes = []int{16, 128, 1 << 10, 16 << 10}

func benchSize(b *testing.B, f func(b *testing.B, size int)) {
	for _, size := range benchSizes {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(size))
			f(b, size)
		})
	}
}

func BenchmarkSend(b *testing.B) {
	benchSize(b, func(b *testing.B, size int) {
		srv := server(drain)
		ctx, o := tcp(b, srv, false)
		c := dialTCP(b, ctx, srv, quiet(o))
		m := wsclient.Binary(make([]byte, size))
		for b.Loop() {
			if err := c.Send(context.Background(), m); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// burst is how many messages the server of a receiving benchmark sends at a time.
const burst = 1000

func BenchmarkOnMessage(b *testing.B) {
	benchSize(b, func(b *testing.B, size int) {
		srv := server(fire(burst, size))
		ctx, o := tcp(b, srv, false)
		var got atomic.Int64
		all := make(chan struct{}, 1)
		o.OnMessage = func(wsclient.Message) {
			if got.Add(1)%burst == 0 {
				all <- struct{}{}
			}
		}
		c := dialTCP(b, ctx, srv, quiet(o))
		for n := 0; b.Loop(); n++ {
			if n%burst == 0 {
				if n > 0 {
					<-all
				}
				c.Send(ctx, wsclient.Text("go"))
			}
		}
	})
}

func BenchmarkReceive(b *testing.B) {
	benchSize(b, func(b *testing.B, size int) {
		srv := server(fire(burst, size))
		ctx, o := tcp(b, srv, false)
		c := dialTCP(b, ctx, srv, quiet(o))
		for n := 0; b.Loop(); n++ {
			if n%burst == 0 {
				c.Send(context.Background(), wsclient.Text("go"))
			}
			if _, err := c.Receive(context.Background()); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkEcho(b *testing.B) {
	benchSize(b, func(b *testing.B, size int) {
		srv := server(testserver.Echo)
		ctx, o := tcp(b, srv, false)
		c := dialTCP(b, ctx, srv, quiet(o))
		m := wsclient.Binary(make([]byte, size))
		for b.Loop() {
			if err := c.Send(context.Background(), m); err != nil {
				b.Fatal(err)
			}
			if _, err := c.Receive(context.Background()); err != nil {
				b.Fatal(err)
			}
		}
	})
}
