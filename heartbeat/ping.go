package heartbeat

import (
	"encoding/binary"
	"time"
)

// PayloadSize is the length of a control ping's payload.
const PayloadSize = 8

// AppendPayload appends the payload of the seq-th ping of a connection. tag is
// a random number of the connection: a pong that is not an answer (RFC 6455
// 5.5.3) will not be taken for one.
func AppendPayload(dst []byte, tag uint32, seq uint32) []byte {
	dst = binary.BigEndian.AppendUint32(dst, tag)
	return binary.BigEndian.AppendUint32(dst, seq)
}

// ParsePayload returns the number of the ping that a pong answers.
func ParsePayload(p []byte, tag uint32) (seq uint32, ok bool) {
	if len(p) != PayloadSize || binary.BigEndian.Uint32(p) != tag {
		return 0, false
	}
	return binary.BigEndian.Uint32(p[4:]), true
}

// RTT is a round-trip time: the last one, and the smoothed one with its
// variation, as TCP computes them (RFC 6298 2). The zero value is none yet.
type RTT struct {
	Last, Smoothed, Var time.Duration
}

// Add takes one more measurement.
func (r *RTT) Add(d time.Duration) {
	if r.Last = d; r.Smoothed == 0 {
		r.Smoothed, r.Var = d, d/2
		return
	}
	r.Var = (3*r.Var + (r.Smoothed - d).Abs()) / 4
	r.Smoothed = (7*r.Smoothed + d) / 8
}
