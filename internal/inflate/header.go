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
		if d.codes = &d.own; d.dynamicHeader() {
			return unfinished
		}
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
func (d *Decoder) dynamicHeader() bool {
	lits, dists, n := d.take(5)+257, d.take(5)+1, d.take(4)+4
	if lits > usedLiterals || dists > usedDistances {
		return false
	}
	lengths := d.lengths[:len(lengthOrder)]
	clear(lengths)
	clear(d.count[:])
	for i, at := range lengthOrder[:n] {
		if i%16 == 0 { // one refill is for 18
			if !d.ample() {
				return false
			}
			d.refill()
		}
		v := d.take(3)
		lengths[at] = uint8(v)
		d.count[v]++
	}
	table := d.own.distance[:1<<lengthBits] // it is free until it is known
	if !d.build(table, lengthBits, lengths, d.plain[:]) || !d.readLengths(table, lits+dists) {
		return false
	}
	// The literals' are what is not the distances'.
	all := d.count
	clear(d.count[:])
	for _, n := range d.lengths[lits : lits+dists] {
		d.count[n&longestCode]++
	}
	if !d.build(d.own.distance[:], distanceBits, d.lengths[lits:lits+dists], d.distance[:]) {
		return false
	}
	for n := range all {
		d.count[n] = all[n] - d.count[n]
	}
	return d.build(d.own.literal[:], literalBits, d.lengths[:lits], d.literal[:])
}

// readLengths reads n lengths of codes, with the code in table, and counts them.
func (d *Decoder) readLengths(table []uint32, n int) bool {
	lengths, count := d.lengths[:n], &d.count
	clear(count[:])
	table = table[:1<<lengthBits]
	in, bits, pos, have := d.in, d.bits, d.pos, d.have
	for i := 0; i < n; {
		if have < lengthBits+7 {
			if pos > len(in)-8 {
				d.pos = pos
				if !d.ample() {
					return false
				}
				in, pos = d.in, d.pos
			}
			bits, pos, have = refilled(in, bits, pos, have)
		}
		e := table[bits&(1<<lengthBits-1)]
		v, run := uint8(e>>entryBase), int(e>>entryBase)+extra(bits, e)
		bits, have = consumed(bits, have, e)
		if int32(e) < 0 {
			lengths[i] = v
			count[v&longestCode]++
			i++
			continue
		}
		if e&special != 0 || run > n-i {
			return false
		}
		if v = 0; e&ofZeros != 0 {
			clear(lengths[i : i+run])
		} else {
			if i == 0 {
				return false
			}
			v = lengths[i-1]
			for k := range lengths[i : i+run] {
				lengths[i+k] = v
			}
		}
		count[v&longestCode] += uint16(run)
		i += run
	}
	d.bits, d.pos, d.have = bits, pos, have
	return true
}
