package wire_test

import (
	"bytes"
	stdbinary "encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gobwas/ws"

	"github.com/steadyws/steadyws/internal/wire"
)

const key = 0x89abcdef

// unmasked reads the one frame that b is.
func unmasked(t *testing.T, b []byte) (ws.Header, []byte) {
	t.Helper()
	r := bytes.NewReader(b)
	h, err := ws.ReadHeader(r)
	if err != nil || !h.Masked || int64(r.Len()) != h.Length {
		t.Fatalf("header %+v, %v, with %d bytes behind it", h, err, r.Len())
	}
	p := b[len(b)-r.Len():]
	for i := range p {
		p[i] ^= h.Mask[i%4]
	}
	return h, p
}

func sample(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i * 7)
	}
	return p
}

func TestAppendFrameMasksAllLengths(t *testing.T) {
	lengths := []int{65534, 65535, 65536, 65537, 200_000}
	for n := range 301 {
		lengths = append(lengths, n)
	}
	for _, n := range lengths {
		p := sample(n)
		b := wire.AppendFrame([]byte("before"), opText, p, key)
		if string(b[:6]) != "before" || !bytes.Equal(p, sample(n)) {
			t.Fatalf("%d bytes: what was there, or the payload itself, has changed", n)
		}
		b = b[6:]
		if len(b) != n+wire.HeaderSize(n) || wire.HeaderSize(n) > wire.FrameOverhead {
			t.Errorf("%d bytes make a frame of %d; HeaderSize is %d", n, len(b), wire.HeaderSize(n))
		}
		want := ws.Header{Fin: true, OpCode: ws.OpText, Masked: true, Length: int64(n)}
		stdbinary.LittleEndian.PutUint32(want.Mask[:], key)
		if h, got := unmasked(t, b); h != want || !bytes.Equal(got, p) {
			t.Errorf("%d bytes: header %+v, payload right: %v", n, h, bytes.Equal(got, p))
		}
	}
}

func TestAppendHeaderOfFragments(t *testing.T) {
	for _, fin := range []bool{false, true} {
		for _, op := range []wire.Op{wire.OpContinuation, opText, opBinary, opClose, opPing, opPong} {
			h, _ := unmasked(t, wire.AppendHeader(nil, op, fin, 0, key))
			if h.Fin != fin || wire.Op(h.OpCode) != op || h.Rsv != 0 {
				t.Errorf("opcode %d, FIN %v became %+v", op, fin, h)
			}
		}
	}
}

func TestAppendPayloadMasksInPieces(t *testing.T) {
	var mask [4]byte
	stdbinary.LittleEndian.PutUint32(mask[:], key)
	for n := range 301 {
		for offset := range 9 {
			want := sample(n)
			ws.Cipher(want, mask, offset)
			p := sample(n)
			if got := wire.AppendPayload([]byte("x"), p, key, offset); got[0] != 'x' || !bytes.Equal(got[1:], want) || !bytes.Equal(p, sample(n)) {
				t.Fatalf("%d bytes at offset %d: got %x, want %x", n, offset, got[1:], want)
			}
		}
		for _, cut := range []int{0, 1, 2, 3, 5, n / 2, n} {
			cut = min(cut, n)
			b := wire.AppendHeader(nil, opBinary, true, n, key)
			b = wire.AppendPayload(b, sample(n)[:cut], key, 0)
			b = wire.AppendPayload(b, sample(n)[cut:], key, cut)
			if _, got := unmasked(t, b); !bytes.Equal(got, sample(n)) {
				t.Fatalf("%d bytes, cut at %d: %x", n, cut, got)
			}
		}
	}
}

