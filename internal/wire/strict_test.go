package wire_test

import "errors"

// A strictInflater inflates as RFC 1951 has it, bit by bit, and refuses to look
// back farther than its window: what the library that we compress with claims to
// keep to, and what no inflater of the standard library checks.
type strictInflater struct {
	window int
	out    []byte // of all messages

	in   []byte
	bits uint
	n    int // of bits
}

var errStrict = errors.New("invalid or beyond the window")

// message inflates one message of permessage-deflate.
func (f *strictInflater) message(z []byte) (s string, err error) {
	defer func() {
		if p := recover(); p == errStrict {
			err = errStrict
		} else if p != nil {
			panic(p)
		}
	}()
	from := len(f.out)
	f.in, f.bits, f.n = append(append([]byte(nil), z...), "\x00\x00\xff\xff"...), 0, 0
	for len(f.in) > 0 {
		if f.take(1) == 1 {
			panic(errStrict) // ours are never final
		}
		f.block(f.take(2))
	}
	return string(f.out[from:]), nil
}

func (f *strictInflater) take(n int) (v uint) {
	for f.n < n {
		if len(f.in) == 0 {
			panic(errStrict)
		}
		f.bits |= uint(f.in[0]) << f.n
		f.in, f.n = f.in[1:], f.n+8
	}
	v = f.bits & (1<<n - 1)
	f.bits, f.n = f.bits>>n, f.n-n
	return v
}

func (f *strictInflater) block(kind uint) {
	switch kind {
	case 0:
		f.bits, f.n = 0, 0
		n := f.take(16)
		if f.take(16) != n^0xffff || int(n) > len(f.in) {
			panic(errStrict)
		}
		f.out = append(f.out, f.in[:n]...)
		f.in = f.in[n:]
	case 1:
		lengths := make([]int, 288)
		for i := range lengths {
			lengths[i] = []int{8, 9, 7, 8}[btoi(i > 143)+btoi(i > 255)+btoi(i > 279)]
		}
		five := make([]int, 30)
		for i := range five {
			five[i] = 5
		}
		f.codes(newCode(lengths), newCode(five))
	case 2:
		f.codes(f.tables())
	default:
		panic(errStrict)
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// A code is a canonical Huffman code: how many symbols there are of each
// length, and the symbols in order.
type code struct {
	count   [16]int
	symbols []int
}

func newCode(lengths []int) *code {
	c := &code{}
	for n := 1; n < 16; n++ {
		for s, l := range lengths {
			if l == n {
				c.count[n]++
				c.symbols = append(c.symbols, s)
			}
		}
	}
	return c
}

func (f *strictInflater) symbol(c *code) int {
	first, index, at := 0, 0, 0
	for n := 1; n < 16; n++ {
		at |= int(f.take(1))
		if at-first < c.count[n] {
			return c.symbols[index+at-first]
		}
		index, first, at = index+c.count[n], (first+c.count[n])<<1, at<<1
	}
	panic(errStrict)
}

func (f *strictInflater) tables() (*code, *code) {
	literals, distances, n := int(f.take(5))+257, int(f.take(5))+1, int(f.take(4))+4
	lengths := make([]int, 19)
	for i := range n {
		lengths[[]int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}[i]] = int(f.take(3))
	}
	c := newCode(lengths)
	var all []int
	for len(all) < literals+distances {
		switch s := f.symbol(c); s {
		case 16:
			all = append(all, repeat(all[len(all)-1], 3+f.take(2))...)
		case 17:
			all = append(all, repeat(0, 3+f.take(3))...)
		case 18:
			all = append(all, repeat(0, 11+f.take(7))...)
		default:
			all = append(all, s)
		}
	}
	return newCode(all[:literals]), newCode(all[literals:])
}

func repeat(v int, n uint) (r []int) {
	for range n {
		r = append(r, v)
	}
	return r
}

func (f *strictInflater) codes(literal, distance *code) {
	for {
		s := f.symbol(literal)
		if s == 256 {
			return
		}
		if s < 256 {
			f.out = append(f.out, byte(s))
			continue
		}
		n := 258
		if s -= 257; s < 8 {
			n = 3 + s
		} else if s < 28 {
			extra := s/4 - 1
			n = 3 + (4+s%4)<<extra + int(f.take(extra))
		}
		d := f.symbol(distance)
		back := d + 1
		if d >= 4 {
			extra := d/2 - 1
			back = 1 + (2+d%2)<<extra + int(f.take(extra))
		}
		if back > f.window || back > len(f.out) {
			panic(errStrict)
		}
		for range n {
			f.out = append(f.out, f.out[len(f.out)-back])
		}
	}
}
