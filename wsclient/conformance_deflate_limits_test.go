package wsclient_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

// MaxMessage counts inflated octets, all of them, however they come.

// random is n octets that nothing compresses.
func random(n int) []byte {
	p := make([]byte, n)
	r := rand.New(rand.NewPCG(1, uint64(n)))
	for i := range p {
		p[i] = byte(r.Uint32())
	}
	return p
}

// within is a case of a message of exactly as much as there may be, tooLarge one of
// an octet more.
func within(name string, limit int, z []byte, p []byte) wireCase {
	c := clean("", name, each(packed(ws.OpBinary, z)), testserver.BinaryFrame(p))
	c.limit = int64(limit)
	return c
}

func tooLarge(name string, limit int, z []byte) wireCase {
	return wireCase{name: name, steps: each(packed(ws.OpBinary, z)), limit: int64(limit), code: ws.StatusMessageTooBig, errIs: wsclient.ErrTooLarge}
}

func deflateLimitCases() (cases []wireCase) {
	for _, limit := range []int{1, 2, 100, 511, 512, 4096, 65535, 100_000, sized(400_000)} {
		for _, kind := range []content{{name: "octets alike", all: make([]byte, limit+1)}, {name: "JSON", all: bytes.Repeat(jsonText(), 2)}, {name: "random octets", all: random(limit + 1)}} {
			d := &testserver.Deflater{Level: 6}
			name, p := fmt.Sprintf("%d %s", limit, kind.name), kind.all[:limit+1]
			cases = append(cases, within(name, limit, d.Deflate(p[:limit]), p[:limit]), tooLarge(name+" and one more", limit, d.Deflate(p)))
		}
	}
	// How often a sender flushes is its affair.
	p, often, more := random(1000), new(blocks), new(blocks)
	for i := range p {
		often.stored(0, string(p[i:i+1])).flush()
		more.stored(0, string(p[i:i+1])).flush()
	}
	cases = append(cases, within("1000 octets, each of them flushed", 1000, often.message(), p),
		tooLarge("1001 octets, each of them flushed", 1000, more.stored(0, "x").flush().message()))
	fine := within("as much as there is", 0, new(testserver.Deflater).Deflate(p), p)
	fine.limit = math.MaxInt64
	// A few KiB that inflate to a thousand times of it.
	small, big := bomb(10<<20), bomb(sized(100<<20))
	return deflated(compression{}, append(cases, fine,
		tooLarge("bomb of 10 KiB", 1<<20, small), tooLarge("bomb of 10 KiB, small limit", 100, small),
		tooLarge("bomb of 100 KiB", 1<<20, big), tooLarge("bomb of 100 KiB, small limit", 100, big))...)
}

// bomb is n octets that are alike, compressed.
func bomb(n int) []byte {
	d := &testserver.Deflater{Level: 9}
	return d.Deflate(make([]byte, n))
}

func TestConformanceUnseenDeflateLimits(t *testing.T) {
	for _, c := range thinned(deflateLimitCases()) {
		t.Run(c.name, func(t *testing.T) {
			for _, way := range c.ways() {
				t.Run(way, func(t *testing.T) { c.check(t, way) })
			}
		})
	}
}

// What a bomb inflates to is made no further than MaxMessage, and what is made
// before is not kept.
func TestConformanceUnseenBombMemory(t *testing.T) {
	const limit = 1 << 20
	for name, z := range map[string][]byte{"10 KiB": bomb(10 << 20), "100 KiB": bomb(sized(100 << 20))} {
		for _, chops := range []int{len(z), chop} {
			t.Run(fmt.Sprintf("%s in chops of %d", name, chops), func(t *testing.T) {
				all := testserver.Encode(packed(ws.OpBinary, z))
				srv := server(func(p *testserver.Peer) {
					for part := range slices.Chunk(all, chops) {
						<-time.After(tick)
						if p.WriteRaw(part) != nil {
							break
						}
					}
					testserver.Sink(p)
				})
				srv.OnUpgrade = accepting
				bubble(t, srv, func(w *world) {
					o := patient()
					o.Compression, o.MaxMessage = wsclient.CompressionContext, limit
					var before, after runtime.MemStats
					runtime.ReadMemStats(&before)
					c := w.open(o)
					<-c.Done()
					runtime.ReadMemStats(&after)
					// The buffer doubles: all that it was is less than twice what it is, and
					// under race buffers are not always used again.
					if n := after.TotalAlloc - before.TotalAlloc; n > 4*limit && !raceEnabled {
						t.Errorf("%d bytes were allocated for a message of at most %d", n, limit)
					}
					if err := c.Err(); !errors.Is(err, wsclient.ErrTooLarge) {
						t.Errorf("Err: %v", err)
					}
				})
			})
		}
	}
}
