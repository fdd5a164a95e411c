// Package inflate decodes whole messages of permessage-deflate, which are there
// from their first byte to their last: no reader is asked for bytes, and what
// comes out is written where it stays, so that it is its own window.
//
// It is for what encoders make every day, and refuses everything else without
// saying why. What is refused may be valid: somebody slower has to tell.
package inflate

import "encoding/binary"

// A State is how far a message is inflated.
type State int

const (
	Done    State = iota // to its end
	Full                 // to where there is no room for more
	Refused              // not at all: it is invalid, or in a form that is not ordinary

	unfinished // there is more to do, in another way
	dynamic    // there is a block with codes of its own
)

// A Decoder inflates one message at a time: Begin, then Append until nothing is
// left. It may be used again.
//
// The ordinary form of a message is a series of blocks (RFC 1951 3.2.3), none of
// them final. The last one is stored and empty, and its length is what the sender
// has cut off (RFC 7692 7.2.1).
type Decoder struct {
	in     []byte // the message, or its last bytes in tail
	end    int    // of the message in in; zeros may follow
	padded bool   // in is tail
	pos    int    // of the first byte that is not in bits as a whole
	bits   uint64 // taken from in, the next one lowest (RFC 1951 3.1.1)
	have   uint   // how many of them; those above are what is at pos, or 0

	out     []byte // the message so far, and room
	history []byte
	codes   *codes // of the block under way; nil: none, or it has no codes
	stored  int    // bytes that are left of a stored block

	*sharing
	own                                   codes
	lengthCode, literalCode, distanceCode alphabet

	// What a table is made of.
	lits, dists int
	lengths     [literals + distances]uint8
	sorted      [literals]uint16 // symbols, by the length of their code
	count, more [longestCode + 1]uint16
	first       [longestCode + 1]uint16

	tail [tailSize]byte
}

const (
	// refills is how many bytes two refills may look at.
	refills = 16

	// tailSize has room for the bytes that are left when in has less than refills,
	// for those in bits before them, for as many behind the end, and for refills.
	tailSize = refills + 8 + 8 + refills

	// round is how much one round of fast writes: two literals and the longest
	// match, in words.
	round = 2 + longestMatch + 7
)

// New returns a Decoder, which has 15 KiB.
func New() *Decoder {
	d := &Decoder{sharing: shared()}
	d.literalCode = alphabet{d.literal[:], d.own.literal[:], literalBits}
	d.distanceCode = alphabet{d.distance[:], d.own.distance[:], distanceBits}
	d.lengthCode = alphabet{d.plain[:], d.own.distance[:], lengthBits} // they are free until the lengths are known
	return d
}

// Begin starts with the message src, which may refer to history, the bytes before
// it. They must stay as they are until Forget, or the next Begin.
func (d *Decoder) Begin(src, history []byte) {
	d.in, d.end, d.padded = src, len(src), false
	d.pos, d.bits, d.have = 0, 0, 0
	d.history, d.codes, d.stored = history, nil, 0
}

// Forget lets go of the message and of the bytes before it.
func (d *Decoder) Forget() { d.in, d.out, d.history, d.codes = nil, nil, nil, nil }

// Append inflates into the room that dst has. dst is what Append returned before,
// there or moved to where there is more: 258 bytes more are enough to go on.
//
// What is done one after the other is done from here, and not from within each
// other: the stack beneath stays with the connection that called.
func (d *Decoder) Append(dst []byte) ([]byte, State) {
	d.out = dst[:cap(dst)]
	o, s := len(dst), unfinished
	for s == unfinished {
		switch {
		case d.stored > 0:
			n := copy(d.out[o:], d.in[d.pos:d.pos+d.stored])
			o += n
			d.pos += n
			if d.stored -= n; d.stored > 0 {
				s = Full
			}
		case d.codes == nil:
			if s = d.header(); s == dynamic {
				s = d.dynamicHeader()
			}
		case !d.ample():
			s = Refused
		default:
			if o <= len(d.out)-round {
				o, s = d.fast(o)
			} else {
				o, s = d.careful(o)
			}
			if s == Done {
				d.codes, s = nil, unfinished
			}
		}
	}
	return d.out[:o], s
}

// ample sees to it that two refills find bytes. Not ok: the message was over before.
func (d *Decoder) ample() bool {
	if d.pos <= len(d.in)-refills {
		return true
	}
	if d.padded {
		return false
	}
	back := int(d.have / 8) // a stored block begins with what is not used
	d.end = copy(d.tail[:], d.in[d.pos-back:])
	clear(d.tail[d.end:])
	d.in, d.pos, d.padded = d.tail[:], back, true
	return true
}

// overrun reports whether more was taken than there is.
func (d *Decoder) overrun() bool { return d.pos*8-int(d.have) > d.end*8 }

// refill takes what fits, so that there are 56 bits at least.
func (d *Decoder) refill() { d.bits, d.pos, d.have = refilled(d.in, d.bits, d.pos, d.have) }

func refilled(in []byte, bits uint64, pos int, have uint) (uint64, int, uint) {
	return bits | word(in, pos)<<(have&63), pos + int(63-have)>>3, have | 56
}

// take returns the next n bits, which are there.
func (d *Decoder) take(n uint) int {
	v := d.bits & (1<<(n&63) - 1)
	d.bits, d.have = d.bits>>(n&63), d.have-n
	return int(v)
}

func word(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[i:]) }

func putWord(b []byte, i int, v uint64) { binary.LittleEndian.PutUint64(b[i:], v) }
