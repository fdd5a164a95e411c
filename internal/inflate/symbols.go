package inflate

// fast inflates symbols of a block in rounds, as long as there are refills bytes of
// input and room for a round. Done: the block is.
func (d *Decoder) fast(o int) (_ int, s State) {
	out, c, in, bits, pos, have := d.out, d.codes, d.in, d.bits, d.pos, d.have
	for s = unfinished; pos+refills <= len(in) && o+round <= len(out); {
		bits, pos, have = refilled(in, bits, pos, have)
		e := c.literal[bits&(1<<literalBits-1)]
		if int32(e) < 0 {
			out[o] = byte(e >> entryBase)
			bits, have = consumed(bits, have, e)
			o++
			if e = c.literal[bits&(1<<literalBits-1)]; int32(e) < 0 {
				out[o] = byte(e >> entryBase)
				bits, have = consumed(bits, have, e)
				o++
				if e = c.literal[bits&(1<<literalBits-1)]; int32(e) < 0 {
					out[o] = byte(e >> entryBase)
					bits, have = consumed(bits, have, e)
					o++
					continue
				}
			}
			bits, pos, have = refilled(in, bits, pos, have)
		}
		if e&special != 0 {
			if e&linked != 0 {
				e = c.longLiteral(bits, e)
			}
			if int32(e) < 0 {
				out[o] = byte(e >> entryBase)
				bits, have = consumed(bits, have, e)
				o++
				continue
			}
			if s = ending(e); s != unfinished {
				bits, have = consumed(bits, have, e)
				break
			}
		}
		n := int(e>>entryBase) + extra(bits, e)
		bits, have = consumed(bits, have, e)
		if e = c.distance[bits&(1<<distanceBits-1)]; e&linked != 0 {
			e = c.longDistance(bits, e)
		}
		back := int(e>>entryBase) + extra(bits, e)
		if bits, have = consumed(bits, have, e); back >= 8 && back <= o {
			for i := o; i < o+n; i += 8 {
				putWord(out, i, word(out, i-back))
			}
		} else if !d.match(o, n, back) {
			s = Refused
			break
		}
		o += n
	}
	d.bits, d.pos, d.have = bits, pos, have
	if d.overrun() {
		s = Refused
	}
	return o, s
}

// ending is what e means for its block.
func ending(e uint32) State {
	switch {
	case e&special == 0:
		return unfinished
	case e&blockEnd != 0:
		return Done
	}
	return Refused
}

// longLiteral is the entry of a code that has more bits than e, which is linked.
func (c *codes) longLiteral(bits uint64, e uint32) uint32 {
	return c.literal[int(e>>entryBase)+int(bits>>literalBits)&(1<<(e&entryBits)-1)]
}

// longDistance is longLiteral for distances.
func (c *codes) longDistance(bits uint64, e uint32) uint32 {
	return c.distance[int(e>>entryBase)+int(bits>>distanceBits)&(1<<(e&entryBits)-1)]
}

// careful inflates one symbol, if there is room for it.
func (d *Decoder) careful(o int) (int, State) {
	d.refill()
	out, c, bits, have := d.out, d.codes, d.bits, d.have
	e := c.literal[bits&(1<<literalBits-1)]
	if e&linked != 0 {
		e = c.longLiteral(bits, e)
	}
	n := int(e>>entryBase) + extra(bits, e)
	bits, have = consumed(bits, have, e)
	s := ending(e)
	switch {
	case s != unfinished:
	case int32(e) < 0:
		if o == len(out) {
			return o, Full
		}
		out[o] = byte(e >> entryBase)
		o++
	case n > len(out)-o:
		return o, Full
	default:
		if e = c.distance[bits&(1<<distanceBits-1)]; e&linked != 0 {
			e = c.longDistance(bits, e)
		}
		back := int(e>>entryBase) + extra(bits, e)
		bits, have = consumed(bits, have, e)
		if !d.match(o, n, back) {
			return o, Refused
		}
		o += n
	}
	if d.bits, d.have = bits, have; d.overrun() {
		s = Refused
	}
	return o, s
}

// match copies n bytes from back bytes before o. Not ok: there are none. back is 0
// where there is no such distance.
func (d *Decoder) match(o, n, back int) bool {
	from, end := o-back, o+n
	if from < 0 {
		if from += len(d.history); from < 0 {
			return false
		}
		o += copy(d.out[o:end], d.history[from:])
		from = 0
	}
	// What was copied is what the rest repeats.
	for o < end && from < o {
		o += copy(d.out[o:end], d.out[from:o])
	}
	return o == end
}
