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

	history []byte
	codes   *codes // of the block under way; nil: none, or it has no codes
	stored  int    // bytes that are left of a stored block

	*sharing
	own     codes
	lengths [literals + distances]uint8
	sorted  [literals]uint16 // symbols, by the length of their code
	count   [longestCode + 1]uint16
	first   [longestCode + 1]uint16
	tail    [tailSize]byte
}

const (
	// refills is how many bytes two refills may look at.
	refills = 16

	// tailSize has room for what is left when in has less than refills, for a bit
	// buffer that was filled behind it, and for refills.
	tailSize = refills + 8 + refills

	// round is how much one round of fast writes: two literals and the longest
	// match, in words.
	round = 2 + longestMatch + 7
)

// New returns a Decoder, which has 19 KiB.
func New() *Decoder { return &Decoder{sharing: shared()} }

// Begin starts with the message src, which may refer to history, the bytes before
// it. They must stay as they are until Forget, or the next Begin.
func (d *Decoder) Begin(src, history []byte) {
	d.in, d.end, d.padded = src, len(src), false
	d.pos, d.bits, d.have = 0, 0, 0
	d.history, d.codes, d.stored = history, nil, 0
}

// Forget lets go of the message and of the bytes before it.
func (d *Decoder) Forget() { d.in, d.history, d.codes = nil, nil, nil }

// Append inflates into the room that dst has. dst is what Append returned before,
// there or moved to where there is more: 258 bytes more are enough to go on.
func (d *Decoder) Append(dst []byte) ([]byte, State) {
	out, o := dst[:cap(dst)], len(dst)
	for {
		s := Done
		switch {
		case d.stored > 0:
			n := copy(out[o:], d.in[d.pos:d.pos+d.stored])
			o += n
			d.pos += n
			if d.stored -= n; d.stored > 0 {
				return out[:o], Full
			}
		case d.codes != nil:
			if o, s = d.block(out, o); s != Done {
				return out[:o], s
			}
			d.codes = nil
		default:
			if s = d.header(); s != unfinished {
				return out[:o], s
			}
		}
	}
}

// block inflates a block that has codes.
func (d *Decoder) block(out []byte, o int) (int, State) {
	for {
		if !d.ample() {
			return o, Refused
		}
		var s State
		if o <= len(out)-round {
			o, s = d.fast(out, o)
		} else {
			o, s = d.careful(out, o)
		}
		if s != unfinished {
			return o, s
		}
	}
}

// ample sees to it that two refills find bytes. Not ok: the message was over before.
func (d *Decoder) ample() bool {
	if d.pos <= len(d.in)-refills {
		return true
	}
	if d.padded {
		return false
	}
	n := copy(d.tail[:], d.in[d.pos:])
	clear(d.tail[n:])
	d.in, d.pos, d.end, d.padded = d.tail[:], 0, n, true
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
