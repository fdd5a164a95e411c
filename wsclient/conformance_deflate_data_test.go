package wsclient_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"unicode/utf8"

	"github.com/gobwas/ws"

	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

// Compressed messages that do not inflate, or not to text, or refer to what is not
// there: 1007, as for text that is not UTF-8 (RFC 6455 7.4.1).

// A badMessage is against RFC 1951 3.2, or what it refers to is not there.
type badMessage struct {
	name string
	*blocks
	first bool // only where no message was before
}

func badMessages() []badMessage {
	made := func() *blocks { return new(blocks) }
	// lengths begins a dynamic block: so many of the code lengths that follow.
	lengths := func(literals, distances int, short ...int) *blocks {
		b := made().dynamic().bits(literals-257, 5).bits(distances-1, 5).bits(len(short)-4, 4)
		for _, n := range short {
			b.bits(n, 3)
		}
		return b
	}
	filled := func(b *blocks) *blocks { return b.bits(0, 320) }
	return []badMessage{
		{"a block of type 3", made().bits(0b110, 3), false},
		{"a final block of type 3", made().bits(0b111, 3), false},
		{"a block of type 3 behind others", made().fixed().text("abc").end().stored(0, "def").bits(0b110, 3), false},
		{"a stored block of two lengths", &blocks{p: []byte("\x00\x05\x00\xfb\xffHello")}, false},
		{"a stored block cut by the end", &blocks{p: []byte("\x00\x64\x00\x9b\xffHello")}, false},
		{"a block without an end", made().fixed().text("Hello"), false},
		{"a final block without an end", made().final().text("Hello"), false},
		{"a block of type 3 behind a final one", made().final().text("Hello").end().align().bits(0b110, 3), false},
		{"length code 286", made().fixed().text("abc").symbol(286).code(0, 5).end(), false},
		{"length code 287", made().fixed().text("abc").symbol(287).code(0, 5).end(), false},
		{"distance code 30", made().fixed().text("abc").symbol(257).code(30, 5).end(), false},
		{"distance code 31", made().fixed().text("abc").symbol(257).code(31, 5).end(), false},
		{"a reference to nothing", made().fixed().copy(3, 1).end(), true},
		{"a reference before the first octet", made().fixed().text("abc").copy(3, 4).end(), true},
		{"a reference far before it", made().fixed().text("abc").copy(258, 32768).end(), false},
		{"a reference before it, behind a final block", made().final().text("abc").end().align().fixed().copy(3, 4).end(), true},
		{"287 literals", filled(lengths(287, 1, 1, 0, 0, 1)), false},
		{"31 distances", filled(lengths(257, 31, 1, 0, 0, 1)), false},
		{"codes of lengths, too many", filled(lengths(257, 1, 1, 1, 1, 1)), false},
		{"codes of lengths, none", filled(lengths(257, 1, 0, 0, 0, 0)), false},
		{"codes of lengths, one too few", filled(lengths(257, 1, 2, 2, 2, 0)), false},
		{"a length of nothing repeated", filled(lengths(257, 1, 1, 0, 0, 1).code(1, 1)), false},
		{"more lengths than codes", filled(lengths(257, 1, 0, 0, 1, 1).code(1, 1).bits(127, 7).code(1, 1).bits(127, 7)), false},
		// The lengths are 1 and 18, a run of zeros. Two literals have a bit each.
		{"no code for the end", filled(lengths(257, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1).
			code(1, 1).bits(86, 7).code(0, 1).code(0, 1).code(1, 1).bits(127, 7).code(1, 1).bits(9, 7).code(0, 1)), false},
	}
}

func invalidDataCases() (cases []wireCase) {
	hello, heard := packedText("\xf2\x48\xcd\xc9\xc9\x07\x00"), testserver.TextFrame("Hello")
	for _, m := range badMessages() {
		z := packed(ws.OpBinary, m.message())
		cases = append(cases, badData(m.name, []testserver.Frame{z}))
		if !m.first {
			cases = append(cases, badData(m.name+", in the third message", []testserver.Frame{hello, heard, z}, heard, heard))
		}
	}
	// A large message is inflated while it arrives, and fails there.
	large := new(blocks)
	for part := range slices.Chunk(noise(100_000), 1000) {
		large.stored(0, string(part))
	}
	late := badData("a block of type 3 in the middle of a large message", []testserver.Frame{packed(ws.OpBinary, slices.Concat(large.p, []byte{6}, large.p))})
	late.needs = len(large.p) + 2*chop
	cases = append(cases, late, badData("a large message cut within a block", []testserver.Frame{packed(ws.OpBinary, large.p[:90_000])}),
		badData("a block of type 3 at the end of a large message", []testserver.Frame{packed(ws.OpBinary, append(bytes.Clone(large.p), 6))}))
	return append(deflated(compression{}, cases...), deflated(compression{offer: wsclient.CompressionNoContext},
		badData("a reference to a message without context", []testserver.Frame{hello, packedText("\xf2\x00\x11\x00\x00")}, heard))...)
}

