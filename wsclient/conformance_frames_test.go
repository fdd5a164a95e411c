package wsclient_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gobwas/ws"

	"github.com/steadyws/steadyws/internal/testserver"
)

// Sections 1 to 5: messages, pings and pongs, reserved bits, reserved opcodes,
// fragments. Rows of the list that differ in their chops only are the same here,
// as each row is sent in all ways.

const protocolError = ws.StatusProtocolError

// part is a fragment.
func part(op ws.OpCode, fin bool, s string) testserver.Frame {
	return testserver.Frame{Op: op, Fin: fin, Payload: []byte(s)}
}

func ping(s string) testserver.Frame { return testserver.PingFrame([]byte(s)) }
func pong(s string) testserver.Frame { return testserver.PongFrame([]byte(s)) }

// each writes every frame by itself.
func each(frames ...testserver.Frame) (steps []wireStep) {
	for _, f := range frames {
		steps = append(steps, wireStep{frames: []testserver.Frame{f}})
	}
	return steps
}

// message is a case of one message, which is echoed.
func message(id, name string, op ws.OpCode, payload []byte) wireCase {
	f := testserver.Frame{Fin: true, Op: op, Payload: payload}
	c := clean(id, name, each(f), f)
	c.op, c.payload = op, payload
	return c
}

// clean is a case without a violation: the server closes in the end.
func clean(id, name string, steps []wireStep, want ...testserver.Frame) wireCase {
	return wireCase{id: id, name: name, steps: steps, want: want, farewell: true, code: ws.StatusNormalClosure}
}

// bad is a case in which the frame at index at breaks a rule. It does so with its
// first two octets: there is no reason to wait for more (RFC 6455 7.1.7). What
// was good before it is answered first.
func bad(id, name string, at int, want []testserver.Frame, frames ...testserver.Frame) wireCase {
	return wireCase{
		id: id, name: name, steps: each(frames...), want: want, fails: true, code: protocolError,
		needs: len(testserver.Encode(frames[:at]...)) + 2,
	}
}

func messageCases() (cases []wireCase) {
	// All lengths around the three forms of a length (RFC 6455 5.2).
	for i, n := range []int{0, 125, 126, 127, 128, 65535, 65536, 65536} {
		name := fmt.Sprintf("of %d octets", n)
		if i == 7 {
			name += " in chops of 997"
		}
		text := message(fmt.Sprint("1.1.", i+1), "text "+name, ws.OpText, filler(n))
		binary := message(fmt.Sprint("1.2.", i+1), "binary "+name, ws.OpBinary, noise(n))
		if i == 7 {
			text.only, binary.only = inOctets, inOctets
		}
		cases = append(cases, text, binary)
	}
	return cases
}

func controlCases() []wireCase {
	binary := "\x00\xff\xfe\xfd\xfc\xfb\x00\xff"
	long := string(noise(125)) // the most (RFC 6455 5.5)
	var pings, pongs []testserver.Frame
	for i := range 10 {
		pings = append(pings, ping(fmt.Sprint("payload ", i)))
		pongs = append(pongs, pong(fmt.Sprint("payload ", i)))
	}
	return []wireCase{
		clean("2.1", "ping without payload", each(ping("")), pong("")),
		clean("2.2", "ping with text", each(ping("hello")), pong("hello")),
		clean("2.3", "ping with binary", each(ping(binary)), pong(binary)),
		clean("2.4", "ping of 125 octets", each(ping(long)), pong(long)),
		bad("2.5", "ping of 126 octets", 0, nil, ping(long+"x")),
		clean("2.6", "ping of 125 octets in octets", each(ping(long)), pong(long)),
		clean("2.7", "unsolicited pong without payload", each(pong(""))),
		clean("2.8", "unsolicited pong with payload", each(pong("unsolicited"))),
		clean("2.9", "unsolicited pong, then a ping", each(pong("unsolicited"), ping("hello")), pong("hello")),
		// RFC 6455 5.5.3 lets a client answer the latest only, when it could not
		// answer before; this one answers sixteen.
		clean("2.10", "ten pings", each(pings...), pongs...),
		clean("2.11", "ten pings in octets", each(pings...), pongs...),
	}
}

