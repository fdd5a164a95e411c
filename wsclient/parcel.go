package wsclient

import (
	"time"

	"github.com/steadyws/steadyws/internal/wire"
)

// A parcel is messages that came with one read and share memory: a piece of what was
// read, copied at once, frames and all. The frames say where the messages are, and
// Receive makes a Message of each: to the garbage collector, thousands of messages in
// the inbox are a few pointers.
type parcel struct {
	data     []byte
	kind     MessageType // not 0: it is one message, whose payload is data
	n        int         // messages
	bytes    int         // payload
	session  int
	received time.Time
	dropped  int // messages that were thrown away before the first
}

// parcelMost is how much of a read small messages share, and so what one of them pins
// when it is kept.
const parcelMost = 16 << 10

// A packer makes parcels of what one read brought. The reader owns it.
type packer struct {
	list     []parcel
	from, to int // what of the read the last one has; to 0: none
}

// pack puts in the message m, whose data p the last Next of k.r returned.
func (k *connection) pack(m Message, p []byte) {
	w := &k.packer
	read, end, ok := k.r.Place()
	if !ok {
		w.to = 0
		w.list = append(w.list, parcel{data: k.keep(p), kind: m.Type, n: 1, bytes: len(p), session: m.Session, received: m.Received})
		return
	}
	k.include(read, end-len(p)-wire.ServerHeader(len(p)), end, len(p))
}

// packAll puts in the messages at the beginning of what was read, until something else is
// among them.
func (k *connection) packAll(got *arrival) {
	b, most := k.r.Plain()
	if len(b) == 0 || most < 0 {
		return
	}
	read, begin, _ := k.r.Place() // where b begins: nothing is under way elsewhere
	end := begin
	for {
		op, header, n := wire.Glance(read[end:], most)
		if op == 0 {
			break
		}
		from := end
		end += header + n
		k.include(read, from, end, n)
		got.messages++
		got.bytes += uint64(n)
	}
	got.fresh = got.fresh || end > begin
	k.r.Skip(end - begin)
}

// include puts in the message with n bytes of payload that read has there.
func (k *connection) include(read []byte, from, end, n int) {
	w := &k.packer
	if end > w.to {
		w.from, w.to = from, min(len(read), max(end, from+parcelMost))
		w.list = append(w.list, parcel{data: append([]byte(nil), read[w.from:w.to]...), session: k.session, received: k.now})
	}
	last := &w.list[len(w.list)-1]
	last.n++
	last.bytes += n
}

// hide leaves out the message, whose data is p, that the last Next of k.r returned.
func (k *connection) hide(p []byte) {
	w := &k.packer
	switch _, end, ok := k.r.Place(); {
	case !ok:
		w.to = 0 // its fragments must not be parsed again
	case end <= w.to:
		wire.Hide(w.list[len(w.list)-1].data[end-len(p)-wire.ServerHeader(len(p))-w.from:])
	}
}

// idleParcels is how many an idle connection keeps memory for.
const idleParcels = 4

// rest gives back what an idle connection does not need.
func (w *packer) rest() {
	if cap(w.list) > idleParcels {
		w.list = nil
	}
}

// A shelf is what an inbox holds that throws nothing away.
type shelf struct {
	parcels fifo[parcel]
	at      int // what was taken, in the data of the first of them
	taken   int // and how many messages
	n       int // messages
}

// add takes over list and returns memory for those of the next read.
func (s *shelf) add(list []parcel) (spare []parcel) {
	for i := range list {
		s.n += list[i].n
	}
	return s.parcels.pushAll(list)
}

// take makes m the first message, and takes it out; there is one.
func (s *shelf) take(m *Message) {
	p := s.parcels.at(0)
	m.Session, m.Received, m.Dropped = p.session, p.received, 0
	if m.Type = p.kind; m.Type != 0 {
		m.Data = p.data
	} else {
		var op wire.Op
		op, m.Data, s.at = wire.NextMessage(p.data, s.at)
		m.Type = MessageType(op)
	}
	if s.taken == 0 {
		m.Dropped = p.dropped
	}
	s.n--
	if s.taken++; s.taken == p.n {
		s.at, s.taken = 0, 0
		*s.parcels.pop() = parcel{}
	}
}

// rest gives back what an idle inbox does not need; it is empty.
func (s *shelf) rest() {
	if f := &s.parcels; cap(f.out) > idleParcels {
		f.out, f.head = nil, 0
	}
	if f := &s.parcels; cap(f.queue) > idleParcels {
		f.queue = nil
	}
}

// boxed makes a parcel of each of ms.
func boxed(ms []Message) []parcel {
	list := make([]parcel, len(ms))
	for i, m := range ms {
		list[i] = parcel{data: m.Data, kind: m.Type, n: 1, bytes: len(m.Data), session: m.Session, received: m.Received, dropped: m.Dropped}
	}
	return list
}
