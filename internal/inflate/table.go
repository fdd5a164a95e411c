package inflate

import "math/bits"

// build makes the table of the code with these lengths, which were counted (RFC 1951
// 3.2.2). Not ok: there is none, or it leaves something out.
func (d *Decoder) build(a *alphabet, lengths []uint8) bool {
	used, left := d.order(lengths)
	switch {
	case left < 0:
		return false
	case left > 0: // only no code at all and a single one, of one bit, are legal
		if used > 1 || used == 1 && d.count[1] == 0 {
			return false
		}
		a.single(d.sorted[:used])
		return true
	}
	if at, code := d.fill(a); at < used {
		d.link(a, at, code)
	}
	return true
}

// order sorts symbols by the lengths of their codes. It returns how many have one,
// and how many codes of the greatest length are left over; negative: too many are
// used.
func (d *Decoder) order(lengths []uint8) (used, left int) {
	first, at := &d.first, uint16(0)
	left = 1
	for n := 1; n <= longestCode; n++ {
		first[n] = at
		at += d.count[n]
		if left = left<<1 - int(d.count[n]); left < 0 {
			return 0, left
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
	return int(at), left
}

// fill makes the entries of codes that are not longer than the table's. It returns the
// place among the sorted symbols, and the code, of the first that is.
//
// The bits of a code come from its first on (RFC 1951 3.1.1), so they are kept
// reversed; and codes count up at their high end.
func (d *Decoder) fill(a *alphabet) (at, code int) {
	table := a.table
	for n := 1; n <= a.bits; n++ {
		for range d.count[n] {
			table[code] = a.symbols[d.sorted[at]] + uint32(n)*oneBit
			code = next(code, n)
			at++
		}
		if n < a.bits {
			copy(table[1<<n:2<<n], table[:1<<n])
		}
	}
	return at, code
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

// single makes the table of one symbol or of none (RFC 1951 3.2.7).
func (a *alphabet) single(sorted []uint16) {
	for i := range a.table[:1<<a.bits] {
		a.table[i] = special
		if i&1 == 0 && len(sorted) > 0 {
			a.table[i] = a.symbols[sorted[0]] + oneBit
		}
	}
}

// link makes the tables of codes that are longer: from code on, that of the symbol at
// at among the sorted ones.
func (d *Decoder) link(a *alphabet, at, code int) {
	end, start, width := 1<<a.bits, 0, 0
	prefix := -1
	for n := a.bits + 1; n <= longestCode; n++ {
		for left := int(d.count[n]); left > 0; left-- {
			if p := code & (1<<a.bits - 1); p != prefix {
				// As wide as it takes until the codes that are left fill it.
				prefix, width = p, n-a.bits
				for filled := left; filled < 1<<width; {
					width++
					filled = filled<<1 + int(d.count[a.bits+width])
				}
				start, end = end, end+1<<width
				a.table[p] = uint32(start)<<entryBase | linked | special | uint32(width)
			}
			e := a.symbols[d.sorted[at]] + uint32(n)*oneBit
			for i := code >> a.bits; i < 1<<width; i += 1 << (n - a.bits) {
				a.table[start+i] = e
			}
			at++
			code = next(code, n)
		}
	}
}