func reservedCases() (cases []wireCase) {
	good := testserver.TextFrame("good")
	goodFirst := []testserver.Frame{good}
	reserved := func(rsv byte, f testserver.Frame) testserver.Frame {
		f.Rsv = rsv
		return f
	}
	text := testserver.TextFrame("reserved")
	// RSV bits without an extension (RFC 6455 5.2).
	cases = append(cases,
		bad("3.1", "RSV 1, text", 0, nil, reserved(1, text)),
		bad("3.2", "RSV 2, behind a good text", 1, goodFirst, good, reserved(2, text), ping("")),
		bad("3.3", "RSV 3, behind a good text, in frames", 1, goodFirst, good, reserved(3, text), ping("")),
		bad("3.4", "RSV 4, behind a good text, in octets", 1, goodFirst, good, reserved(4, text), ping("")),
		bad("3.5", "RSV 5, binary", 0, nil, reserved(5, testserver.BinaryFrame(noise(8)))),
		bad("3.6", "RSV 6, ping", 0, nil, reserved(6, ping("reserved"))),
		bad("3.7", "RSV 7, Close", 0, nil, reserved(7, testserver.CloseFrame(1000, ""))),
	)
	// Opcodes that are not defined (RFC 6455 5.2).
	for i, first := range []ws.OpCode{3, 11} {
		for n := range ws.OpCode(5) {
			op, payload := first+n, ""
			if n == 1 || n >= 3 {
				payload = "reserved"
			}
			id, name := fmt.Sprintf("4.%d.%d", i+1, n+1), fmt.Sprintf("opcode %d with %d octets", op, len(payload))
			if n < 2 {
				cases = append(cases, bad(id, name, 0, nil, part(op, true, payload)))
			} else {
				cases = append(cases, bad(id, name+", behind a good text", 1, goodFirst, good, part(op, true, payload), ping("")))
			}
		}
	}
	return cases
}

func fragmentCases() (cases []wireCase) {
	const text, more = ws.OpText, ws.OpContinuation
	one, two := part(text, false, "fragment1"), part(more, true, "fragment2")
	whole := testserver.TextFrame("fragment1fragment2")
	stray := part(more, true, "stray")
	open := part(more, false, "stray, and open")
	after := testserver.TextFrame("after")
	// Control frames are never fragmented (RFC 6455 5.5).
	cases = append(cases,
		bad("5.1", "ping in two fragments", 0, nil, part(ws.OpPing, false, "fragment1"), two),
		bad("5.2", "pong in two fragments", 0, nil, part(ws.OpPong, false, "fragment1"), two))
	three := func(first int, add func(id, chops string)) {
		for i, chops := range []string{"in one chop", "in frames", "in octets"} {
			add(fmt.Sprint("5.", first+i), chops)
		}
	}
	three(3, func(id, chops string) {
		cases = append(cases, clean(id, "text in two fragments, "+chops, each(one, two), whole))
	})
	// Control frames may come between fragments (RFC 6455 5.4), and are answered there.
	three(6, func(id, chops string) {
		cases = append(cases, clean(id, "ping between two fragments, "+chops, each(one, ping("between"), two), pong("between"), whole))
	})
	three(9, func(id, chops string) {
		cases = append(cases, bad(id, "continuation of nothing, FIN, "+chops, 0, nil, stray, after))
	})
	three(12, func(id, chops string) {
		cases = append(cases, bad(id, "continuation of nothing, no FIN, "+chops, 0, nil, open, after))
	})
	cases = append(cases,
		bad("5.15", "continuation behind a whole text", 2, []testserver.Frame{whole}, one, two, open, after),
		bad("5.16", "twice continuation of nothing, no FIN, then fragments", 0, nil, open, one, two, open, one, two),
		bad("5.17", "twice continuation of nothing, FIN, then fragments", 0, nil, stray, one, two, stray, one, two),
		bad("5.18", "both fragments are text", 1, nil, one, part(text, true, "fragment2")))

	five := []testserver.Frame{
		part(text, false, "1"), part(more, false, "2"), ping("first"),
		part(more, false, "3"), part(more, false, "4"), ping("second"), part(more, true, "5"),
	}
	long := clean("5.19", "five fragments, two pings, a pause", []wireStep{{frames: five[:3]}, {frames: five[3:], pause: time.Second}},
		pong("first"), pong("second"), testserver.TextFrame("12345"))
	long.also = pongAtOnce
	flushed := long
	flushed.id, flushed.name, flushed.steps = "5.20", long.name+", each frame flushed", each(five...)
	flushed.steps[3].pause = time.Second
	return append(cases, long, flushed)
}

// pongAtOnce wants the first pong before the pause.
func pongAtOnce(way string, got []heard) error {
	if way == asListed && (got[0].at != 0 || got[1].at != time.Second) {
		return fmt.Errorf("the pongs came at %v and %v, want 0s and 1s", got[0].at, got[1].at)
	}
	return nil
}

// noise is n octets that are not alike in any place.
func noise(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i*7 + i>>8 + i>>16)
	}
	return p
}

// filler is n octets of text, with runes of every length that no chop respects.
func filler(n int) []byte {
	const line = "steady: κόσμε, €, 𝄞, ~\n"
	p := slices.Grow([]byte(nil), n)
	for i := 0; len(p)+len(line)+8 <= n; i++ {
		p = fmt.Appendf(p, "%07x %s", i, line)
	}
	return append(p, strings.Repeat("*", n-len(p))...)
}
