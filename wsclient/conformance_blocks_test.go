package wsclient_test

import (
	"bytes"
	"slices"
)

// blocks writes deflate by hand, bit by bit (RFC 1951 3.2): what no compressor
// makes, and references as far back as a test wants.
type blocks struct {
	p    []byte
	used int // bits of the last octet
}

// bits adds n bits of v, the lowest first.
func (b *blocks) bits(v, n int) *blocks {
	for i := range n {
		if b.used == 0 {
			b.p = append(b.p, 0)
		}
		b.p[len(b.p)-1] |= byte(v>>i&1) << b.used
		b.used = (b.used + 1) % 8
	}
	return b
}

// code adds n bits of a Huffman code, the highest first.
func (b *blocks) code(v, n int) *blocks {
	for i := n - 1; i >= 0; i-- {
		b.bits(v>>i, 1)
	}
	return b
}

// align goes to the next octet.
func (b *blocks) align() *blocks { b.used = 0; return b }

// fixed begins a block of fixed codes, final one of them that is the last.
func (b *blocks) fixed() *blocks { return b.bits(0b010, 3) }
func (b *blocks) final() *blocks { return b.bits(0b011, 3) }

// dynamic begins one with codes of its own.
func (b *blocks) dynamic() *blocks { return b.bits(0b100, 3) }

// symbol adds a literal or length code of a fixed block (RFC 1951 3.2.6).
func (b *blocks) symbol(v int) *blocks {
	switch {
	case v < 144:
		return b.code(0x30+v, 8)
	case v < 256:
		return b.code(0x190+v-144, 9)
	case v < 280:
		return b.code(v-256, 7)
	}
	return b.code(0xc0+v-280, 8)
}

func (b *blocks) text(s string) *blocks {
	for _, c := range []byte(s) {
		b.symbol(int(c))
	}
	return b
}

// copy refers to n octets at a distance.
func (b *blocks) copy(n, distance int) *blocks {
	find := func(first []int, v int) int {
		i, exact := slices.BinarySearch(first, v)
		if !exact {
			i--
		}
		return i
	}
	i := find(lengthFirst[:], n)
	b.symbol(257+i).bits(n-lengthFirst[i], lengthBits[i])
	i = find(distanceFirst[:], distance)
	return b.code(i, 5).bits(distance-distanceFirst[i], distanceBits[i])
}

// end ends a block of fixed codes.
func (b *blocks) end() *blocks { return b.symbol(endOfBlock) }

// stored is a block of p as it is; its first bit may be set.
func (b *blocks) stored(final int, p string) *blocks {
	b.bits(final, 3).align()
	b.p = append(b.p, byte(len(p)), byte(len(p)>>8), ^byte(len(p)), ^byte(len(p)>>8))
	b.p = append(b.p, p...)
	return b
}

// flush is the empty stored block with which a compressor ends a message.
func (b *blocks) flush() *blocks { return b.stored(0, "") }

// message is all of it without the octets that are not sent (RFC 7692 7.2.1).
func (b *blocks) message() []byte {
	return bytes.TrimSuffix(b.flush().p, []byte("\x00\x00\xff\xff"))
}

// lz is p in a block of fixed codes, which refers back as far as it can: within p,
// and into before, but not farther than a window of so many bits.
func (b *blocks) lz(before, p []byte, bits int) *blocks {
	b.fixed()
	all := slices.Concat(before, p)
	places := map[[3]byte]int{} // the first within reach
	var order []int
	note := func(i int) {
		if i+3 > len(all) {
			return
		}
		if _, known := places[[3]byte(all[i:])]; !known {
			places[[3]byte(all[i:])] = i
			order = append(order, i)
		}
	}
	for i := range before {
		note(i)
	}
	for i := len(before); i < len(all); {
		for len(order) > 0 && i-order[0] > 1<<bits { // out of reach
			delete(places, [3]byte(all[order[0]:]))
			order = order[1:]
		}
		n := 0
		if i+3 <= len(all) {
			if at, known := places[[3]byte(all[i:])]; known {
				for n < 258 && i+n < len(all) && all[at+n] == all[i+n] {
					n++
				}
				b.copy(n, i-at)
			}
		}
		if n == 0 {
			b.symbol(int(all[i]))
			n = 1
		}
		for range n {
			note(i)
			i++
		}
	}
	return b.end()
}
