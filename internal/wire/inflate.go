package wire

import (
	"bytes"
	"errors"
	"io"
	"iter"
	"sync"

	"github.com/klauspost/compress/flate"

	"github.com/steadyws/steadyws/internal/inflate"
)

const (
	// inflateTail is put behind each message: what the sender has cut off
	// (RFC 7692 7.2.2), and an empty final block, so that the end is an EOF.
	inflateTail = syncTail + "\x01\x00\x00\xff\xff"

	// inflateWhole is how much of a compressed message is collected. A longer
	// one is inflated while it arrives: it is never held twice.
	inflateWhole = 32 << 10

	// finalsMost bounds the final blocks inside a message, each of which makes
	// the decoder begin anew.
	finalsMost = 256
)

// An inflater undoes permessage-deflate on one connection's receiving side. It
// holds a decoder only while a message arrives in parts, and of the messages
// before it what the server may refer to.
type inflater struct {
	limit   int64
	context bool
	hist    history

	// Of the message under way.
	out    *scrap
	finals int
	part   *partial // it is inflated as it arrives; nil: not
}

func newInflater(limit int64, d *Deflate) *inflater {
	return &inflater{limit: limit, context: !d.ServerNoContext, hist: history{size: 1 << d.ServerBits}}
}

// A decoder inflates messages. The library knows how to read a bytes.Reader
// fast.
type decoder struct {
	bytes.Reader
	buf []byte // a message with its tail
	fr  io.Reader
}

var decoders = sync.Pool{New: func() any { return &decoder{fr: flate.NewReader(nil)} }}

func (d *decoder) free() {
	if cap(d.buf) > readSize {
		d.buf = nil
	}
	d.Reader.Reset(nil)
	decoders.Put(d)
}

// inflateSlack is room that spares messages which get four times as large the slow
// end of a buffer.
const inflateSlack = 300

var inflaters = sync.Pool{New: func() any { return inflate.New() }}

// whole inflates the message p: done hands it out. A message as they usually are, which
// is valid, within the limit and without a final block, needs no library; what else
// there is, again tells.
func (f *inflater) whole(p []byte) error {
	d := inflaters.Get().(*inflate.Decoder)
	d.Begin(p, f.hist.window())
	f.start(4*len(p) + inflateSlack)
	s := inflate.Full
	for more := true; more; more = s == inflate.Full && f.widen() {
		b := f.out.b
		b, s = d.Append(b[:len(b):min(int64(cap(b)), f.limit)])
		f.out.b = f.out.b[:len(b)]
	}
	d.Forget()
	inflaters.Put(d)
	if s == inflate.Done {
		return nil
	}
	f.out.b = f.out.b[:0]
	return f.again(p)
}

// widen makes room in a buffer that is full, up to the limit.
func (f *inflater) widen() bool {
	n := int64(cap(f.out.b))
	if n >= f.limit {
		return false
	}
	f.out = f.out.moved(f.out.b, int(min(2*n, f.limit)))
	return true
}

// again inflates p with the library.
func (f *inflater) again(p []byte) error {
	d := decoders.Get().(*decoder)
	defer d.free()
	d.buf = append(append(d.buf[:0], p...), inflateTail...)
	d.Reader.Reset(d.buf)
	return f.run(d.fr, &d.Reader, d.Reader.Len)
}

// start makes room for a message of n bytes or so.
func (f *inflater) start(n int) { f.out, f.finals = newScrap(int(min(int64(n), f.limit))), 0 }

