package wire_test

import (
	"bytes"
	std "compress/flate"
	"fmt"
	"io"
	"runtime"
	"testing"

	klauspost "github.com/klauspost/compress/flate"

	"github.com/steadyws/steadyws/internal/inflate"
	"github.com/steadyws/steadyws/internal/wire"
)

// The two libraries, by the same names.
type (
	writer interface {
		io.Writer
		Flush() error
		Reset(io.Writer)
	}
	library struct {
		name      string
		newWriter func(level int) writer
		newReader func(io.Reader) io.Reader
		reset     func(r io.Reader, src io.Reader, dict []byte)
	}
)

var libraries = []library{
	{"std", func(level int) writer { w, _ := std.NewWriter(io.Discard, level); return w },
		func(r io.Reader) io.Reader { return std.NewReader(r) },
		func(r, src io.Reader, dict []byte) { r.(std.Resetter).Reset(src, dict) }},
	{"klauspost", func(level int) writer { w, _ := klauspost.NewWriter(io.Discard, level); return w },
		func(r io.Reader) io.Reader { return klauspost.NewReader(r) },
		func(r, src io.Reader, dict []byte) { r.(klauspost.Resetter).Reset(src, dict) }},
}

var librarySizes = []int{128, 1 << 10, 16 << 10}

// BenchmarkLibraries is the choice of the deflate library: CPU for each message,
// the ratio, and what one reader or writer holds; and what internal/inflate makes of
// the same. docs/performance.md has its table.
func BenchmarkLibraries(b *testing.B) {
	benchmarkOurs(b)
	for _, l := range libraries {
		for _, n := range librarySizes {
			p := []byte(prose(n))
			z := []byte(newDeflater(6, false).message(string(p)) + "\x00\x00\xff\xff\x01\x00\x00\xff\xff")
			b.Run(fmt.Sprintf("inflate/%d/%s", n, l.name), func(b *testing.B) {
				src, out := bytes.NewReader(z), make([]byte, n+1)
				r := l.newReader(src)
				for b.Loop() {
					src.Reset(z)
					l.reset(r, src, nil)
					if k, _ := io.ReadFull(r, out); k != n {
						b.Fatal(k)
					}
				}
				b.ReportMetric(held1(func() any { r := l.newReader(bytes.NewReader(z)); io.ReadFull(r, out); return r }), "B/reader")
			})
			for _, level := range []int{1, 6} {
				b.Run(fmt.Sprintf("deflate/%d/level %d/%s", n, level, l.name), func(b *testing.B) {
					var out bytes.Buffer
					w := l.newWriter(level)
					for b.Loop() {
						out.Reset()
						w.Reset(&out)
						w.Write(p)
						w.Flush()
					}
					b.ReportMetric(float64(out.Len())/float64(n), "ratio")
					b.ReportMetric(held1(func() any { w := l.newWriter(level); w.Write(p); return w }), "B/writer")
				})
			}
		}
	}
}

func benchmarkOurs(b *testing.B) {
	for _, n := range librarySizes {
		z, out := []byte(newDeflater(6, false).message(prose(n))), make([]byte, 0, n+300)
		b.Run(fmt.Sprintf("inflate/%d/ours", n), func(b *testing.B) {
			d := inflate.New()
			for b.Loop() {
				d.Begin(z, nil)
				if p, s := d.Append(out); s != inflate.Done || len(p) != n {
					b.Fatal(s, len(p))
				}
			}
			b.ReportMetric(held1(func() any { return inflate.New() }), "B/reader")
		})
	}
}

// held1 is the heap that one of what f makes holds.
func held1(f func() any) float64 {
	const n = 8
	var before, after runtime.MemStats
	keep := make([]any, n)
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range keep {
		keep[i] = f()
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(keep)
	return float64(after.HeapAlloc-before.HeapAlloc) / n
}

// BenchmarkDeflater and BenchmarkInflate are what the client does with it: a
// message in a burst, and one after each rest.
func BenchmarkDeflater(b *testing.B) {
	for _, n := range librarySizes {
		for name, d := range map[string]*wire.Deflate{"context": contexts, "no context": noContexts} {
			for _, rest := range []bool{false, true} {
				b.Run(fmt.Sprintf("%d/%s/rest %v", n, name, rest), func(b *testing.B) {
					p, c := []byte(prose(n)), wire.NewDeflater(d)
					for b.Loop() {
						c.Deflate(p)
						if rest {
							c.Rest()
						}
					}
					c.Rest()
				})
			}
		}
	}
}

func BenchmarkInflate(b *testing.B) {
	for _, n := range librarySizes {
		for name, d := range map[string]*wire.Deflate{"context": contexts, "no context": noContexts} {
			b.Run(fmt.Sprintf("%d/%s", n, name), func(b *testing.B) {
				data := join(packed(1, newDeflater(6, false).message(prose(n))))
				r := newReader(anyLimit, nil, d)
				for b.Loop() {
					r.Advance(copy(r.Buffer(), data))
					if op, p, err := r.Next(); op != opText || len(p) != n {
						b.Fatal(op, len(p), err)
					}
				}
				r.Close()
			})
		}
	}
}
