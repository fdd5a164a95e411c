package wire_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"github.com/steadyws/steadyws/internal/wire"
)

// held fails unless r holds at most in and msg bytes.
func held(t *testing.T, when string, r *wire.Reader, in, msg int) {
	t.Helper()
	if i, m := r.Held(); i > in || m > msg {
		t.Errorf("%s: %d bytes for reads and %d for a message; want at most %d and %d", when, i, m, in, msg)
	}
}

func TestReaderHoldsMemoryForWhatCameNotForWhatWasDeclared(t *testing.T) {
	for name, head := range map[string][]byte{
		"in one frame":            join(frame{op: ws.OpBinary, declared: 1 << 40}),
		"in a first fragment":     join(frame{op: ws.OpText, more: true, declared: math.MaxInt64}),
		"in a last fragment":      join(begin(ws.OpText, ""), frame{op: ws.OpContinuation, declared: 1 << 62}),
		"of 100 KiB, in place":    join(frame{op: ws.OpText, declared: 100 << 10}),
		"of 1 MiB, and no more":   join(frame{op: ws.OpBinary, declared: 1 << 20}),
		"of 3 MiB, not more":      join(frame{op: ws.OpBinary, declared: 3 << 20}),
		"in fragments of 64 each": nil,
	} {
		t.Run("a message declared "+name, func(t *testing.T) {
			wire.ForgetSpares() // or it might take one, for which nothing is allocated
			r := wire.NewReader(math.MaxInt64, nil)
			defer r.Close()
			feed(t, r, head)
			chunk := []byte(strings.Repeat("x", 1000))
			for came := 0; came < 300<<10 && (came < 99<<10 || !strings.Contains(name, "place")); came += len(chunk) {
				if head == nil {
					chunk = join(frame{op: ws.OpContinuation, more: true, p: strings.Repeat("x", 64)})
					if came == 0 {
						chunk[0] |= byte(ws.OpText)
					}
				}
				if b := r.Buffer(); len(b) > max(wire.ReadSize, 3*came) {
					t.Fatalf("Buffer of %d bytes after %d", len(b), came)
				}
				if e := feed(t, r, chunk); e != nil {
					t.Fatal(e)
				}
				held(t, "while reading", r, wire.ReadSize, max(512, 4*(came+len(chunk))))
				r.Rest()
				held(t, "resting", r, 512, max(512, 4*(came+len(chunk))))
				if t.Failed() {
					return
				}
			}
		})
	}
}

func TestReaderPutsTinyFragmentsTogetherOnce(t *testing.T) {
	r := wire.NewReader(anyLimit, nil)
	defer r.Close()
	feed(t, r, join(begin(ws.OpBinary, "")))
	many := join(more(strings.Repeat("x", 100)))
	many = []byte(strings.Repeat(string(many), 1000))
	moves, before := 0, 0
	for range 40 { // 4 MB
		feed(t, r, many)
		if _, msg := r.Held(); msg != before {
			moves, before = moves+1, msg
		}
	}
	if moves > 8 {
		t.Errorf("the message was moved %d times or more", moves)
	}
	if e := feed(t, r, join(last(""))); len(e) != 1 || len(e[0].data) != 4_000_000 {
		t.Errorf("got %v", e)
	}
}

func TestReaderReadsALargeMessageStraightIntoItsBuffer(t *testing.T) {
	const size = 3 << 20
	whole := join(binary(strings.Repeat("x", size)), binary("next"))
	r := wire.NewReader(anyLimit, nil)
	defer r.Close()
	var events []event
	reads := 0
	for rest := whole; len(rest) > 0; reads++ {
		b := r.Buffer()
		if r.Collecting() != (len(whole)-len(rest) >= wire.Straight && len(events) == 0) {
			t.Fatalf("Collecting is %v after %d bytes", r.Collecting(), len(whole)-len(rest))
		}
		left := size + 10 - (len(whole) - len(rest))
		if r.Collecting() && len(b) < min(left, wire.Straight/4) {
			t.Fatalf("Buffer takes only %d bytes of %d", len(b), left)
		}
		if over := len(b) - left; r.Collecting() && over > 0 {
			t.Fatalf("Buffer takes %d bytes that are not the message's", over)
		}
		n := copy(b, rest)
		r.Advance(n)
		rest = rest[n:]
		for {
			op, p, err := r.Next()
			if op == 0 || err != nil {
				break
			}
			if events = append(events, got(op, string(p))); len(p) == size {
				_, msg := r.Held()
				if !r.Take() || msg > size {
					t.Errorf("a message of %d bytes lies in %d; and can be taken: %v", size, msg, r.Take())
				}
			}
		}
	}
	if want := []event{got(opBinary, strings.Repeat("x", size)), got(opBinary, "next")}; !slices.Equal(events, want) {
		t.Errorf("got %v", events)
	}
	if reads > 20 {
		t.Errorf("%d reads for 3 MiB; want fewer the more has come", reads)
	}
	// What comes next is none of that business.
	feed(t, r, join(binary(strings.Repeat("x", 70_000)))[:66_000])
	if r.Rest(); r.Collecting() || len(r.Buffer()) < wire.LeastRoom {
		t.Errorf("Collecting is %v and Buffer has %d bytes after Rest, before Next", r.Collecting(), len(r.Buffer()))
	}
}

func TestReaderRestsWithoutABuffer(t *testing.T) {
	r := wire.NewReader(anyLimit, nil)
	held(t, "new", r, 0, 0)
	r.Rest()
	feed(t, r, join(text("a"), ping("b"), begin(ws.OpText, "c"), last("d")))
	r.Rest()
	held(t, "after whole messages", r, 0, 0)
	feed(t, r, join(frame{op: ws.OpBinary, declared: 70_000})[:9])
	r.Rest()
	held(t, "with most of a header", r, 512, 0)
	if r.Pending() != 9 {
		t.Errorf("Pending is %d with 9 bytes of a header", r.Pending())
	}
	r.Rest()
	held(t, "resting again", r, 512, 0)
	feed(t, r, []byte("\x70"+strings.Repeat("x", 10_000)))
	r.Rest()
	held(t, "with a part of a frame", r, 0, 16<<10)
	if r.Pending() != 0 {
		t.Errorf("Pending is %d", r.Pending())
	}
	if b := r.Buffer(); len(b) != wire.ReadSize {
		t.Errorf("Buffer has %d bytes where more than the frame may come", len(b))
	}
	r.Close()
	held(t, "closed", r, 0, 0)
}

// A Rest in between loses nothing and hides nothing, whenever it comes.
func TestReaderRestsWithUnparsedMessages(t *testing.T) {
	data := join(text("a"), binary("b"), begin(ws.OpText, "c"), ping("p"), last("d"), text(strings.Repeat("x", 200)))
	want := []event{got(opText, "a"), got(opBinary, "b"), got(opPing, "p"), got(opText, "cd"), got(opText, strings.Repeat("x", 200))}
	for cut := range len(data) {
		r := wire.NewReader(anyLimit, nil)
		r.Advance(copy(r.Buffer(), data[:cut]))
		var events []event
		for op, p, err := r.Next(); op != 0; op, p, err = r.Next() {
			if err != nil {
				t.Fatal(err)
			}
			events = append(events, got(op, string(p)))
			r.Rest()
		}
		events = append(events, feed(t, r, data[cut:])...)
		if !slices.Equal(events, want) {
			t.Fatalf("cut at %d: %v", cut, events)
		}
		r.Close()
	}
}
