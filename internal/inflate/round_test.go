package inflate_test

import (
	"bytes"
	"compress/flate"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/steadyws/steadyws/internal/inflate"
)

// A deflater compresses messages as a server does (RFC 7692 7.2.1).
type deflater struct {
	b bytes.Buffer
	w *flate.Writer
}

func newDeflater(level int) *deflater {
	d := &deflater{}
	d.w, _ = flate.NewWriter(&d.b, level)
	return d
}

func (d *deflater) message(p []byte) []byte {
	d.b.Reset()
	d.w.Write(p)
	d.w.Flush()
	return bytes.Clone(bytes.TrimSuffix(d.b.Bytes(), []byte("\x00\x00\xff\xff")))
}

// document is JSON-like text of n bytes.
func document(rnd *rand.Rand, n int) []byte {
	var b strings.Builder
	variety := 1 + rnd.IntN(1000)
	for b.Len() < n {
		switch rnd.IntN(4) {
		case 0:
			fmt.Fprintf(&b, `{"symbol":"%c%c-USD","price":%d.%02d},`, 'A'+rnd.IntN(26), 'A'+rnd.IntN(26), rnd.IntN(variety), rnd.IntN(100))
		case 1:
			fmt.Fprintf(&b, `"%s":%d,`, strings.Repeat(string(rune('a'+rnd.IntN(26))), rnd.IntN(20)), rnd.IntN(variety))
		case 2:
			fmt.Fprintf(&b, "\u00e4%c\u4e00 ", rune(rnd.IntN(variety)))
		default:
			fmt.Fprintf(&b, `"t":%d,`, rnd.Uint64())
		}
	}
	return []byte(b.String()[:n])
}

// inflated inflates src with room that doubles.
func inflated(d *inflate.Decoder, src, history []byte, room int) ([]byte, inflate.State) {
	d.Begin(src, history)
	out := make([]byte, 0, room)
	for {
		p, s := d.Append(out)
		if s != inflate.Full {
			return p, s
		}
		out = append(make([]byte, 0, 2*cap(out)+300), p...)
	}
}

func TestWhatEncodersMakeComesBack(t *testing.T) {
	d := inflate.New()
	for level := flate.HuffmanOnly; level <= 9; level++ {
		t.Run(fmt.Sprintf("level %d", level), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(1, uint64(level+2)))
			c := newDeflater(level)
			var history []byte
			for range 100 {
				if rnd.IntN(4) == 0 { // without context
					c, history = newDeflater(level), nil
				}
				want := document(rnd, rnd.IntN(1<<rnd.IntN(17)))
				z := c.message(want)
				got, s := inflated(d, z, history, rnd.IntN(70_000))
				if s != inflate.Done || !bytes.Equal(got, want) {
					t.Fatalf("%d bytes, compressed %d: state %d, %d bytes", len(want), len(z), s, len(got))
				}
				history = append(history, want...)
				history = history[max(0, len(history)-32<<10):]
			}
		})
	}
}
