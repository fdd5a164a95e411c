package wsclient_test

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

// What the public suite does not see of permessage-deflate. The rows run in all
// ways, as those of the list do.

func TestConformanceUnseenDeflate(t *testing.T) {
	for _, c := range slices.Concat(deflateReservedCases(), emptyCases(), mixedCases(), finalBlockCases(),
		invalidDataCases(), deflatedTextCases(), referenceCases()) {
		t.Run(c.name, func(t *testing.T) {
			for _, way := range c.ways() {
				t.Run(way, func(t *testing.T) { c.check(t, way) })
			}
		})
	}
}

// deflated are cases in which the server accepts an offer: CompressionContext,
// unless c says which.
func deflated(c compression, cases ...wireCase) []wireCase {
	c.offer = cmp.Or(c.offer, wsclient.CompressionContext)
	for i := range cases {
		cases[i].compression = c
	}
	return cases
}

// badData is a case whose last frame ends a message that does not inflate, or not
// to text (RFC 6455 7.4.1). What was good before it is answered first.
func badData(name string, frames []testserver.Frame, want ...testserver.Frame) wireCase {
	return wireCase{name: name, steps: each(frames...), want: want, fails: true, code: ws.StatusInvalidFramePayloadData}
}

// packed is a message that was compressed.
func packed(op ws.OpCode, z []byte) testserver.Frame {
	return testserver.Frame{Fin: true, Rsv: 4, Op: op, Payload: z}
}

// packedText is one of which nothing is said by what it means.
func packedText(z string) testserver.Frame { return packed(ws.OpText, []byte(z)) }

// cut sends f in n fragments.
func cut(f testserver.Frame, n int) []testserver.Frame {
	all := fragmented(f.Op, f.Payload, (len(f.Payload)+n-1)/n)
	all[0].Rsv = f.Rsv
	return all
}

// RSV1 is on the first frame of a compressed message and nowhere else (RFC 7692
// 6.1); the other bits stay reserved.
func deflateReservedCases() (cases []wireCase) {
	reserved := func(rsv byte, f testserver.Frame) testserver.Frame {
		f.Rsv = rsv
		return f
	}
	good := packedText("\xf2\x48\xcd\xc9\xc9\x07\x00")
	first := []testserver.Frame{testserver.TextFrame("Hello")}
	open, end := reserved(4, part(ws.OpText, false, "\xf2\x48\xcd")), part(ws.OpContinuation, true, "\xc9\xc9\x07\x00")
	cases = append(cases, reservedBitCases()...)
	cases = append(cases,
		bad("", "RSV1 on a ping between compressed fragments", 2, first, good, open, reserved(4, ping("x")), end),
		bad("", "RSV1 on a pong between compressed fragments", 2, first, good, open, reserved(4, pong("x")), end),
		bad("", "RSV1 on a Close between compressed fragments", 1, nil, open, reserved(4, testserver.CloseFrame(1000, "")), end),
		bad("", "RSV1 on the last compressed fragment", 2, first, good, open, reserved(4, end)),
		bad("", "RSV1 on an empty compressed fragment", 1, nil, open, reserved(4, part(ws.OpContinuation, false, "")), end),
		bad("", "RSV1 on a continuation of nothing", 1, first, good, reserved(4, end)),
		bad("", "a compressed text while one is open", 1, nil, open, good),
		bad("", "a compressed text while a plain one is open", 1, nil, part(ws.OpText, false, "open"), good),
		bad("", "a plain text while a compressed one is open", 1, nil, open, testserver.TextFrame("new")),
		bad("", "RSV1 on a reserved opcode", 1, first, good, reserved(4, part(3, true, "x"))),
		bad("", "RSV1 on a reserved control opcode", 1, first, good, reserved(4, part(11, true, "x"))))
	for _, rsv := range []byte{1, 2, 3, 5, 6, 7} {
		cases = append(cases, bad("", fmt.Sprintf("RSV bits %03b", rsv), 1, first, good, reserved(rsv, good), good),
			bad("", fmt.Sprintf("RSV bits %03b on a ping", rsv), 1, first, good, reserved(rsv, ping(""))))
	}
	cases = deflated(compression{}, cases...)
	return append(cases, deflated(compression{declined: true},
		bad("", "RSV1 though the server has declined", 1, first, first[0], good),
		bad("", "RSV1 on an empty text though the server has declined", 0, nil, packedText("\x00")))...)
}

