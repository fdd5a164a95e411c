package wire_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gobwas/ws"

	"github.com/steadyws/steadyws/internal/wire"
)

// frame is a frame to be made. Its length is that of p unless declared is set.
type frame struct {
	op       ws.OpCode
	more     bool // no FIN
	rsv      byte
	masked   bool
	p        string
	declared int64
}

func (f frame) bytes() []byte {
	h := ws.Header{Fin: !f.more, Rsv: f.rsv, OpCode: f.op, Masked: f.masked, Length: int64(len(f.p))}
	if f.declared != 0 {
		h.Length = f.declared
	}
	var b bytes.Buffer
	if err := ws.WriteHeader(&b, h); err != nil {
		panic(err)
	}
	b.WriteString(f.p)
	return b.Bytes()
}

// join returns the bytes of frames, and of strings as they stand.
func join(parts ...any) []byte {
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case frame:
			b = append(b, p.bytes()...)
		case string:
			b = append(b, p...)
		}
	}
	return b
}

func text(s string) frame   { return frame{op: ws.OpText, p: s} }
func binary(s string) frame { return frame{op: ws.OpBinary, p: s} }
func ping(s string) frame   { return frame{op: ws.OpPing, p: s} }
func begin(op ws.OpCode, s string) frame {
	return frame{op: op, more: true, p: s}
}
func more(s string) frame { return frame{op: ws.OpContinuation, more: true, p: s} }
func last(s string) frame { return frame{op: ws.OpContinuation, p: s} }
func closing(code ws.StatusCode, reason string) frame {
	return frame{op: ws.OpClose, p: string(ws.NewCloseFrameBody(code, reason))}
}

// An event is what Next returned; of an error, only its Close code.
type event struct {
	op   wire.Op
	data string
	code uint16
}

func (e event) String() string {
	if e.code != 0 {
		return fmt.Sprintf("fails with %d", e.code)
	}
	if len(e.data) > 40 {
		return fmt.Sprintf("opcode %d, %d bytes %.20q...", e.op, len(e.data), e.data)
	}
	return fmt.Sprintf("opcode %d, %q", e.op, e.data)
}

func got(op wire.Op, data string) event { return event{op: op, data: data} }
func fails(code uint16) event           { return event{code: code} }

// drain calls Next until there is nothing more.
func drain(t testing.TB, r *wire.Reader) (events []event) {
	for {
		op, p, err := r.Next()
		var e *wire.Error
		switch {
		case err != nil:
			if !errors.As(err, &e) || op != 0 || p != nil || e.Error() == "" {
				t.Fatalf("Next returned %d, %q, %v (%T); want an *Error alone", op, p, err, err)
			}
			if _, _, again := r.Next(); again != err {
				t.Fatalf("Next after %v returned %v", err, again)
			}
			return append(events, fails(e.Code))
		case op == 0:
			if p != nil {
				t.Fatalf("Next returned %d bytes without an opcode", len(p))
			}
			return events
		}
		if cap(p) != len(p) && !r.Take() {
			t.Fatalf("%d bytes with room for %d in the read buffer: an append would overwrite what is behind", len(p), cap(p))
		}
		events = append(events, got(op, string(p)))
	}
}

// feed gives data to r as one read that is too large for Buffer, if it is.
func feed(t testing.TB, r *wire.Reader, data []byte) (events []event) {
	for len(data) > 0 {
		b := r.Buffer()
		if len(b) == 0 {
			t.Fatal("Buffer is empty")
		}
		n := copy(b, data)
		r.Advance(n)
		data = data[n:]
		events = append(events, drain(t, r)...)
		if k := len(events); k > 0 && events[k-1].code != 0 {
			return events
		}
	}
	return events
}

// A chopping is a way in which bytes arrive.
type chopping struct {
	name string
	most int // bytes, or the test takes too long
	f    func(t testing.TB, r *wire.Reader, data []byte) []event
}

func inPieces(size func() int, rest func() bool) func(t testing.TB, r *wire.Reader, data []byte) []event {
	return func(t testing.TB, r *wire.Reader, data []byte) (events []event) {
		for len(data) > 0 {
			n := min(max(size(), 1), len(data))
			events = append(events, feed(t, r, data[:n])...)
			if k := len(events); k > 0 && events[k-1].code != 0 {
				return events
			}
			data = data[n:]
			if rest() {
				r.Rest()
			}
		}
		return events
	}
}

func always() bool { return true }
func never() bool  { return false }

func fixed(n int) func() int { return func() int { return n } }

const huge = 1 << 30

var choppings = []chopping{
	{"at once", huge, feed},
	{"in chops of 1", 3000, inPieces(fixed(1), never)},
	{"in chops of 1, resting", 100, inPieces(fixed(1), always)},
	{"in chops of 7, resting", 300, inPieces(fixed(7), always)},
	{"in chops of 997, resting", huge, inPieces(fixed(997), always)},
	{"in chops of 1448", huge, inPieces(fixed(1448), never)},
	{"in chops of 100000, resting", huge, inPieces(fixed(100_000), always)},
	{"at random", huge, inPieces(func() int { return rand.IntN(3000) }, func() bool { return rand.IntN(2) == 0 })},
}

// check reads data in every chopping and compares the events.
func check(t *testing.T, limit int64, data []byte, want ...event) {
	t.Helper()
	checkReader(t, limit, nil, data, want)
}

// checkReader is check for a connection that agreed on d, unless it is nil.
func checkReader(t *testing.T, limit int64, d *wire.Deflate, data []byte, want []event) {
	t.Helper()
	for _, c := range choppings {
		if len(data) > c.most {
			continue
		}
		r := newReader(limit, nil, d)
		if events := c.f(t, r, data); !slices.Equal(events, want) {
			t.Errorf("%s:\n got %v\nwant %v", c.name, events, want)
		}
		r.Close()
	}
	if len(data) <= 4096 {
		r := newReader(limit, data, d)
		if events := drain(t, r); !slices.Equal(events, want) {
			t.Errorf("with the handshake's answer:\n got %v\nwant %v", events, want)
		}
		r.Close()
	}
}

func newReader(limit int64, early []byte, d *wire.Deflate) *wire.Reader {
	r := wire.NewReader(limit, early)
	if d != nil {
		r.Inflate(d)
	}
	return r
}
