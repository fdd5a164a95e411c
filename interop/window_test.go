package interop

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/steadyws/steadyws/wsclient"
)

// near is a distance at which every compressor with such a window finds what
// comes again: zlib's look back by 262 bytes less than the window, Go's at its
// BestSpeed miss most of what is far.
func near(window int) int { return window * 2 / 5 }

// A measured client knows what its messages cost on the wire.
type measured struct {
	*client
	*tap
	agreement
}

// cost exchanges messages and returns the bytes that they took.
func (m *measured) cost(t *testing.T, messages ...wsclient.Message) (sent, received int) {
	t.Helper()
	m.drain()
	m.exchange(t, messages)
	s, r := m.drain()
	return s.bytes, r.bytes
}

// Whatever a server imposes, both sides do. zlib in node and python refuses a
// reference to what is neither in its window nor in the 16 KiB that it is just
// writing, and the sizes on the wire tell what was referred to.
func TestCompressesAsAgreed(t *testing.T) {
	everyServer(t, func(t *testing.T, _ *server, i *instance) {
		for a, addr := range i.agreed {
			for name, mode := range modes {
				if mode == wsclient.CompressionNoContext && a.ServerBits > 0 {
					continue // one of the agreements is as much
				}
				t.Run(fmt.Sprintf("%s, %s", name, a), func(t *testing.T) {
					line := &tap{}
					c := dialOnce(t, "ws://"+addr+"/", mode, line)
					m := &measured{c, line, c.agreed(t, mode)}
					m.isAs(t, a, mode)
					m.remembers(t)
					for _, bits := range m.widths() {
						m.keepsWithin(t, bits)
					}
				})
			}
		}
	})
}

// isAs compares what was agreed on with what the server imposes.
func (m *measured) isAs(t *testing.T, a agreement, mode wsclient.Compression) {
	t.Helper()
	if mode == wsclient.CompressionNoContext {
		a.ServerNoContext, a.ClientNoContext = true, true
	}
	for _, bits := range []*int{&a.ServerBits, &a.ClientBits} {
		if *bits == 0 {
			*bits = 15
		}
	}
	if m.agreement != a {
		t.Fatalf("%q is not %v", m.Extensions(), a)
	}
}

// widths are the windows of both sides, the smaller one first.
func (m *measured) widths() []int {
	return slices.Compact([]int{min(m.ServerBits, m.ClientBits), max(m.ServerBits, m.ClientBits)})
}

// remembers sends a message again: with a context it costs nothing, unless more
// than a window lies between.
func (m *measured) remembers(t *testing.T) {
	t.Helper()
	const size, little = 200, 100
	message := wsclient.Binary(noise(size))
	m.cost(t, message)
	sent, received := m.cost(t, message)
	if (sent < little) == m.ClientNoContext || (received < little) == m.ServerNoContext {
		t.Errorf("the same again costs %d and %d bytes", sent, received)
	}
	for _, bits := range m.widths() {
		m.cost(t, wsclient.Binary(noise(1<<bits+1)))
		sent, received = m.cost(t, message)
		if bits >= m.ClientBits && sent < size || bits >= m.ServerBits && received < size {
			t.Errorf("the same after %d bits of window costs %d and %d bytes", bits, sent, received)
		}
	}
}

// keepsWithin exchanges noise that repeats itself just within a window, at its
// end, and just outside, in one message and in many.
func (m *measured) keepsWithin(t *testing.T, bits int) {
	t.Helper()
	window := 1 << bits
	for _, period := range []int{near(window), window - 1, window, window + 1} {
		stream := bytes.Repeat(noise(period), 64<<10/period+1)
		sent, received := m.cost(t, wsclient.Binary(stream))
		for _, side := range []struct {
			name        string
			cost, width int
		}{{"sent", sent, 1 << m.ClientBits}, {"received", received, 1 << m.ServerBits}} {
			// The less different bytes, the smaller without any reference.
			shrinks := side.cost < len(stream)*3/4
			if period > side.width && shrinks || period <= near(side.width) && !shrinks {
				t.Errorf("%d bytes that repeat themselves after %d, %s with a window of %d, cost %d", len(stream), period, side.name, side.width, side.cost)
			}
		}
		var messages []wsclient.Message
		for rest := stream[:min(len(stream), 4*period)]; len(rest) > 0; {
			size := min(128+97*len(messages)%500+period/12, len(rest))
			messages = append(messages, wsclient.Binary(rest[:size]))
			rest = rest[size:]
		}
		m.exchange(t, messages)
	}
}