// An empty message is one octet (RFC 7692 7.2.3.6).
func emptyCases() []wireCase {
	empty := packedText("\x00")
	nothing := testserver.TextFrame("")
	d := &testserver.Deflater{Context: true, Level: 6}
	long := testserver.TextFrame(string(filler(500)))
	before, after := d.Frame(ws.OpText, long.Payload), d.Frame(ws.OpText, long.Payload)
	hello := packedText("\xf2\x48\xcd\xc9\xc9\x07\x00")
	start, end := part(ws.OpText, false, ""), part(ws.OpContinuation, true, "")
	start.Rsv = 4
	return deflated(compression{},
		clean("", "empty text", each(empty), nothing),
		clean("", "empty binary", each(packed(ws.OpBinary, []byte{0})), testserver.BinaryFrame(nil)),
		clean("", "empty text in a fixed block", each(packed(ws.OpText, new(blocks).fixed().end().message())), nothing),
		clean("", "empty text, flushed four times", each(packed(ws.OpText, new(blocks).flush().flush().flush().message())), nothing),
		clean("", "empty text in a final block", each(packed(ws.OpText, new(blocks).final().end().align().message())), nothing),
		clean("", "empty text between two that are alike", each(before, empty, after), long, nothing, long),
		clean("", "empty text in three fragments", each(start, part(ws.OpContinuation, false, "\x00"), end), nothing),
		clean("", "text between empty fragments", each(start, part(ws.OpContinuation, false, string(hello.Payload)), end), testserver.TextFrame("Hello")),
		// Of no octets there is no message: what is put behind them (7.2.2) is cut.
		badData("compressed text without payload", []testserver.Frame{hello, packedText("")}, testserver.TextFrame("Hello")),
		badData("compressed binary without payload", []testserver.Frame{packed(ws.OpBinary, nil)}),
		badData("compressed text of empty fragments", []testserver.Frame{start, end}))
}

// Messages need not be compressed (RFC 7692 6), and those that are not are not
// part of any context; nor are control frames, wherever they come.
func mixedCases() (cases []wireCase) {
	one, two, tiny := testserver.TextFrame(string(filler(600))), testserver.TextFrame(strings.Repeat("another one; ", 60)), testserver.TextFrame("tiny")
	for _, c := range []compression{{}, {offer: wsclient.CompressionNoContext}, {serverNoContext: true}, {clientNoContext: true}, {serverBits: 15, clientBits: 8}} {
		add := func(name string, row func(z func(testserver.Frame) testserver.Frame) wireCase) {
			c := c
			c.offer = cmp.Or(c.offer, wsclient.CompressionContext)
			d := &testserver.Deflater{Context: c.serverContext(), Level: 6}
			made := row(func(f testserver.Frame) testserver.Frame { return d.Frame(f.Op, f.Payload) })
			made.name = fmt.Sprintf("%s, offer %d, %s", name, c.offer, c.answer())
			cases = append(cases, deflated(c, made)...)
		}
		add("plain ones among compressed", func(z func(testserver.Frame) testserver.Frame) wireCase {
			return clean("", "", each(z(one), two, tiny, z(one), z(two), tiny, z(tiny), two, z(two)), one, two, tiny, one, two, tiny, tiny, two, two)
		})
		add("plain fragments among compressed", func(z func(testserver.Frame) testserver.Frame) wireCase {
			frames := slices.Concat(cut(z(one), 3), cut(two, 3), []testserver.Frame{z(one)}, cut(tiny, 4), cut(z(two), 5))
			return clean("", "", each(frames...), one, two, one, tiny, two)
		})
		add("control frames among compressed fragments", func(z func(testserver.Frame) testserver.Frame) wireCase {
			all := cut(z(one), 4)
			return clean("", "", each(all[0], ping("\xf2\x48"), all[1], pong("x"), ping(""), all[2], ping("\x00"), all[3], z(one)),
				pong("\xf2\x48"), pong(""), pong("\x00"), one, one)
		})
		add("control frames among fragments of a large message", func(z func(testserver.Frame) testserver.Frame) wireCase {
			big := testserver.BinaryFrame(random(90_000))
			all := cut(z(big), 3)
			return clean("", "", each(all[0], ping("\xf2\x48"), all[1], pong("x"), ping(""), all[2], z(one)),
				pong("\xf2\x48"), pong(""), big, one)
		})
	}
	hello, whole := packedText("\xf2\x48\xcd\xc9\xc9\x07\x00"), testserver.TextFrame("Hello")
	bye := testserver.CloseFrame(1000, "")
	late := bad("", "a hundred compressed texts, then a bad frame", 100, slices.Repeat([]testserver.Frame{whole}, 100),
		append(slices.Repeat([]testserver.Frame{hello}, 100), part(3, true, ""))...)
	late.only, late.runs = glued, 10
	return append(cases, deflated(compression{},
		late,
		closed("", "Close behind compressed", 1000, each(hello, bye), whole),
		closed("", "Close among compressed fragments", 1000, each(cut(hello, 2)[0], bye)))...)
}

