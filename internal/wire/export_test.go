package wire

import "sync"

// ReadSize and Straight are sizes at which the Reader changes its ways.
const (
	ReadSize  = readSize
	InPlace   = inPlace
	Straight  = straight
	LeastRoom = leastRoom
)

// ErrExtension is the refusal of an answer with an extension that was not offered.
var ErrExtension = errExtension

// Held is the memory that r holds: what was read, and the message under way.
func (r *Reader) Held() (in, msg int) {
	if r.in != nil {
		in = cap(r.in.b)
	}
	if r.msg != nil {
		msg = cap(r.msg.b)
	}
	if r.inf != nil && r.inf.out != nil {
		msg += cap(r.inf.out.b)
	}
	return in, msg
}

// Remembered is the memory that r holds of the messages before.
func (r *Reader) Remembered() int { return cap(r.inf.hist.b) }

// Packed is the memory that r holds of a message that is not inflated yet.
func (r *Reader) Packed() int {
	if r.packed && r.msg != nil {
		return cap(r.msg.b)
	}
	return 0
}

// Inflating reports whether a message is inflated as it arrives.
func (r *Reader) Inflating() bool { return r.inf.part != nil }

// ForgetSpares lets go of all pooled buffers.
func ForgetSpares() {
	for i := range scraps {
		scraps[i] = sync.Pool{}
	}
}

// Again is how many decoders of the library are made while f runs, none being spare.
func Again(f func()) (n int) {
	make := decoders.New
	decoders = sync.Pool{New: func() any { n++; return make() }}
	f()
	decoders = sync.Pool{New: make}
	return n
}
