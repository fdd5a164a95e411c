package wsclient_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"testing"

	"github.com/gobwas/ws"

	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

// What the public suite does not see, beneath the messages. The rows run in all
// ways, as those of the list do.

func TestConformanceUnseen(t *testing.T) {
	for _, c := range slices.Concat(maskedCases(), lengthCases(), reservedBitCases(), betweenCases(), answeredCases(), closeBodyCases()) {
		t.Run(c.name, func(t *testing.T) {
			for _, way := range c.ways() {
				t.Run(way, func(t *testing.T) { c.check(t, way) })
			}
		})
	}
}

// A server must not mask (RFC 6455 5.1).
func maskedCases() []wireCase {
	masked := func(f testserver.Frame) testserver.Frame {
		f.Masked, f.Mask = true, [4]byte{1, 2, 3, 4}
		return f
	}
	good, open := testserver.TextFrame("good"), part(ws.OpText, false, "open")
	first := []testserver.Frame{good}
	return []wireCase{
		bad("", "masked text", 0, nil, masked(good), good),
		bad("", "masked text behind a good one", 1, first, good, masked(good), good),
		bad("", "masked empty text", 0, nil, masked(testserver.TextFrame(""))),
		bad("", "masked large binary", 0, nil, masked(testserver.BinaryFrame(noise(70_000)))),
		bad("", "masked continuation", 1, nil, open, masked(part(ws.OpContinuation, true, "end"))),
		bad("", "masked ping", 1, first, good, masked(ping("x"))),
		bad("", "masked pong", 0, nil, masked(pong("x"))),
		bad("", "masked Close", 1, first, good, masked(testserver.CloseFrame(1000, ""))),
		bad("", "masked empty Close", 0, nil, masked(testserver.CloseFrame(0, ""))),
	}
}

// The top bit of a length must be 0, and a length is in its shortest form; both
// are known when the header is (RFC 6455 5.2).
func lengthCases() (cases []wireCase) {
	add := func(name string, first byte, length []byte, needs int) {
		raw := append([]byte{first}, length...)
		cases = append(cases, wireCase{
			name: name, fails: true, code: protocolError, needs: len(raw),
			steps: []wireStep{{raw: slices.Concat(raw, noise(300))}},
		})
		if needs > 0 {
			cases[len(cases)-1].needs = needs
		}
	}
	const text, binary, ping = 0x81, 0x82, 0x89
	add("top bit of the length", binary, []byte{127, 0x80, 0, 0, 0, 0, 0, 0, 0}, 0)
	add("top bit of a small length", text, []byte{127, 0x80, 0, 0, 0, 0, 0, 0, 5}, 0)
	add("all bits of the length", binary, []byte{127, 255, 255, 255, 255, 255, 255, 255, 255}, 0)
	add("top bit of a fragment's length", 0x02, []byte{127, 0x80, 0, 0, 0, 0, 1, 0, 0}, 0)
	add("0 in 16 bits", text, []byte{126, 0, 0}, 0)
	add("5 in 16 bits", binary, []byte{126, 0, 5}, 0)
	add("125 in 16 bits", binary, []byte{126, 0, 125}, 0)
	add("0 in 64 bits", binary, []byte{127, 0, 0, 0, 0, 0, 0, 0, 0}, 0)
	add("126 in 64 bits", text, []byte{127, 0, 0, 0, 0, 0, 0, 0, 126}, 0)
	add("65535 in 64 bits", binary, []byte{127, 0, 0, 0, 0, 0, 0, 255, 255}, 0)
	add("5 of a fragment in 16 bits", 0x01, []byte{126, 0, 5}, 0)
	// Of a control frame the form alone is wrong (RFC 6455 5.5).
	add("ping with its length in 16 bits", ping, []byte{126, 0, 5}, 2)
	add("ping with its length in 64 bits", ping, []byte{127, 0, 0, 0, 0, 0, 0, 0, 5}, 2)
	add("Close with its length in 16 bits", 0x88, []byte{126, 0, 2, 3, 232}, 2)
	return cases
}