// The examples of RFC 7692 7.2.3, and final blocks, with which an encoder that
// cannot flush ends its messages, or the parts of them.
func finalBlockCases() (cases []wireCase) {
	add := func(name, want string, messages ...[]byte) {
		var frames, echoes []testserver.Frame
		for _, z := range messages {
			frames, echoes = append(frames, packed(ws.OpText, z)), append(echoes, testserver.TextFrame(want))
		}
		cases = append(cases, deflated(compression{}, clean("", name, each(frames...), echoes...))...)
	}
	made := func() *blocks { return new(blocks) }
	hello := []byte("\xf2\x48\xcd\xc9\xc9\x07\x00")
	add("Hello", "Hello", hello)
	add("Hello twice, the second by reference", "Hello", hello, []byte("\xf2\x00\x11\x00\x00"))
	add("Hello stored", "Hello", []byte("\x00\x05\x00\xfa\xffHello\x00"))
	add("Hello in two blocks", "Hello", []byte("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"))
	final := []byte("\xf3\x48\xcd\xc9\xc9\x07\x00\x00")
	add("Hello in a final block", "Hello", final)
	add("Hello in a final block, referred to", "Hello", final, []byte("\xf2\x00\x11\x00\x00"), hello, final)
	// Without its last octet the example ends with a block that is not empty: not
	// what 7.2.1 says, and clear all the same.
	add("a final block and nothing behind it", "Hello", final[:7], hello, final[:7])
	// The empty block whose four octets are not sent is the final one: so ends what
	// compress/flate makes of each message with Close (7.2.1).
	flush := func(b *blocks) []byte { return bytes.TrimSuffix(b.stored(1, "").p, []byte("\x00\x00\xff\xff")) }
	add("a final block that is the flush", "Hello", flush(made().fixed().text("Hello").end()), hello)
	add("a final block that is the flush, of a stored text", "Hello", flush(made().stored(0, "Hello")), []byte("\xf2\x00\x11\x00\x00"))
	add("final blocks inside", "Hello, Hello", made().final().text("Hel").end().align().final().text("lo").end().align().
		fixed().text(", ").copy(5, 7).end().message())
	add("a reference across final blocks", "Hello, Hello", made().final().text("Hel").end().align().stored(1, "lo, ").fixed().copy(5, 7).end().message())
	add("a reference across a final block to the message before", "Hello", hello, made().final().text("H").end().align().fixed().copy(4, 5).end().message(),
		made().final().end().align().final().text("He").end().align().fixed().copy(3, 10).end().message())
	add("a final stored block at the end", "Hello", made().stored(1, "Hello").message(), []byte("\xf2\x00\x11\x00\x00"))
	add("a hundred final blocks", strings.Repeat("x", 100), func() []byte {
		b := made()
		for range 100 {
			b.final().text("x").end().align()
		}
		return b.message()
	}())
	// A large message is inflated while it arrives.
	all, some := noise(100_000), made()
	for part := range slices.Chunk(all, 20_000) {
		some.stored(1, string(part))
	}
	want := testserver.BinaryFrame(append(slices.Clip(all), all[len(all)-32768:][:20]...))
	whole := packed(ws.OpBinary, some.fixed().copy(20, 32768).end().message())
	closed := packed(ws.OpBinary, flush(some))
	return append(cases, deflated(compression{},
		clean("", "final blocks inside a large message", each(whole, whole), want, want),
		clean("", "a final block that is the flush, of a large message", each(closed, closed), want, want))...)
}