// deflatedTextCases are section 6, compressed.
func deflatedTextCases() (cases []wireCase) {
	d := &testserver.Deflater{}
	for _, c := range thinned(slices.Concat(validTextCases(), invalidTextCases())) {
		if c.op != ws.OpText || c.payload == nil {
			continue
		}
		f := d.Frame(ws.OpText, c.payload)
		made := badData(c.name, []testserver.Frame{f})
		if c.code != ws.StatusInvalidFramePayloadData {
			made = clean("", c.name, each(f), c.want...)
		}
		made.name = fmt.Sprintf("%s %s, compressed", c.id, c.name)
		cases = append(cases, made)
	}
	// It is invalid at its beginning, and fails long before its end.
	text := append([]byte("\xc0\xaf"), noise(400_000)...)
	for i := range text[2:] {
		text[2+i] &= 0x7f
	}
	stored := new(blocks)
	for part := range slices.Chunk(text, 60_000) {
		stored.stored(0, string(part))
	}
	early := badData("a large text that begins wrong", []testserver.Frame{packed(ws.OpText, stored.message())})
	early.needs = 110_000
	cut := badData("a large text that ends within a rune", []testserver.Frame{packed(ws.OpText, new(blocks).stored(0, string(text[2:60_000])).stored(0, "\xe2\x82").message())})
	runes := new(blocks)
	var valid []byte
	for r := rand.New(rand.NewPCG(3629, 0)); len(valid) < 200_000; {
		if v := rune(r.IntN(0x110000) >> r.IntN(18)); utf8.ValidRune(v) {
			valid = utf8.AppendRune(valid, v)
		}
	}
	for part := range slices.Chunk(valid, 7777) {
		runes.stored(0, string(part))
	}
	right := clean("", "a large text of runes of all lengths", each(packed(ws.OpText, runes.message())), testserver.TextFrame(string(valid)))
	bytewise := clean("", "the same as binary", each(packed(ws.OpBinary, stored.message())), testserver.BinaryFrame(text))
	return deflated(compression{}, append(cases, early, cut, right, bytewise)...)
}

// referenceCases refer back to the last octet of the agreed window, and one
// farther (RFC 7692 7.1.2.1). Messages that are not compressed lie in no window.
func referenceCases() (cases []wireCase) {
	all := noise(1 << 18)
	plain := testserver.BinaryFrame(bytes.Repeat([]byte("plain"), 20))
	for bits := 8; bits <= 15; bits++ {
		size := 1 << bits
		before := []int{size, size + 100, 5 * size, size / 7} // octets of the messages
		if bits <= 10 {
			before = append(before, 31)
		}
		for _, n := range before {
			var frames, want []testserver.Frame
			came := 0
			for ; came < 2*size+100; came += n {
				m, z := all[came:came+n], new(blocks)
				for part := range slices.Chunk(m, 1<<16-1) {
					z.stored(0, string(part))
				}
				frames, want = append(frames, packed(ws.OpBinary, z.message()), plain), append(want, testserver.BinaryFrame(m), plain)
			}
			refer := func(distance int) []testserver.Frame {
				return append(slices.Clip(frames), packed(ws.OpBinary, new(blocks).fixed().copy(20, distance).end().message()))
			}
			name := fmt.Sprintf("%d bits, behind messages of %d", bits, n)
			edge := clean("", "the last octet of "+name, each(refer(size)...), append(slices.Clip(want), testserver.BinaryFrame(all[came-size:][:20]))...)
			beyond := badData("beyond "+name, refer(size+1), want...)
			if came > 64<<10 { // more echoes than can be written at once wait for the next connection
				beyond.may = 1
			}
			set := []wireCase{edge, beyond}
			if bits == 15 { // there is no such distance
				set = set[:1]
			}
			cases = append(cases, deflated(compression{serverBits: bits}, set...)...)
		}
	}
	// A large message, which is inflated as it comes, refers to one before it.
	first, second := new(blocks).stored(0, string(all[:40_000])), new(blocks).fixed().copy(258, 32768).end().stored(0, string(all[:60_000])).stored(0, string(all[:60_000]))
	back := slices.Concat(all[40_000-32768:][:258], all[:60_000], all[:60_000])
	cases = append(cases, deflated(compression{}, clean("", "the last octet of 15 bits, from a large message",
		each(packed(ws.OpBinary, first.message()), packed(ws.OpBinary, second.message())), testserver.BinaryFrame(all[:40_000]), testserver.BinaryFrame(back)))...)
	// Within a message all of it is there to be referred to, whatever was agreed on.
	m := append(bytes.Clone(all[:1000]), all[:20]...)
	return append(thinned(cases), deflated(compression{serverBits: 8}, clean("", "beyond 8 bits, within one message",
		each(packed(ws.OpBinary, new(blocks).stored(0, string(m[:1000])).fixed().copy(20, 1000).end().message())), testserver.BinaryFrame(m)))...)
}