// RSV1 is of messages, and of their first frames, even where it means something
// (RFC 7692 6.1); control frames and continuations never have it.
func reservedBitCases() []wireCase {
	reserved := func(f testserver.Frame) testserver.Frame {
		f.Rsv = 4
		return f
	}
	open := part(ws.OpText, false, "open")
	return []wireCase{
		bad("", "RSV1 on a ping", 0, nil, reserved(ping("x"))),
		bad("", "RSV1 on a pong", 0, nil, reserved(pong("x"))),
		bad("", "RSV1 on a Close", 0, nil, reserved(testserver.CloseFrame(1000, ""))),
		bad("", "RSV1 on a ping between fragments", 1, nil, open, reserved(ping("x")), part(ws.OpContinuation, true, "")),
		bad("", "RSV1 on the last fragment", 1, nil, open, reserved(part(ws.OpContinuation, true, "end"))),
		bad("", "RSV1 on a fragment in the middle", 1, nil, open, reserved(part(ws.OpContinuation, false, "more")), part(ws.OpContinuation, true, "")),
	}
}

// Control frames between fragments leave no trace in the text around them.
func betweenCases() []wireCase {
	const cut = len("κ") + 1 // within a rune
	start, end := part(ws.OpText, false, greek[:cut]), part(ws.OpContinuation, true, greek[cut:])
	wrong := bad("", "pings between invalid text", 2, []testserver.Frame{pong("\xff")}, start, ping("\xff"), part(ws.OpContinuation, false, "no"), ping("late"))
	wrong.code = ws.StatusInvalidFramePayloadData
	wrong.needs++ // the first octet behind the header
	return []wireCase{
		clean("", "ping, pong and ping within a rune", each(start, ping("\xff"), pong("\xff"), ping(""), end),
			pong("\xff"), pong(""), testserver.TextFrame(greek)),
		wrong,
		bad("", "a text while one is open", 1, nil, start, testserver.TextFrame("new"), end),
		bad("", "a binary while a text is open", 1, nil, start, testserver.BinaryFrame([]byte("new")), end),
	}
}

// What was answered before a Close leaves before it, whatever the writer is doing
// just then: a hundred answers are a few KiB, which can be written at once.
func answeredCases() (cases []wireCase) {
	var texts []testserver.Frame
	for i := range 100 {
		texts = append(texts, testserver.TextFrame(fmt.Sprintf("%-100d", i)))
	}
	n := len(texts)
	violation := bad("", "a hundred texts, then a bad frame", n, texts, append(texts[:n:n], part(3, true, ""))...)
	close := closed("", "a hundred texts, then Close", 1000, each(append(texts[:n:n], testserver.CloseFrame(1000, ""))...), texts...)
	for _, c := range []wireCase{violation, close} {
		c.only = glued
		c.runs = 10 // it is a race
		cases = append(cases, c)
	}
	return cases
}

// Codes that IANA has registered since, and reasons (RFC 6455 7.4, 5.5.1).
func closeBodyCases() (cases []wireCase) {
	for _, code := range []ws.StatusCode{1012, 1013, 1014} {
		cases = append(cases, closed("", code2name(code), code, each(testserver.CloseFrame(code, "registered"))))
	}
	invalid := ws.StatusInvalidFramePayloadData
	return append(cases,
		badClose("", code2name(1015)+", which is for us only", protocolError, ws.NewCloseFrameBody(1015, "")),
		badClose("", "reason that ends within a rune", invalid, ws.NewCloseFrameBody(1000, greek[:1])),
		badClose("", "reason with an overlong slash", invalid, ws.NewCloseFrameBody(1000, "\xc0\xaf")),
		badClose("", "invalid code and reason", protocolError, ws.NewCloseFrameBody(1005, "\xff")),
		behindClose("a bad frame", part(3, true, "")), behindClose("a masked frame", testserver.Frame{Fin: true, Op: 1, Masked: true}),
		behindClose("an invalid Close", testserver.CloseFrame(1005, "")), behindClose("invalid text", testserver.TextFrame("\xff")))
}

