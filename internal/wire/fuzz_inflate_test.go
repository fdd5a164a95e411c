package wire_test

import (
	"bytes"
	"compress/flate"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"github.com/steadyws/steadyws/internal/wire"
)

// FuzzInflate: whatever a compressed message says, and however it arrives, the
// events are the same, no message exceeds the limit, and what the standard library
// makes of the same bytes comes out.
func FuzzInflate(f *testing.F) {
	d := newDeflater(6, true)
	for _, z := range []string{
		"\x00", d.message("hello"), d.message("hello"), d.message(prose(3000)), newDeflater(flate.HuffmanOnly, false).message(prose(100)), final("hello"), final("hel") + d.message("lo"),
		newDeflater(0, false).message(noise(100)), "\xff", "", "\x00\x05\x00\xfa\xffhel", strings.Repeat("\x00\x00\x00\xff\xff", 20),
		newDeflater(6, false).message(strings.Repeat("\x00", 100_000)), newDeflater(1, false).message(noise(40_000)),
	} {
		f.Add([]byte(z), uint64(len(z)), uint32(1<<20), byte(15))
		f.Add([]byte(z), uint64(1), uint32(100), byte(8))
	}
	f.Fuzz(func(t *testing.T, z []byte, seed uint64, limit uint32, bits byte) {
		agreed := &wire.Deflate{ServerBits: 8 + int(bits)%8, ClientBits: 15}
		rnd := rand.New(rand.NewPCG(seed, 2))
		most := int64(limit%(4<<20)) + 10
		cut := rnd.IntN(len(z) + 1)
		history := prose(300)
		data := slices.Concat(join(packed(ws.OpBinary, newDeflater(6, true).message(history[:10]))),
			join(frame{op: ws.OpBinary, rsv: rsv1, more: true, p: string(z[:cut])}, ping("p"), last(string(z[cut:]))), join(binary("next")))
		whole := newReader(most, nil, agreed)
		want := feed(t, whole, data)
		whole.Close()
		if got := choppedReader(t, newReader(most, nil, agreed), rnd, data); !slices.Equal(got, want) {
			t.Fatalf("chopped: %v\nwhole: %v", got, want)
		}
		checkInflated(t, z, history[:10], most, want[min(2, len(want)-1):])
	})
}

// checkInflated compares what came of z with what the standard library makes of it.
func checkInflated(t *testing.T, z []byte, before string, limit int64, events []event) {
	src := bytes.NewReader(append(bytes.Clone(z), "\x00\x00\xff\xff\x01\x00\x00\xff\xff"...))
	p, err := io.ReadAll(io.LimitReader(flate.NewReaderDict(src, []byte(before)), limit+1))
	e := events[0]
	switch {
	case e.code == 0 && int64(len(e.data)) > limit:
		t.Fatalf("%d bytes; the limit is %d", len(e.data), limit)
	case err != nil && e.code != 1007 && e.code != 1009, err == nil && int64(len(p)) > limit && e.code != 1009 && e.code != 1007: // it may have looked farther
		t.Fatalf("%v; the reference has %d bytes, %v", e, len(p), err)
	case int64(len(p)) <= limit && err == nil && src.Len() == 0 && e.code != 1009 && e.data != string(p):
		t.Fatalf("%v; the reference has %d bytes", e, len(p))
	case e.code == 0 && err == nil && !strings.HasPrefix(e.data, string(p)): // a final block inside
		t.Fatalf("%v; the reference begins with %d other bytes", e, len(p))
	}
}

// choppedReader reads data in random pieces, resting at random.
func choppedReader(t *testing.T, r *wire.Reader, rnd *rand.Rand, data []byte) (events []event) {
	defer r.Close()
	largest := []int{1, 3, 20, 500, 5000, 200_000}[rnd.IntN(6)]
	largest = max(largest, len(data)/200)
	return inPieces(func() int { return 1 + rnd.IntN(largest) }, func() bool { return rnd.IntN(4) == 0 })(t, r, data)
}
