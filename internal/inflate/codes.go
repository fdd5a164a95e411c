package inflate

import "sync"

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
// codes at least, since no code leaves anything out. So of 288 literals there are 48
// tables of 32 entries at most, of 32 distances 4 of 128, or smaller ones that come to
// less.
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

// An alphabet is a kind of symbols, and where the table of their code is made.
type alphabet struct {
	symbols []uint32 // entries that lack their codes
	table   []uint32
	bits    int // of the table
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

	d := &Decoder{} // to build with
	lengths := d.lengths[:literals]
	for i := range lengths { // RFC 1951 3.2.6
		switch {
		case i < 144, i >= 280:
			lengths[i] = 8
		case i < 256:
			lengths[i] = 9
		default:
			lengths[i] = 7
		}
	}
	d.tally(lengths)
	d.build(&alphabet{s.literal[:], s.fixed.literal[:], literalBits}, lengths)
	for i := range distances {
		lengths[i] = 5
	}
	d.tally(lengths[:distances])
	d.build(&alphabet{s.distance[:], s.fixed.distance[:], distanceBits}, lengths[:distances])
	return s
})

// spread makes entries of values from base on: the first ones, as many as plain, have
// no extra bits, and then every few have one bit more (RFC 1951 3.2.5).
func spread(entries []uint32, base, plain, few int) {
	for i := range entries {
		extra := 0
		if i >= plain {
			extra = (i-plain)/few + 1
		}
		entries[i] = uint32(base)<<entryBase | uint32(extra)
		base += 1 << extra
	}
}