// behindClose is a case of what is not looked at any more (RFC 6455 5.5.1).
func behindClose(name string, f testserver.Frame) wireCase {
	bye := testserver.CloseFrame(1001, "going")
	c := closed("", name+" behind the Close", 1001, each(bye, f))
	c.needs = len(testserver.Encode(bye))
	return c
}

func code2name(code ws.StatusCode) string { return "code " + wsclient.StatusCode(code).String() }

// A frame that EOF cuts is none, nor is a message without its last fragment
// (RFC 6455 5.2, 5.4): not delivered, not answered, and no clean end (7.1.5).
func TestConformanceUnseenCutByEOF(t *testing.T) {
	good := testserver.TextFrame("good")
	for name, frames := range map[string][]testserver.Frame{
		"text":              {testserver.TextFrame("cut")},
		"16 bits":           {testserver.BinaryFrame(noise(126))},
		"fragments":         {part(ws.OpText, false, "to be"), part(ws.OpContinuation, true, "cut")},
		"ping in a message": {part(ws.OpText, false, "to be"), ping("x"), part(ws.OpContinuation, true, "cut")},
		"Close":             {testserver.CloseFrame(1000, "cut")},
	} {
		t.Run(name, func(t *testing.T) {
			all := testserver.Encode(frames...)
			for n := range all {
				bubble(t, server(func(p *testserver.Peer) {
					p.Write(good)
					p.WriteRaw(all[:n]) // and then EOF
				}), func(w *world) {
					var event wsclient.CloseEvent
					o := patient()
					o.OnMessage = func(m wsclient.Message) { w.note("%s", m.Data) }
					o.OnClose = func(e wsclient.CloseEvent) { event = e }
					c := w.open(o)
					<-c.Done()
					w.expect("good")
					if event.Code != wsclient.StatusAbnormalClosure || event.WasClean || !errors.Is(event.Err, io.ErrUnexpectedEOF) {
						t.Errorf("cut after %d of %d octets: %+v", n, len(all), event)
					}
				})
			}
		})
	}
}

// A declared length is a word, not memory (RFC 6455 10.4).
func TestConformanceUnseenTebibyte(t *testing.T) {
	header := []byte{0x82, 127, 0, 0, 1, 0, 0, 0, 0, 0}
	c := wireCase{name: "refused", code: ws.StatusMessageTooBig, needs: len(header), steps: []wireStep{{raw: append(header, 1, 2, 3)}}}
	c.errIs = wsclient.ErrTooLarge
	for _, way := range c.ways() {
		t.Run("refused "+way, func(t *testing.T) { c.check(t, way) })
	}
	fragments := c
	fragments.steps = append(each(testserver.Frame{Op: ws.OpBinary, Payload: noise(100)}), wireStep{raw: append([]byte{0x80}, header[1:]...)})
	fragments.needs = len(fragments.octets())
	for _, way := range fragments.ways() {
		t.Run("refused in fragments "+way, func(t *testing.T) { fragments.check(t, way) })
	}
	t.Run("allowed", func(t *testing.T) {
		body := bytes.Repeat([]byte("x"), 100_000)
		bubble(t, server(func(p *testserver.Peer) {
			p.WriteRaw(header)
			p.WriteRaw(body)
			p.FIN()
		}), func(w *world) {
			o := patient()
			o.MaxMessage = 1 << 41
			o.OnMessage = func(m wsclient.Message) { w.note("%d octets", len(m.Data)) }
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			c := w.open(o)
			<-c.Done()
			runtime.ReadMemStats(&after)
			w.expect()
			if n := after.TotalAlloc - before.TotalAlloc; n > 2<<20 {
				t.Errorf("%d bytes were allocated for %d that came", n, len(body))
			}
			if err := c.Err(); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("Err: %v", err)
			}
		})
	})
}
