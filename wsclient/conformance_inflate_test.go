package wsclient_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
)

// An inflater undoes permessage-deflate (RFC 7692 7.2.2) and is as strict about it
// as RFC 1951 lets one be: a reference farther back than the agreed window, or
// into a message that there must be no context with, is an error, and so is a
// message that does not end with what the sender flushes. It shares nothing with
// the client's. It is slow and simple, in the manner of zlib's puff.
type inflater struct {
	bits    int // of the window
	context bool
	window  []byte // what the next message may refer to

	// Of the message under way.
	in    []byte
	held  uint32 // bits of in that were not taken
	count int    // of them
	out   []byte // the window, then the message
	err   error
}

// message inflates z.
func (f *inflater) message(z []byte) ([]byte, error) {
	size := 1 << f.bits
	f.in, f.held, f.count, f.err = append(slices.Clone(z), "\x00\x00\xff\xff"...), 0, 0, nil
	f.out = append(make([]byte, 0, len(f.window)+4*len(z)), f.window...)
	before := len(f.window)
	for flushed := false; !flushed && f.err == nil; {
		empty := f.block()
		flushed = empty && len(f.in) == 0
	}
	if f.err != nil {
		return nil, fmt.Errorf("%w, %d octets before the end of %d", f.err, len(f.in), len(z))
	}
	if f.window = nil; f.context {
		f.window = f.out[max(0, len(f.out)-size):]
	}
	return f.out[before:len(f.out):len(f.out)], nil
}

func (f *inflater) fail(err error) {
	if f.err == nil {
		f.err = err
	}
}

// take returns the next n bits (RFC 1951 3.1.1).
func (f *inflater) take(n int) int {
	for f.count < n {
		if len(f.in) == 0 {
			f.fail(errors.New("the message ends within a block"))
			return 0
		}
		f.held |= uint32(f.in[0]) << f.count
		f.in, f.count = f.in[1:], f.count+8
	}
	v := f.held & (1<<n - 1)
	f.held, f.count = f.held>>n, f.count-n
	return int(v)
}

// block inflates one block, and reports whether it was stored and empty.
func (f *inflater) block() bool {
	if f.take(1) == 1 {
		// RFC 7692 7.2.3.4 allows it, and half of the world stops reading there.
		f.fail(errors.New("a final block"))
		return false
	}
	switch f.take(2) {
	case 0:
		return f.stored() == 0
	case 1:
		f.codes(fixedCodes())
	case 2:
		f.codes(f.dynamic())
	default:
		f.fail(errors.New("a block of type 3"))
	}
	return false
}

// stored is RFC 1951 3.2.4.
func (f *inflater) stored() int {
	f.held, f.count = 0, 0 // at most 7 bits
	n, inverse := f.take(16), f.take(16)
	if n^inverse != 0xffff || n > len(f.in) {
		f.fail(errors.New("the length of a stored block is wrong"))
		return 1
	}
	f.out, f.in = append(f.out, f.in[:n]...), f.in[n:]
	return n
}

