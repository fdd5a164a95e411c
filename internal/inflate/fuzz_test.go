package inflate_test

import (
	"bytes"
	"compress/flate"
	"io"
	"testing"

	"github.com/steadyws/steadyws/internal/inflate"
)

// What a receiver puts behind a message (RFC 7692 7.2.2), and a final block.
const (
	tail  = "\x00\x00\xff\xff"
	final = "\x01\x00\x00\xff\xff"
)

// reference is what the standard library makes of the message src, and whether it is
// ordinary and within the limit: its last block is a stored one whose length is
// missing, and none is final. So the library's stream ends exactly where it should,
// and another length would do as well.
func reference(src, history []byte, limit int) (p []byte, ordinary bool) {
	read := func(end string) ([]byte, bool) {
		in := bytes.NewReader(append(bytes.Clone(src), end+final...))
		p, err := io.ReadAll(io.LimitReader(flate.NewReaderDict(in, history), int64(limit)+2))
		return p, err == nil && in.Len() == 0
	}
	p, empty := read(tail)
	q, one := read("\x01\x00\xfe\xffx")
	return p, empty && one && bytes.Equal(append(bytes.Clone(p), 'x'), q) && len(p) <= limit
}

// within inflates src as who has a limit does, with room bytes in the beginning.
func within(d *inflate.Decoder, src, history []byte, limit, room int) (p []byte, ok bool) {
	d.Begin(src, history)
	defer d.Forget()
	out := make([]byte, 0, min(room, limit))
	for {
		p, s := d.Append(out)
		if s != inflate.Full {
			return p, s == inflate.Done
		}
		if cap(out) == limit {
			return p, false
		}
		out = append(make([]byte, 0, min(limit, max(2*cap(out), len(p)+258))), p...)
	}
}

// agrees fails unless d makes of src what the standard library does, and takes it if
// it is ordinary and within the limit.
func agrees(t *testing.T, d *inflate.Decoder, src, history []byte, limit, room int) (p []byte, ok bool) {
	t.Helper()
	want, ordinary := reference(src, history, limit)
	p, ok = within(d, src, history, limit, room)
	switch {
	case ok != ordinary:
		t.Fatalf("taken is %v and ordinary %v: %d bytes of %d, limit %d", ok, ordinary, len(p), len(src), limit)
	case len(p) > limit:
		t.Fatalf("%d bytes, limit %d", len(p), limit)
	case ok && !bytes.Equal(p, want):
		t.Fatalf("%d other bytes than the %d of the reference", len(p), len(want))
	}
	return p, ok
}

// FuzzInflateOnce: what is taken is what the standard library makes of the same bytes
// without an error, and every ordinary message within the limit is taken.
func FuzzInflateOnce(f *testing.F) {
	for level := flate.HuffmanOnly; level <= 9; level++ {
		f.Add([]byte(`{"symbol":"AB-USD","price":12.34},{"symbol":"CD-USD","price":56.78},{"symbol":"AB-USD","price":11111111111}`), []byte(`{"symbol":"`), uint16(300), uint16(level+3), uint16(level), byte(0))
	}
	for _, c := range cases {
		f.Add(c.src(), []byte(c.history), uint16(1000), uint16(0), uint16(400), byte(0))
	}
	d := inflate.New()
	f.Fuzz(func(t *testing.T, p, history []byte, limit, how, room uint16, flip byte) {
		// Random bytes are hardly ever valid: most are compressed, and one byte is
		// changed in some.
		src := p
		if level := int(how % 16); level > 0 {
			c := newDeflater(min(level-3, 9))
			c.message(history)
			src = c.message(p)
			if at := int(how / 16); flip != 0 && at < len(src) {
				src[at] ^= flip
			}
		}
		agrees(t, d, src, history, int(limit), int(room))
	})
}
