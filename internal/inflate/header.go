package inflate

import "encoding/binary"

// The types of blocks (RFC 1951 3.2.3).
const (
	typeStored = iota
	typeFixed
	typeDynamic
)

// header reads the header of the next block. Done: it was the message's last.
func (d *Decoder) header() State {
	if !d.ample() {
		return Refused
	}
	d.refill()
	if final := d.take(1); final != 0 {
		return Refused
	}
	switch d.take(2) {
	case typeStored:
		return d.storedHeader()
	case typeFixed:
		d.codes = &d.fixed
		return unfinished
	case typeDynamic:
		d.codes = &d.own
		return dynamic
	}
	return Refused
}

// storedHeader reads the lengths of RFC 1951 3.2.4, which begin at a whole byte.
func (d *Decoder) storedHeader() State {
	at := d.pos - int(d.have/8)
	if at == d.end {
		return Done
	}
	if d.end-at < 4 {
		return Refused
	}
	n := binary.LittleEndian.Uint16(d.in[at:])
	at += 4
	if n != ^binary.LittleEndian.Uint16(d.in[at-2:]) || int(n) > d.end-at {
		return Refused
	}
	d.pos, d.bits, d.have, d.stored = at, 0, 0, int(n)
	return unfinished
}

// lengthOrder is the order in which the lengths of the code of lengths come
// (RFC 1951 3.2.7).
var lengthOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// dynamicHeader reads the codes of a block (RFC 1951 3.2.7).
func (d *Decoder) dynamicHeader() State {
	if !d.lengthsOfLengths() || !d.build(&d.lengthCode, d.lengths[:len(lengthOrder)]) {
		return Refused
	}
	clear(d.count[:])
	for n := 0; n < d.lits+d.dists; {
		if !d.ample() {
			return Refused
		}
		if n = d.readLengths(n); n < 0 {
			return Refused
		}
	}
	all := d.count
	d.tally(d.lengths[d.lits : d.lits+d.dists])
	for n := range all { // the literals' are what is not the distances'
		d.more[n] = all[n] - d.count[n]
	}
	if !d.build(&d.distanceCode, d.lengths[d.lits:d.lits+d.dists]) {
		return Refused
	}
	d.count = d.more
	if !d.build(&d.literalCode, d.lengths[:d.lits]) {
		return Refused
	}
	return unfinished
}

// lengthsOfLengths reads how many codes there are, and the lengths of those for
// their lengths.
func (d *Decoder) lengthsOfLengths() bool {
	d.lits, d.dists = d.take(5)+257, d.take(5)+1
	n := d.take(4) + 4
	lengths := d.lengths[:len(lengthOrder)]
	clear(lengths)
	for i, at := range lengthOrder[:n] {
		if i%16 == 0 { // one refill is for 18
			if !d.ample() {
				return false
			}
			d.refill()
		}
		lengths[at] = uint8(d.take(3))
	}
	d.tally(lengths)
	return d.lits <= usedLiterals && d.dists <= usedDistances
}

// tally counts lengths.
func (d *Decoder) tally(lengths []uint8) {
	clear(d.count[:])
	for _, n := range lengths {
		d.count[n&longestCode]++
	}
}

// readLengths reads and counts the lengths of codes from the one at i on, as long as
// a refill is sure to find bytes. It returns how many there are then; negative: they
// are wrong.
func (d *Decoder) readLengths(i int) int {
	lengths, table := d.lengths[:d.lits+d.dists], d.lengthCode.table[:1<<lengthBits]
	in, bits, pos, have := d.in, d.bits, d.pos, d.have
	for i < len(lengths) {
		if have < lengthBits+7 {
			if pos > len(in)-refills {
				break
			}
			bits, pos, have = refilled(in, bits, pos, have)
		}
		e := table[bits&(1<<lengthBits-1)]
		v, run := uint8(e>>entryBase), int(e>>entryBase)+extra(bits, e)
		bits, have = consumed(bits, have, e)
		if int32(e) < 0 {
			lengths[i] = v
			d.count[v&longestCode]++
			i++
			continue
		}
		if e&special != 0 || run > len(lengths)-i {
			return -1
		}
		if v = 0; e&ofZeros == 0 {
			if i == 0 {
				return -1
			}
			v = lengths[i-1]
		}
		d.count[v&longestCode] += uint16(run)
		for end := i + run; i < end; i++ {
			lengths[i] = v
		}
	}
	d.bits, d.pos, d.have = bits, pos, have
	return i
}
