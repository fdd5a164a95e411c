package inflate_test

import (
	"math/bits"
	"math/rand/v2"
)

// A stream is made bit by bit.
type stream struct {
	b []byte
	n int // bits
}

// bits adds the n lowest bits of v, the lowest first (RFC 1951 3.1.1).
func (s *stream) bits(v, n int) *stream {
	for range n {
		if s.n%8 == 0 {
			s.b = append(s.b, 0)
		}
		s.b[s.n/8] |= byte(v&1) << (s.n % 8)
		v >>= 1
		s.n++
	}
	return s
}

// code adds a code of n bits, the highest first.
func (s *stream) code(v, n int) *stream {
	return s.bits(int(bits.Reverse32(uint32(v))>>(32-n)), n)
}

// empty adds a stored block up to where its length would be: the end of a message.
func (s *stream) empty() []byte {
	s.bits(0, 3)
	return s.b
}

// stored adds a stored block.
func (s *stream) stored(p string) *stream {
	s.bits(0, 3)
	s.n = len(s.b) * 8
	s.bits(len(p), 16).bits(^len(p), 16)
	s.b = append(s.b, p...)
	s.n = len(s.b) * 8
	return s
}

// fixed begins a block with the fixed codes.
func (s *stream) fixed() *stream { return s.bits(0, 1).bits(1, 2) }

// symbols adds literals and lengths by the fixed code (RFC 1951 3.2.6).
func (s *stream) symbols(list ...int) *stream {
	for _, v := range list {
		switch {
		case v < 144:
			s.code(0x30+v, 8)
		case v < 256:
			s.code(0x190+v-144, 9)
		case v < 280:
			s.code(v-256, 7)
		default:
			s.code(0xc0+v-280, 8)
		}
	}
	return s
}

// text adds literals by the fixed code.
func (s *stream) text(p string) *stream {
	for _, b := range []byte(p) {
		s.symbols(int(b))
	}
	return s
}

// match adds a length and a distance by the fixed codes, with their extra bits.
func (s *stream) match(length, more, moreBits, distance, back, backBits int) *stream {
	return s.symbols(length).bits(more, moreBits).code(distance, 5).bits(back, backBits)
}

// A lengths has the lengths of codes by symbol.
type lengths map[int]int

// random is a complete code of n symbols, deep if that is wanted, up to 15 bits.
func random(rnd *rand.Rand, symbols []int, deep bool) lengths {
	leaves := []int{0}
	for len(leaves) < len(symbols) {
		at := rnd.IntN(len(leaves))
		if deep && rnd.IntN(4) > 0 {
			at = len(leaves) - 1
		}
		if n := leaves[at] + 1; n <= 15 {
			leaves[at] = n
			leaves = append(leaves, n)
		}
	}
	l := lengths{}
	for i, v := range symbols {
		l[v] = leaves[i]
	}
	return l
}

// codes are those of RFC 1951 3.2.2.
func (l lengths) codes() map[int]int {
	m, code := map[int]int{}, 0
	for n := 1; n <= 15; n++ {
		for v := range 288 {
			if l[v] == n {
				m[v] = code
				code++
			}
		}
		code <<= 1
	}
	return m
}

// dynamic begins a block with codes of these lengths, all of which are told in 4 bits.
func (s *stream) dynamic(literals, distances lengths) *stream {
	return s.declared(257, 1, literals, distances)
}

// declared is dynamic for so many codes at least.
func (s *stream) declared(lits, dists int, literals, distances lengths) *stream {
	for v := range literals {
		lits = max(lits, v+1)
	}
	for v := range distances {
		dists = max(dists, v+1)
	}
	s.bits(0, 1).bits(2, 2).bits(lits-257, 5).bits(dists-1, 5).bits(15, 4)
	for i := range 19 {
		if i < 3 { // 16, 17, 18
			s.bits(0, 3)
		} else {
			s.bits(4, 3)
		}
	}
	for i := range lits {
		s.code(literals[i], 4)
	}
	for i := range dists {
		s.code(distances[i], 4)
	}
	return s
}
