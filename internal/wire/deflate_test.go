package wire_test

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/steadyws/steadyws/internal/wire"
)

// An inflater undoes what a Deflater made, with the standard library.
type inflater struct {
	context bool
	window  []byte
}

func (f *inflater) message(t testing.TB, z []byte) string {
	t.Helper()
	r := flate.NewReaderDict(io.MultiReader(bytes.NewReader(z), strings.NewReader("\x00\x00\xff\xff\x01\x00\x00\xff\xff")), f.window)
	p, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("%d bytes inflated: %v", len(p), err)
	}
	if f.context {
		f.window = append(f.window, p...)
	}
	return string(p)
}

func TestDeflaterMakesWhatInflates(t *testing.T) {
	messages := []string{prose(200), noise(700), prose(5000), prose(5000), strings.Repeat("x", 100_000), noise(70_000), prose(100), prose(1 << 20), prose(600)}
	for _, context := range []bool{false, true} {
		for _, bits := range []int{8, 9, 12, 15} {
			t.Run(fmt.Sprintf("context %v, a window of %d bits", context, bits), func(t *testing.T) {
				d := wire.NewDeflater(&wire.Deflate{ClientNoContext: !context, ClientBits: bits, ServerBits: 15})
				f := &inflater{context: context}
				for round := range 4 {
					for _, s := range messages {
						z, ok := d.Deflate([]byte(s))
						if !ok {
							if len(s) >= 512 && !strings.HasPrefix(s, noise(10)) {
								t.Errorf("%d bytes of text are not compressed", len(s))
							}
							continue
						}
						if got := f.message(t, z); got != s {
							t.Fatalf("%d bytes came back as %d", len(s), len(got))
						}
						if round%2 == 1 { // not every message is in a burst
							d.Rest()
						}
					}
				}
				d.Rest()
			})
		}
	}
}

func TestDeflaterLeavesAloneWhatDoesNotGetSmaller(t *testing.T) {
	for name, c := range map[string]struct {
		d    *wire.Deflate
		s    string
		want bool
	}{
		"511 bytes":               {noContexts, prose(511), false},
		"512 bytes":               {noContexts, prose(512), true},
		"127 bytes, context":      {contexts, prose(127), false},
		"128 bytes, context":      {contexts, prose(128), true},
		"incompressible":          {noContexts, noise(10_000), false},
		"incompressible, context": {contexts, noise(10_000), true}, // the peer has to remember it
		"nothing":                 {contexts, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			d := wire.NewDeflater(c.d)
			defer d.Rest()
			z, ok := d.Deflate([]byte(c.s))
			if ok != c.want || len(z) > len(c.s)+len(c.s)/1000+20 {
				t.Errorf("%v, %d bytes", ok, len(z))
			}
		})
	}
}

func TestDeflaterRefersToEarlierMessagesOnlyWithContext(t *testing.T) {
	size := func(d *wire.Deflate, rest bool) (n int) {
		c := wire.NewDeflater(d)
		defer c.Rest()
		for range 2 {
			z, _ := c.Deflate([]byte(noise(4000) + prose(100)))
			if n = len(z); rest {
				c.Rest()
			}
		}
		return n
	}
	for name, rest := range map[string]bool{"in a burst": false, "after a rest": true} {
		t.Run(name, func(t *testing.T) {
			if n := size(contexts, rest); n > 200 {
				t.Errorf("the second of two equal messages takes %d bytes with context", n)
			}
			if n := size(noContexts, rest); n < 4000 {
				t.Errorf("the second of two equal messages takes %d bytes without context", n)
			}
		})
	}
}

// What a peer with a small window can know, and nothing else, is referred to.
func TestDeflaterStaysWithinTheWindow(t *testing.T) {
	for _, bits := range []int{8, 9, 11, 14} {
		for _, rest := range []bool{false, true} {
			d := wire.NewDeflater(&wire.Deflate{ClientBits: bits, ServerBits: 15})
			f := &strictInflater{window: 1 << bits}
			s := noise(1 << bits)
			for _, s := range []string{s, s, s[:200] + s, prose(40_000), prose(40_000), s, s + s + s} {
				z, ok := d.Deflate([]byte(s))
				if !ok {
					t.Fatal("not compressed")
				}
				got, err := f.message(z)
				if err != nil || got != s {
					t.Fatalf("%d bits: %d bytes came back as %d, %v", bits, len(s), len(got), err)
				}
				if rest {
					d.Rest()
				}
			}
			d.Rest()
		}
	}
}

func TestDeflateAllocatesNothingInABurst(t *testing.T) {
	p := []byte(prose(1024))
	for name, d := range map[string]*wire.Deflate{"context": contexts, "no context": noContexts} {
		c := wire.NewDeflater(d)
		for range 20 {
			c.Deflate(p)
		}
		if n := testing.AllocsPerRun(200, func() { c.Deflate(p) }); n > 0 {
			t.Errorf("%s: %v allocations for a message", name, n)
		}
		c.Rest()
	}
}
