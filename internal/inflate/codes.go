package inflate

import (
	"math/bits"
	"sync"
)

const (
	literals      = 288 // symbols that the fixed code has (RFC 1951 3.2.6)
	distances     = 32
	usedLiterals  = 286 // and those that mean something (RFC 1951 3.2.5)
	usedDistances = 30

	endOfBlock   = 256
	longestMatch = 258
	longestCode  = 15
)

// The first bits of a code find its entry in a table of 2^bits. What is longer has
// a table of its own behind that one, for the rest of its bits.
const (
	literalBits  = 10
	distanceBits = 8
	lengthBits   = 7 // no code of lengths is longer
)

// Codes decode the symbols of a block. A table for k further bits is there for k+1
// codes at least, since no code leaves anything out: so the 288 have less than 288/6
// tables of 32 entries, or smaller ones that come to less, and the 32 have four of
// 128.
type codes struct {
	literal  [1<<literalBits + literals/6*32]uint32
	distance [1<<distanceBits + distances/8*128]uint32
}

// An entry says all of a symbol:
//
//	bits 0-5    how many bits it takes: its code, and the extra bits behind that
//	bits 8-11   its code alone
//	bits 12-14  that it is none of those below
//	bits 16-30  a literal, or the base of a length or of a distance
//	bit 31      it is a literal
//
// With linked, bits 16-30 say where the table for the other bits of the code
// begins, and bits 0-5 how many they are at most.
const (
	entryBits = 63
	entryCode = 8
	entryBase = 16
	special   = 1 << 12
	blockEnd  = 1 << 13 // and special
	linked    = 1 << 14 // and special
	isLiteral = 1 << 31

	ofZeros = 1 << 13 // of the code of lengths: it repeats no length but 0
	oneBit  = 1 | 1<<entryCode
)

// extra is the value of the extra bits of the entry e, whose code is next.
func extra(bits uint64, e uint32) int {
	return int(bits & (1<<(e&entryBits) - 1) >> (e >> entryCode & longestCode))
}

// consumed takes the bits of e.
func consumed(bits uint64, have uint, e uint32) (uint64, uint) {
	return bits >> (e & entryBits), have - uint(e&entryBits)
}

// A sharing is what all decoders have in common: entries that lack their codes, and
// the fixed codes.
type sharing struct {
	plain    [19]uint32
	literal  [literals]uint32
	distance [distances]uint32
	fixed    codes
}

var shared = sync.OnceValue(func() *sharing {
	s := &sharing{}
	for i := range 16 {
		s.plain[i] = isLiteral | uint32(i)<<entryBase
	}
	s.plain[16], s.plain[17], s.plain[18] = 3<<entryBase|2, 3<<entryBase|3|ofZeros, 11<<entryBase|7|ofZeros
	for i := range s.literal {
		s.literal[i] = special
	}
	for i := range endOfBlock {
		s.literal[i] = isLiteral | uint32(i)<<entryBase
	}
	s.literal[endOfBlock] = blockEnd | special
	spread(s.literal[endOfBlock+1:usedLiterals-1], 3, 8, 4)
	s.literal[usedLiterals-1] = longestMatch << entryBase
	for i := range s.distance {
		s.distance[i] = special
	}
	spread(s.distance[:usedDistances], 1, 4, 2)

	d := &Decoder{}
	lengths := d.lengths[:]
	for i := range lengths { // RFC 1951 3.2.6
		switch {
		case i >= literals:
			lengths[i] = 5
		case i < 144, i >= 280:
			lengths[i] = 8
		case i < 256:
			lengths[i] = 9
		default:
			lengths[i] = 7
		}
	}
	for _, n := range lengths[:literals] {
		d.count[n]++
	}
	d.build(s.fixed.literal[:], literalBits, lengths[:literals], s.literal[:])
	clear(d.count[:])
	d.count[5] = distances
	d.build(s.fixed.distance[:], distanceBits, lengths[literals:], s.distance[:])
	return s
})

// spread makes entries from the base on, the first plain ones without extra bits and
// of those that follow each `each` with one bit more (RFC 1951 3.2.5).
func spread(entries []uint32, base, plain, each int) {
	for i := range entries {
		extra := 0
		if i >= plain {
			extra = (i-plain)/each + 1
		}
		entries[i] = uint32(base)<<entryBase | uint32(extra)
		base += 1 << extra
	}
}

// build makes the table of the code with these lengths, which d.count has counted
// (RFC 1951 3.2.2). Not ok: there is none, or it leaves something out.
func (d *Decoder) build(table []uint32, tableBits int, lengths []uint8, entries []uint32) bool {
	count, first := &d.count, &d.first
	left, at := 1, uint16(0)
	for n := 1; n <= longestCode; n++ {
		first[n] = at
		at += count[n]
		if left = left<<1 - int(count[n]); left < 0 {
			return false
		}
	}
	for i := 0; i < len(lengths); i++ {
		if n := lengths[i] & longestCode; n > 0 {
			d.sorted[first[n]] = uint16(i)
			first[n]++
		} else if i+8 <= len(lengths) && word(lengths, i) == 0 {
			i += 7
		}
	}
	sorted := d.sorted[:at]
	if left > 0 {
		return lonely(table[:1<<tableBits], sorted, count[1], entries)
	}
	// A code's bits come from its first on (RFC 1951 3.1.1), so it is kept reversed;
	// and it counts up at its high end.
	code := 0
	for n := 1; n <= tableBits; n++ {
		for _, symbol := range sorted[:count[n]] {
			table[code] = entries[symbol] + uint32(n)*oneBit
			code = next(code, n)
		}
		sorted = sorted[count[n]:]
		if n < tableBits {
			copy(table[1<<n:2<<n], table[:1<<n])
		}
	}
	if len(sorted) > 0 {
		d.link(table, tableBits, sorted, code, entries)
	}
	return true
}

// next is the reversed code of n bits behind code; 0 behind the last.
func next(code, n int) int {
	free := code ^ (1<<n - 1)
	if free == 0 {
		return 0
	}
	top := 1 << (bits.Len32(uint32(free)) - 1)
	return code&(top-1) | top
}

// lonely makes the table of no code at all or of a single one, which has one bit
// (RFC 1951 3.2.7).
func lonely(table []uint32, sorted []uint16, ones uint16, entries []uint32) bool {
	if len(sorted) > 1 || len(sorted) != int(ones) {
		return false
	}
	for i := range table {
		table[i] = special
		if i&1 == 0 && len(sorted) > 0 {
			table[i] = entries[sorted[0]] + oneBit
		}
	}
	return true
}

// link makes the tables of codes longer than tableBits, from code on.
func (d *Decoder) link(table []uint32, tableBits int, sorted []uint16, code int, entries []uint32) {
	end, start, width := 1<<tableBits, 0, 0
	prefix := -1
	for n := tableBits + 1; n <= longestCode; n++ {
		for left := int(d.count[n]); left > 0; left-- {
			if p := code & (1<<tableBits - 1); p != prefix {
				// As wide as it takes for the codes that are left to fill it.
				prefix, width = p, n-tableBits
				for filled := left; filled < 1<<width; {
					width++
					filled = filled<<1 + int(d.count[tableBits+width])
				}
				start, end = end, end+1<<width
				table[p] = uint32(start)<<entryBase | linked | special | uint32(width)
			}
			e := entries[sorted[0]] + uint32(n)*oneBit
			for i := code >> tableBits; i < 1<<width; i += 1 << (n - tableBits) {
				table[start+i] = e
			}
			sorted = sorted[1:]
			code = next(code, n)
		}
	}
}
