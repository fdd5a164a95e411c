//go:build !race

package wire_test

import (
	"strings"
	"testing"

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
