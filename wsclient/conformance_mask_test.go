package wsclient_test

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/steadyws/steadyws/internal/testserver"
)

// Masking keys are fresh and unpredictable (RFC 6455 5.3, 10.3). The public suite
// does not notice a key that is always 0. Chance fails none of these checks more
// often than once in a million runs.

// maskKeys are those of n frames of a client, as they were on the wire.
func maskKeys(t *testing.T, n int, payload string) (keys []uint32) {
	srv := server(func(p *testserver.Peer) {
		for {
			f, err := p.Read()
			if err != nil {
				return
			}
			if !f.Op.IsControl() {
				keys = append(keys, binary.BigEndian.Uint32(f.Mask[:]))
			}
			if len(keys) == n {
				p.SendClose(1000, "")
			}
		}
	})
	bubble(t, srv, func(w *world) {
		c := w.dial(patient())
		for range n {
			w.send(c, payload)
		}
		<-c.Done()
		srv.Close() // waits for the handler
	})
	if v := srv.Violations(); len(v) > 0 {
		t.Errorf("violations: %q", v)
	}
	if len(keys) != n {
		t.Fatalf("%d keys, want %d", len(keys), n)
	}
	return keys
}

func TestConformanceUnseenMasks(t *testing.T) {
	const n = 1000
	for name, payload := range map[string]string{"equal messages": "the same each time", "empty messages": ""} {
		t.Run(name, func(t *testing.T) {
			keys := maskKeys(t, n, payload)
			if k := repeats(keys); k > 1 { // one pair in 8600 runs is chance
				t.Errorf("%d of %d keys came before", k, n)
			}
			for place := range 4 {
				var seen [256]bool
				different := 0
				for _, k := range keys {
					if b := byte(k >> (8 * place)); !seen[b] {
						seen[b] = true
						different++
					}
				}
				if different < 220 { // 251 are to be expected
					t.Errorf("octet %d of the keys has %d values", 3-place, different)
				}
			}
			for bit := range 32 {
				ones := 0
				for _, k := range keys {
					ones += int(k >> bit & 1)
				}
				if ones < 400 || ones > 600 {
					t.Errorf("bit %d is set in %d of %d keys", bit, ones, n)
				}
			}
		})
	}
}

// Sequences are found by what leads from one key to the next, at any distance.
func TestConformanceUnseenMasksFollowNoPattern(t *testing.T) {
	keys := maskKeys(t, 1000, "x")
	swap := func(k uint32) uint32 { return k<<24 | k<<8&0xff0000 | k>>8&0xff00 | k>>24 }
	for name, step := range map[string]func(a, b uint32) uint32{
		"difference":                  func(a, b uint32) uint32 { return b - a },
		"difference, low octet first": func(a, b uint32) uint32 { return swap(b) - swap(a) },
		"exclusive or":                func(a, b uint32) uint32 { return b ^ a },
	} {
		for distance := 1; distance <= 8; distance++ {
			var steps []uint32
			for i := range len(keys) - distance {
				steps = append(steps, step(keys[i], keys[i+distance]))
			}
			if k := repeats(steps); k > 2 {
				t.Errorf("%s at distance %d: %d of %d came before", name, distance, k, len(steps))
			}
		}
	}
	// A second client draws others.
	if k := repeats(append(keys, maskKeys(t, 1000, "x")...)); k > 2 {
		t.Errorf("%d of the keys of two clients are equal", k)
	}
}

// repeats counts the values that came before.
func repeats(values []uint32) int {
	values = slices.Clone(values)
	slices.Sort(values)
	return len(values) - len(slices.Compact(values))
}

// Each frame has a key of its own, whatever its kind.
func TestConformanceUnseenMasksOfControlFrames(t *testing.T) {
	var keys []uint32
	srv := server(func(p *testserver.Peer) {
		p.Write(ping("a"), ping(""), testserver.TextFrame("echo"), testserver.CloseFrame(1000, ""))
		for {
			f, err := p.Read()
			if err != nil {
				return
			}
			if !f.Masked {
				t.Errorf("a frame of opcode %d is not masked", f.Op)
			}
			keys = append(keys, binary.BigEndian.Uint32(f.Mask[:]))
		}
	})
	bubble(t, srv, func(w *world) {
		w.echo(patient())
		srv.Close()
		if len(keys) != 4 || repeats(keys) > 0 {
			t.Errorf("keys %x, want 4 different ones", keys)
		}
	})
}
