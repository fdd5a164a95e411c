package wire_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"github.com/steadyws/steadyws/internal/wire"
)

func TestReaderBufferIsNeverEmpty(t *testing.T) {
	garbage := []byte(strings.Repeat("\xff", 50_000))
	for name, head := range map[string][]byte{
		"after a Close":                   join(closing(1000, "")),
		"after a Close inside a message":  join(begin(ws.OpText, "a"), closing(1000, "")),
		"after a violation":               []byte("\xff\xff"),
		"after a violation in a message":  join(begin(ws.OpText, "a"), "\xff\xff"),
		"after invalid text in a message": join(frame{op: ws.OpText, declared: 1 << 30, p: "\xff"}),
	} {
		for _, rest := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, resting %v", name, rest), func(t *testing.T) {
				r := wire.NewReader(math.MaxInt64, nil)
				r.Advance(copy(r.Buffer(), append(slices.Clone(head), garbage...)))
				drain(t, r)
				for range 20 {
					b := r.Buffer()
					if len(b) < wire.LeastRoom {
						t.Fatalf("Buffer has %d bytes", len(b))
					}
					r.Advance(copy(b, garbage))
					if op, p, _ := r.Next(); op != 0 || p != nil || r.Pending() > len(garbage) {
						t.Fatalf("Next returned %d, %q; %d bytes are pending", op, p, r.Pending())
					}
					if rest {
						r.Rest()
						held(t, "resting", r, 0, 0)
					}
				}
				held(t, "at last", r, wire.ReadSize, 0)
				r.Close()
				held(t, "closed", r, 0, 0)
				if len(r.Buffer()) == 0 {
					t.Error("Buffer is empty after Close")
				}
				r.Close()
			})
		}
	}
}

func TestReaderBufferIsNotEmptyWhileAFrameFillsIt(t *testing.T) {
	for _, n := range []int{wire.InPlace - 11, wire.InPlace - 10, wire.InPlace - 9, wire.ReadSize - 10, wire.ReadSize} {
		r := wire.NewReader(anyLimit, nil)
		whole := join(binary(strings.Repeat("x", n)))
		feed(t, r, whole[:len(whole)-1])
		if len(r.Buffer()) == 0 {
			t.Errorf("of %d bytes, one is missing: Buffer is empty", n)
		}
		held(t, "one byte is missing", r, wire.ReadSize, 2*n)
		if r.Rest(); !r.Collecting() && len(r.Buffer()) < wire.LeastRoom {
			t.Errorf("of %d bytes, one is missing: Buffer has %d bytes after Rest", n, len(r.Buffer()))
		}
		if e := feed(t, r, whole[len(whole)-1:]); len(e) != 1 || len(e[0].data) != n {
			t.Errorf("got %v", e)
		}
		r.Close()
	}
}

func TestReaderBufferIsNotEmptyWhenNextWasNotCalled(t *testing.T) {
	r := wire.NewReader(anyLimit, nil)
	one := join(text("a"))
	data := []byte(strings.Repeat(string(one), 200_000))
	for rest := data; len(rest) > 0; {
		n := copy(r.Buffer(), rest)
		if n == 0 {
			t.Fatal("Buffer is empty")
		}
		r.Advance(n)
		rest = rest[n:]
	}
	if n := len(drain(t, r)); n != 200_000 {
		t.Errorf("%d messages; want 200000", n)
	}
	r.Close()
}

func TestTakeGivesAMessageAway(t *testing.T) {
	r := wire.NewReader(anyLimit, nil)
	defer r.Close()
	if r.Take() {
		t.Error("nothing can be taken from a new Reader")
	}
	long := strings.Repeat("1", 200_000)
	r.Advance(copy(r.Buffer(), join(text("a"), begin(ws.OpText, "b"), ping("p"), last("c"), ping("q"))))
	for _, want := range []struct {
		data string
		take bool
	}{{"a", false}, {"p", false}, {"bc", true}, {"q", false}} {
		_, p, _ := r.Next()
		if string(p) != want.data {
			t.Fatalf("got %q, want %q", p, want.data)
		}
		if took := r.Take(); took != want.take || r.Take() {
			t.Errorf("Take of %q is %v, or works twice", p, took)
		}
	}
	// What was taken is left alone; what was not is used again.
	var kept []byte
	for i := range 20 {
		data := join(binary(strings.Repeat(string(rune('a'+i)), len(long))))
		for len(data) > 0 {
			n := copy(r.Buffer(), data)
			r.Advance(n)
			data = data[n:]
			if op, p, _ := r.Next(); op != 0 && i == 0 {
				if !r.Take() {
					t.Fatal("a message in a buffer of its own cannot be taken")
				}
				kept = p
			}
		}
	}
	if string(kept) != strings.Repeat("a", len(long)) {
		t.Error("a message that was taken has changed")
	}
	if _, msg := r.Held(); msg == 0 {
		t.Error("a message that was handed out and not taken is gone before the next call")
	}
	r.Rest()
	held(t, "resting", r, 0, 0)
}

func TestReaderAllocatesNothingInSteadyState(t *testing.T) {
	for name, f := range map[string]frame{
		"empty": binary(""), "binary 16": binary(strings.Repeat("x", 16)), "text 16": text(strings.Repeat("x", 16)),
		"text 100": text(strings.Repeat("\u00e4", 50)), "binary 1000": binary(strings.Repeat("x", 1000)),
		"text 1000": text(strings.Repeat("x", 1000)), "ping": ping("12345678"), "binary 70000": binary(strings.Repeat("x", 70_000)),
	} {
		t.Run(name, func(t *testing.T) {
			stream := []byte(strings.Repeat(string(f.bytes()), min(20_000, wire.ReadSize/len(f.bytes())*2+5)))
			r := wire.NewReader(anyLimit, nil)
			defer r.Close()
			n := 0
			round := func() {
				for rest := stream; len(rest) > 0; {
					k := copy(r.Buffer(), rest)
					r.Advance(k)
					rest = rest[k:]
					for op, _, _ := r.Next(); op != 0; op, _, _ = r.Next() {
						n++
					}
				}
			}
			if allocs := testing.AllocsPerRun(5, round); allocs != 0 || n == 0 {
				t.Errorf("%v allocations in %d messages", allocs, n/6)
			}
		})
	}
}
