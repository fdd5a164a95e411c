//go:build !race

package wire_test

import (
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"github.com/steadyws/steadyws/internal/wire"
)

// Not under the race detector, where a sync.Pool throws things away.
func TestReaderAllocatesNothingWhenItRestsAfterEachRead(t *testing.T) {
	for name, data := range map[string][]byte{
		"small messages": join(text("a"), binary("b")), "large ones": join(binary(strings.Repeat("x", 70_000))),
	} {
		r := wire.NewReader(anyLimit, nil)
		n := testing.AllocsPerRun(50, func() {
			from := 0
			for _, to := range []int{1, len(data) / 2, len(data)} { // within a header, within a message
				r.Advance(copy(r.Buffer(), data[from:to]))
				from = to
				for op, _, _ := r.Next(); op != 0; op, _, _ = r.Next() {
				}
				r.Rest()
			}
		})
		if n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
		r.Close()
	}
}

// TestReaderReadsLargeMessagesIntoTheSameBuffer: what has been allocated for one is used
// for the next, but not before so much has come that it is no waste to sleep on it.
func TestReaderReadsLargeMessagesIntoTheSameBuffer(t *testing.T) {
	const size = 1 << 20
	r := wire.NewReader(size, nil)
	defer r.Close()
	whole := join(frame{op: ws.OpBinary, p: strings.Repeat("x", size)})
	read := func(until int) (moved int) {
		for came := 0; came < until; {
			b := r.Buffer()
			n := copy(b, whole[came:min(until, came+len(b))])
			if !r.Collecting() {
				moved += n
			}
			r.Advance(n)
			came += n
			r.Next()
		}
		return moved
	}
	read(len(whole))
	if n := testing.AllocsPerRun(20, func() { read(len(whole)) }); n > 0 {
		t.Errorf("%v allocations per message", n)
	}
	if n := read(len(whole)); n > wire.ReadSize {
		t.Errorf("%d bytes were not read straight into the message", n)
	}
	read(wire.Straight - 1000)
	r.Rest()
	held(t, "resting", r, 512, 4*wire.Straight)
}
