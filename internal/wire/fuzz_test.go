package wire_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"github.com/steadyws/steadyws/internal/wire"
)

// FuzzReader: however the same bytes arrive, and whenever the Reader rests, the
// events are the same; and it holds no more memory than what came is worth.
func FuzzReader(f *testing.F) {
	for _, data := range [][]byte{
		join(text("hello"), binary("\x00\xff"), ping("p"), frame{op: ws.OpPong}, closing(1000, "bye"), "behind"),
		join(begin(ws.OpText, "\xce"), ping("p"), more("\xba"), more(""), last("x"), begin(ws.OpBinary, "1"), last("2")),
		join(text(strings.Repeat("x", 126)), binary(strings.Repeat("y", 300)), text("\u00e4\u1f79\U00010000")),
		join(text("a"), text("\xed\xa0\x80")), join(begin(ws.OpText, "\xf4"), last("\x90")),
		join(frame{op: ws.OpBinary, declared: 1 << 40, p: "x"}), join(frame{op: ws.OpText, declared: 200_000, p: "\u00e4\xff"}),
		[]byte("\x82\x7e\x00\x7d"), []byte("\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00"), []byte("\x81\x81abcd\x00"), []byte("\xc1\x00"), []byte("\x89\x7e"),
		join(begin(ws.OpText, "a"), text("b")), join(last("x")), join(begin(ws.OpPing, "")), join(begin(ws.OpText, "a"), closing(4000, "")),
	} {
		f.Add(data, uint64(len(data)), uint16(0), int64(1<<20))
		f.Add(data, uint64(7), uint16(9000), int64(125))
		f.Add(data, uint64(1), uint16(40_000), int64(1)<<62)
	}
	f.Fuzz(func(t *testing.T, data []byte, seed uint64, pad uint16, limit int64) {
		// Room between the frames that the fuzzer finds, so that they lie
		// across the ends of reads too.
		long := strings.Repeat("p", 2*int(pad))
		stream := slices.Concat(join(binary(long), begin(ws.OpText, long), last(long)), data)
		if limit < int64(2*len(long)) {
			stream = data
		}
		whole := wire.NewReader(limit, nil)
		want := feed(t, whole, stream)
		whole.Close()
		got := chopped(t, rand.New(rand.NewPCG(seed, 1)), limit, stream)
		if !slices.Equal(got, want) {
			t.Fatalf("chopped: %v\nwhole: %v", got, want)
		}
		for _, e := range want {
			if n := len(e.data); int64(n) > max(limit, 125) {
				t.Fatalf("a message of %d bytes; the limit is %d", n, limit)
			}
		}
	})
}

// chopped reads data in random pieces, resting at random, also with messages
// that Next has not returned yet.
func chopped(t *testing.T, rnd *rand.Rand, limit int64, data []byte) (events []event) {
	early := 0
	if rnd.IntN(2) == 0 {
		early = rnd.IntN(len(data) + 1)
	}
	r := wire.NewReader(limit, data[:early])
	defer r.Close()
	largest := max(len(data)/200, []int{1, 3, 20, 500, 5000, 200_000}[rnd.IntN(6)])
	for at := early; ; {
		for {
			e, more := oneEvent(t, r)
			if !more {
				break
			}
			if events = append(events, e); e.code != 0 {
				return events
			}
			if rnd.IntN(8) == 0 {
				r.Take()
			}
			if rnd.IntN(8) == 0 {
				r.Rest()
			}
		}
		if in, msg := r.Held(); in > wire.ReadSize && in > 2*early || msg > max(512, 4*at) {
			t.Fatalf("%d and %d bytes are held after %d", in, msg, at)
		}
		if at == len(data) {
			return events
		}
		for range rnd.IntN(3) {
			r.Rest()
		}
		b := r.Buffer()
		if len(b) == 0 || !r.Collecting() && len(b) < wire.LeastRoom {
			t.Fatalf("Buffer has %d bytes", len(b))
		}
		n := copy(b[:min(len(b), 1+rnd.IntN(largest))], data[at:])
		r.Advance(n)
		if at += n; rnd.IntN(4) == 0 {
			r.Rest()
		}
	}
}

func oneEvent(t *testing.T, r *wire.Reader) (event, bool) {
	op, p, err := r.Next()
	switch e, _ := err.(*wire.Error); {
	case err != nil && e == nil:
		t.Fatalf("an error of type %T", err)
	case e != nil:
		return fails(e.Code), true
	}
	return got(op, string(p)), op != 0
}
