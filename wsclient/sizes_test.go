package wsclient_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

// TestMessagesOfEverySizeArriveWhole: around each length at which a message is stored,
// joined with others, or written in another way, on each kind of socket.
func TestMessagesOfEverySizeArriveWhole(t *testing.T) {
	var sizes []int
	for _, n := range []int{0, 125, 126, 2 << 10, 4 << 10, 16 << 10, 32 << 10, 1<<16 - 1, 1 << 16, 128 << 10, 512 << 10} {
		for d := -10; d <= 10; d++ {
			if n+d >= 0 {
				sizes = append(sizes, n+d)
			}
		}
	}
	for name, secure := range map[string]bool{"TCP": false, "TLS": true} {
		for _, delivery := range []wsclient.Delivery{wsclient.AtMostOnce, wsclient.AtLeastOnce} {
			t.Run(fmt.Sprint(name, " ", delivery), func(t *testing.T) {
				t.Parallel()
				rec := &testserver.Recorder{}
				srv := server(rec.Serve)
				ctx, o := tcp(t, srv, secure)
				o.Queue.MaxBytes, o.Queue.Delivery = 4<<20, delivery
				c := dialTCP(t, ctx, srv, o)
				seed := rand.Uint64()
				r := rand.New(rand.NewPCG(seed, 0))
				sizes := slices.Clone(sizes)
				var want [][]byte
				for range 3 {
					r.Shuffle(len(sizes), func(i, j int) { sizes[i], sizes[j] = sizes[j], sizes[i] })
					for _, n := range sizes {
						p := bytes.Repeat([]byte{byte(n)}, n)
						if n > 2 {
							copy(p, fmt.Sprint(len(want)))
						}
						m := wsclient.Binary(p)
						if r.IntN(2) == 0 && n < 128 {
							m = wsclient.Text(string(bytes.ToValidUTF8(p, nil)))
						}
						want = append(want, m.Data)
						if err := c.Send(ctx, m); err != nil {
							t.Fatal(err)
						}
					}
					if err := c.Flush(ctx); err != nil {
						t.Fatal(err)
					}
				}
				got := rec.Received()
				for i := range min(len(got), len(want)) {
					if got[i].Data != string(want[i]) {
						t.Fatalf("message %d has %d bytes, want %d, or others (seed %d)", i, len(got[i].Data), len(want[i]), seed)
					}
				}
				if len(got) != len(want) {
					t.Errorf("%d messages, want %d (seed %d)", len(got), len(want), seed)
				}
			})
		}
	}
}