func TestAppendFrameAllocatesNothing(t *testing.T) {
	var k wire.Keys
	buf, p := make([]byte, 0, 100<<10), sample(300)
	if n := testing.AllocsPerRun(100, func() {
		buf = wire.AppendFrame(buf[:0], opBinary, p[:20], k.Next())
		buf = wire.AppendFrame(buf, opText, p, k.Next())
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// RFC 6455 10.3: unpredictable. What can be seen from here: no key comes again,
// no bit stands still, two sources are not the same.
func TestKeysDoNotRepeat(t *testing.T) {
	var a, b wire.Keys
	const n = 20_000
	seen, twice := map[uint32]bool{}, 0
	var ones [32]int
	var before uint32
	for i := range n {
		k := a.Next()
		if seen[k] {
			twice++ // once in 20 times, by chance
		}
		seen[k] = true
		if i > 0 && (k == before || k == b.Next()) {
			t.Fatalf("key %d comes twice in a row, or from two sources", i)
		}
		before = k
		for bit := range ones {
			ones[bit] += int(k >> bit & 1)
		}
	}
	if twice > 3 {
		t.Errorf("%d of %d keys came before", twice, n)
	}
	for bit, got := range ones {
		if got < n*45/100 || got > n*55/100 {
			t.Errorf("bit %d is set in %d of %d keys", bit, got, n)
		}
	}
}

func TestAppendCloseMakesWhatParseCloseReads(t *testing.T) {
	for name, c := range map[string]struct {
		code   uint16
		reason string
		want   string
	}{
		"a code and a reason":             {1000, "bye", "\x03\xe8bye"},
		"a code alone":                    {4999, "", "\x13\x87"},
		"no code is an empty body":        {0, "", ""},
		"nor is there a reason then":      {0, "why", ""},
		"1005 is never sent":              {1005, "why", ""},
		"a reason of 123 bytes":           {1000, strings.Repeat("x", 123), "\x03\xe8" + strings.Repeat("x", 123)},
		"a reason of 124 bytes is cut":    {1000, strings.Repeat("x", 124), "\x03\xe8" + strings.Repeat("x", 123)},
		"it is cut before a rune of 2":    {1000, strings.Repeat("x", 122) + "\u00e4y", "\x03\xe8" + strings.Repeat("x", 122)},
		"it is cut before a rune of 3":    {1000, strings.Repeat("x", 121) + "\u20ac", "\x03\xe8" + strings.Repeat("x", 121)},
		"it is cut before a rune of 4":    {1000, strings.Repeat("x", 120) + "\U0001f600", "\x03\xe8" + strings.Repeat("x", 120)},
		"a rune that just fits":           {1000, strings.Repeat("x", 120) + "\u20acz", "\x03\xe8" + strings.Repeat("x", 120) + "\u20ac"},
		"only runes of 4":                 {1000, strings.Repeat("\U0001f600", 40), "\x03\xe8" + strings.Repeat("\U0001f600", 30)},
		"what is not UTF-8 is made so":    {1000, "a\xffb", "\x03\xe8a\ufffdb"},
		"also if it has to be cut for it": {1000, strings.Repeat("a\xff", 60), "\x03\xe8" + strings.Repeat("a\ufffd", 30) + "a"},
	} {
		t.Run(name, func(t *testing.T) {
			p := wire.AppendClose([]byte("x"), c.code, c.reason)
			if string(p) != "x"+c.want || len(p)-1 > wire.MaxControlPayload {
				t.Fatalf("got %q, want %q", p[1:], c.want)
			}
			code, reason, err := wire.ParseClose(p[1:])
			if c.want == "" {
				c.code, c.want = 1005, "xx"
			}
			if err != nil || code != c.code || reason != c.want[2:] || !utf8.ValidString(reason) {
				t.Errorf("read as %d, %q, %v", code, reason, err)
			}
		})
	}
}

// RFC 6455 7.4 and the IANA registry.
func TestParseCloseKnowsWhichCodesMayBeSent(t *testing.T) {
	good := func(code int) bool {
		switch code {
		case 1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014:
			return true
		}
		return code >= 3000 && code < 5000
	}
	for code := range 1 << 16 {
		got, reason, err := wire.ParseClose([]byte{byte(code >> 8), byte(code), 'r'})
		var e *wire.Error
		switch {
		case good(code) && (err != nil || int(got) != code || reason != "r"):
			t.Errorf("%d is read as %d, %q, %v", code, got, reason, err)
		case !good(code) && (!errors.As(err, &e) || e.Code != 1002 || e.TooBig()):
			t.Errorf("%d is read as %d, %v", code, got, err)
		}
	}
}

func TestParseCloseRefusesABadBody(t *testing.T) {
	if code, reason, err := wire.ParseClose(nil); code != 1005 || reason != "" || err != nil {
		t.Errorf("an empty body is read as %d, %q, %v", code, reason, err)
	}
	var e *wire.Error
	if _, _, err := wire.ParseClose([]byte{3}); !errors.As(err, &e) || e.Code != 1002 {
		t.Errorf("a body of one byte: %v", err)
	}
	for _, s := range append(invalidTexts, "good\xff", "\xe2\x82") {
		if _, _, err := wire.ParseClose([]byte("\x03\xe8" + s)); !errors.As(err, &e) || e.Code != 1007 {
			t.Errorf("the reason %q: %v", s, err)
		}
	}
	for _, s := range validTexts {
		if _, reason, err := wire.ParseClose([]byte("\x03\xe8" + s)); reason != s || err != nil {
			t.Errorf("the reason %q is read as %q, %v", s, reason, err)
		}
	}
}

func TestErrorsSayWhatWasWrong(t *testing.T) {
	r := wire.NewReader(10, nil)
	defer r.Close()
	r.Advance(copy(r.Buffer(), join(binary(strings.Repeat("x", 11)))))
	_, _, err := r.Next()
	var e *wire.Error
	if !errors.As(err, &e) || !e.TooBig() || e.Code != 1009 || !strings.Contains(err.Error(), "10 bytes") {
		t.Errorf("too large: %v", err)
	}
	r = wire.NewReader(10, []byte("\x83\x00"))
	defer r.Close()
	_, _, err = r.Next()
	if !errors.Is(err, ws.ErrProtocolOpCodeReserved) || fmt.Sprint(err) != ws.ErrProtocolOpCodeReserved.Error() {
		t.Errorf("a reserved opcode: %v", err)
	}
}
