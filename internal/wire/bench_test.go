package wire_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/gobwas/ws"

	"github.com/steadyws/steadyws/internal/wire"
)

// BenchmarkNext is the cost of a message, in reads of 128 KiB.
func BenchmarkNext(b *testing.B) {
	for _, c := range []struct {
		name string
		op   ws.OpCode
		size int
	}{
		{"binary 16 B", ws.OpBinary, 16},
		{"binary 128 B", ws.OpBinary, 128},
		{"binary 16 KiB", ws.OpBinary, 16 << 10},
		{"text 16 B", ws.OpText, 16},
		{"text 128 B", ws.OpText, 128},
		{"text 1 KiB", ws.OpText, 1 << 10},
		{"text 16 KiB", ws.OpText, 16 << 10},
	} {
		b.Run(c.name, func(b *testing.B) {
			f := bytes.Repeat([]byte("a"), c.size)
			one := ws.MustCompileFrame(ws.NewFrame(c.op, true, f))
			stream := bytes.Repeat(one, (1<<20)/len(one)+1)
			r := wire.NewReader(16<<20, nil)
			defer r.Close()
			b.SetBytes(int64(c.size))
			b.ReportAllocs()
			at := 0
			for n := 0; n < b.N; {
				k := copy(r.Buffer(), stream[at:])
				if at += k; at == len(stream) {
					at = 0
				}
				r.Advance(k)
				for {
					op, _, err := r.Next()
					if err != nil {
						b.Fatal(err)
					}
					if op == 0 {
						break
					}
					n++
				}
			}
		})
	}
}

// BenchmarkAppendFrame is what a message costs before it leaves, key included.
func BenchmarkAppendFrame(b *testing.B) {
	for _, size := range []int{0, 16, 40, 128, 1 << 10, 16 << 10} {
		b.Run(fmt.Sprintf("%d B", size), func(b *testing.B) {
			p := bytes.Repeat([]byte("a"), size)
			buf := make([]byte, 0, 64<<10)
			var keys wire.Keys
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if len(buf)+size+wire.FrameOverhead > cap(buf) {
					buf = buf[:0]
				}
				buf = wire.AppendFrame(buf, wire.OpBinary, p, keys.Next())
			}
		})
	}
}