// The lengths and distances of RFC 1951 3.2.5: the first of each code, and the
// bits that follow it.
var (
	lengthFirst   = [...]int{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258}
	lengthBits    = [...]int{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
	distanceFirst = [...]int{1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577}
	distanceBits  = [...]int{0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13}
)

const endOfBlock = 256

// codes inflates a block of literals and references (RFC 1951 3.2.3).
func (f *inflater) codes(literal, distance *huffman) {
	for f.err == nil {
		symbol := f.symbol(literal)
		switch {
		case symbol < endOfBlock:
			f.out = append(f.out, byte(symbol))
		case symbol == endOfBlock:
			return
		case symbol-257 >= len(lengthFirst):
			f.fail(fmt.Errorf("the length code %d", symbol))
		default:
			n := lengthFirst[symbol-257] + f.take(lengthBits[symbol-257])
			d := f.symbol(distance)
			if d >= len(distanceFirst) {
				f.fail(fmt.Errorf("the distance code %d", d))
				return
			}
			f.copy(n, distanceFirst[d]+f.take(distanceBits[d]))
		}
	}
}

// copy refers back.
func (f *inflater) copy(n, distance int) {
	switch {
	case f.err != nil:
	case distance > 1<<f.bits:
		f.fail(fmt.Errorf("a reference %d octets back, beyond a window of %d", distance, 1<<f.bits))
	case distance > len(f.out):
		f.fail(fmt.Errorf("a reference %d octets back, where there are %d", distance, len(f.out)))
	default:
		for range n { // it may overlap
			f.out = append(f.out, f.out[len(f.out)-distance])
		}
	}
}

// A huffman code is canonical (RFC 1951 3.2.2): how many codes of each length
// there are, and their symbols in order.
type huffman struct {
	count   [16]int
	symbols []int
}

// newHuffman reports whether the lengths make a code: nothing is left, or it has
// one symbol only.
func newHuffman(lengths []int) (h *huffman, ok bool) {
	h = &huffman{}
	for length := 1; length < len(h.count); length++ {
		for symbol, l := range lengths {
			if l == length {
				h.count[length]++
				h.symbols = append(h.symbols, symbol)
			}
		}
	}
	left := 1
	for _, n := range h.count[1:] {
		left = 2*left - n
		if left < 0 {
			return h, false
		}
	}
	return h, left == 0 || len(h.symbols) <= 1 && h.count[1] == len(h.symbols)
}

func (f *inflater) symbol(h *huffman) int {
	code, first, at := 0, 0, 0
	for _, n := range h.count[1:] {
		if code |= f.take(1); f.err != nil {
			return endOfBlock
		}
		if code-first < n {
			return h.symbols[at+code-first]
		}
		at, first = at+n, (first+n)<<1
		code <<= 1
	}
	f.fail(errors.New("a code that there is not"))
	return endOfBlock
}

// fixedCodes are RFC 1951 3.2.6.
var fixedCodes = sync.OnceValues(func() (literal, distance *huffman) {
	lengths := slices.Concat(slices.Repeat([]int{8}, 144), slices.Repeat([]int{9}, 112), slices.Repeat([]int{7}, 24), slices.Repeat([]int{8}, 8))
	literal, _ = newHuffman(lengths)
	distance, _ = newHuffman(slices.Repeat([]int{5}, 32))
	return literal, distance
})

// dynamic reads the codes of a block (RFC 1951 3.2.7).
func (f *inflater) dynamic() (literal, distance *huffman) {
	literals, distances, n := f.take(5)+257, f.take(5)+1, f.take(4)+4
	order := [...]int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}
	short := make([]int, len(order))
	for _, symbol := range order[:n] {
		short[symbol] = f.take(3)
	}
	h, ok := newHuffman(short)
	var lengths []int
	for ok && f.err == nil && len(lengths) < literals+distances {
		length, times := f.symbol(h), 1
		switch length {
		case 16:
			if len(lengths) == 0 {
				f.fail(errors.New("a length of nothing is repeated"))
				break
			}
			length, times = lengths[len(lengths)-1], 3+f.take(2)
		case 17:
			length, times = 0, 3+f.take(3)
		case 18:
			length, times = 0, 11+f.take(7)
		}
		lengths = append(lengths, slices.Repeat([]int{length}, times)...)
	}
	if !ok || f.err != nil || literals > 286 || distances > 30 || len(lengths) != literals+distances || lengths[endOfBlock] == 0 {
		f.fail(errors.New("the codes of a dynamic block are wrong"))
		return h, h
	}
	literal, ok = newHuffman(lengths[:literals])
	distance, ok2 := newHuffman(lengths[literals:])
	if !ok || !ok2 {
		f.fail(errors.New("the codes of a dynamic block are wrong"))
	}
	return literal, distance
}
