package wsclient_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

// TestSendsAreCountedWhoeverLooks: with plain Sends and others in any order, and looks in
// between or not, as much is accepted as there is room for, and that leaves in order.
func TestSendsAreCountedWhoeverLooks(t *testing.T) {
	for range seeds(50) {
		seed := rand.Uint64()
		r := rand.New(rand.NewPCG(seed, 0))
		rec := &testserver.Recorder{}
		bubble(t, server(rec.Serve), func(w *world) {
			o := wsclient.QueueOptions{MaxMessages: 1 + r.IntN(60), MaxBytes: 200 + r.Int64N(3000), Overflow: wsclient.OverflowReject}
			c := w.open(w.later(time.Second, wsclient.Options{Queue: o}))
			var want []string
			var bytes int64
			for range 100 {
				s := strings.Repeat(string(rune('a'+r.IntN(26))), r.IntN(150))
				var err error
				if r.IntN(4) == 0 {
					err = c.SendWith(w.ctx, wsclient.Text(s), wsclient.SendOptions{})
				} else {
					err = c.Send(w.ctx, wsclient.Text(s))
				}
				fits := len(want) < o.MaxMessages && bytes+int64(len(s)) <= o.MaxBytes
				if fits != (err == nil) || !fits && !errors.Is(err, wsclient.ErrQueueFull) {
					t.Fatalf("%d bytes behind %d messages and %d bytes of %+v: %v (seed %d)", len(s), len(want), bytes, o, err, seed)
				}
				if fits {
					want, bytes = append(want, s), bytes+int64(len(s))
				}
				if n := bytes; r.IntN(10) == 0 && c.BufferedAmount() != n {
					t.Fatalf("%d bytes buffered, want %d (seed %d)", c.BufferedAmount(), n, seed)
				}
			}
			w.at(2 * time.Second)
			if got := texts(rec); !slices.Equal(got, want) {
				t.Errorf("%d messages came, want %d (seed %d)", len(got), len(want), seed)
			}
		})
	}
}