// run inflates src to its end. left is how many bytes of it are left; more than
// the tail's as long as the end of the message has not come.
func (f *inflater) run(fr io.Reader, src flate.Reader, left func() int) error {
	dict := f.hist.window()
	for {
		if err := fr.(flate.Resetter).Reset(src, dict); err != nil {
			return err
		}
		if err := f.read(fr); err != io.EOF {
			return err
		}
		switch n := left(); {
		case n == 0, n == len(inflateTail), n == len(inflateTail)-len(syncTail):
			return nil // a final block was the message's end, or the one whose octets are cut off
		case n < len(inflateTail):
			return errDeflate
		}
		// A final block inside the message (RFC 7692 7.2.3.4): what follows may
		// refer to what came before.
		if f.finals++; f.finals > finalsMost {
			return violation(codeInvalidData, "compressed message of more than %d parts", finalsMost)
		}
		dict = append(bytes.Clone(f.hist.window()), f.out.b[max(0, len(f.out.b)-f.hist.size):]...)
		dict = dict[max(0, len(dict)-f.hist.size):]
	}
}

var errDeflate = violation(codeInvalidData, "invalid compressed data")

// read inflates one deflate stream. It returns io.EOF at its end.
func (f *inflater) read(fr io.Reader) error {
	for {
		if f.out.room() == 0 {
			n := 2 * int64(cap(f.out.b))
			if n > f.limit {
				n = f.limit + 1 // one byte more than the limit tells that it is exceeded
			}
			f.out = f.out.moved(f.out.b, int(n))
		}
		b := f.out.b
		n, err := fr.Read(b[len(b):cap(b)])
		f.out.b = b[:len(b)+n]
		switch {
		case int64(len(f.out.b)) > f.limit:
			return tooBig(f.limit)
		case err == io.EOF, err == errStopped:
			return err
		case err != nil:
			return errDeflate
		}
	}
}

// done hands the message out.
func (f *inflater) done() *scrap {
	if f.context {
		f.hist.add(f.out.b)
	}
	out := f.out
	f.out, f.part = nil, nil
	return out
}

// drop forgets the message under way.
func (f *inflater) drop() {
	if f == nil {
		return
	}
	if f.part != nil {
		f.part.stop()
		f.part = nil
	}
	f.out.free()
	f.out = nil
}

// A partial is a message that is inflated while it arrives. The library pulls
// its bytes, so it runs as a coroutine, which sleeps in ReadByte while there are
// none.
type partial struct {
	resume func() (struct{}, bool)
	stop   func()
	err    error // how it ended

	p     []byte // what came and was not taken
	ended bool   // p is the tail
	yield func(struct{}) bool
}

// begin inflates a message piece by piece: feed its bytes, then the tail.
func (f *inflater) begin() {
	f.start(4 * inflateWhole)
	s := &partial{}
	f.part = s
	s.resume, s.stop = iter.Pull(func(yield func(struct{}) bool) {
		d := decoders.Get().(*decoder)
		s.yield = yield
		s.err = f.run(d.fr, s, s.left)
		d.fr.(flate.Resetter).Reset(&d.Reader, nil) // it must not pin s
		d.free()
	})
}

// feed inflates p.
func (f *inflater) feed(p []byte) error {
	s := f.part
	s.p = p
	s.resume() // until it has taken all of p, or has ended
	return s.err
}

// end inflates the tail: done hands the message out.
func (f *inflater) end() error {
	f.part.ended = true
	return f.feed([]byte(inflateTail))
}

var errStopped = errors.New("the connection has ended")

// wait waits for bytes.
func (s *partial) wait() bool {
	for len(s.p) == 0 {
		if s.ended || !s.yield(struct{}{}) {
			return false
		}
	}
	return true
}

// eof is why there are no bytes.
func (s *partial) eof() error {
	if s.ended {
		return io.EOF
	}
	return errStopped
}

func (s *partial) ReadByte() (byte, error) {
	if len(s.p) == 0 && !s.wait() {
		return 0, s.eof()
	}
	b := s.p[0]
	s.p = s.p[1:]
	return b, nil
}

func (s *partial) Read(p []byte) (int, error) {
	if !s.wait() {
		return 0, s.eof()
	}
	n := copy(p, s.p)
	s.p = s.p[n:]
	return n, nil
}

func (s *partial) left() int {
	if s.wait(); !s.ended {
		return len(s.p) + len(inflateTail) + 1
	}
	return len(s.p)
}
