package wsclient_test

import (
	"fmt"
	"strings"

	"github.com/gobwas/ws"

	"github.com/steadyws/steadyws/internal/testserver"
)

// Section 7: the server closes (RFC 6455 5.5.1, 7.4).

// closed is a case in which the server's Close is answered with code, behind
// want, and with nothing else.
func closed(id, name string, code ws.StatusCode, steps []wireStep, want ...testserver.Frame) wireCase {
	return wireCase{id: id, name: name, steps: steps, want: want, code: code}
}

// badClose is a case of a Close that breaks a rule.
func badClose(id, name string, code ws.StatusCode, body []byte) wireCase {
	c := closed(id, name, code, each(testserver.Frame{Fin: true, Op: ws.OpClose, Payload: body}))
	c.fails = true
	return c
}

func closingCases() []wireCase {
	const normal = ws.StatusNormalClosure
	bye, hello := testserver.CloseFrame(normal, ""), testserver.TextFrame("hello")
	cases := []wireCase{
		closed("7.1.1", "text, then Close", normal, each(hello, bye), hello),
		closed("7.1.2", "two Closes", normal, each(bye, bye)),
		closed("7.1.3", "ping behind the Close", normal, each(bye, ping("late"))),
		closed("7.1.4", "text behind the Close", normal, each(bye, hello)),
		closed("7.1.5", "the last fragment behind the Close", normal,
			each(part(ws.OpText, false, "fragment1"), bye, part(ws.OpContinuation, true, "fragment2"))),
		hurried(),
		closed("7.3.1", "empty Close", 0, each(testserver.CloseFrame(0, ""))),
		badClose("7.3.2", "Close of 1 octet", protocolError, []byte("a")),
		closed("7.3.3", "Close with a code", normal, each(bye)),
		closed("7.3.4", "Close with a code and a reason", normal, each(testserver.CloseFrame(normal, "a reason"))),
		closed("7.3.5", "Close with the longest reason", normal, each(testserver.CloseFrame(normal, strings.Repeat("*", 123)))),
		// The list takes a drop for an answer, or 1002 for 1007; we say what was wrong.
		badClose("7.3.6", "Close of 126 octets", protocolError, append(ws.NewCloseFrameBody(normal, strings.Repeat("*", 123)), '*')),
		badClose("7.5.1", "reason that is not UTF-8", ws.StatusInvalidFramePayloadData, ws.NewCloseFrameBody(normal, greek+"\xed\xa0\x80edited")),
	}
	for i := range cases {
		// What follows a Close is not waited for (RFC 6455 5.5.1).
		c := &cases[i]
		for _, s := range c.steps {
			c.needs += len(s.octets())
			if s.frames[0].Op == ws.OpClose {
				break
			}
		}
		if c.id == "7.3.6" {
			c.needs = 2
		}
	}
	valid := []ws.StatusCode{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999}
	for i, code := range valid {
		cases = append(cases, closed(fmt.Sprint("7.7.", i+1), fmt.Sprint("code ", code), code, each(testserver.CloseFrame(code, "a reason"))))
	}
	// Codes that nobody may send, or that nobody has defined.
	invalid := []ws.StatusCode{0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999}
	for i, code := range invalid {
		cases = append(cases, badClose(fmt.Sprint("7.9.", i+1), fmt.Sprint("code ", code), protocolError, ws.NewCloseFrameBody(code, "")))
	}
	// The list leaves these open. RFC 6455 7.4.2 has no such codes.
	for i, code := range []ws.StatusCode{5000, 65535} {
		cases = append(cases, badClose(fmt.Sprint("7.13.", i+1), fmt.Sprint("code ", code), protocolError, ws.NewCloseFrameBody(code, "")))
	}
	return cases
}

// hurried is 7.1.6, whose outcome the list leaves open. Ours: the large echo, once
// begun, is finished, as nothing may come into the middle of a frame; the small one
// goes before our Close only if it can be written at once, and otherwise stays
// queued for the next connection; the ping gets no pong.
func hurried() wireCase {
	big, small := testserver.TextFrame(string(filler(256<<10))), testserver.TextFrame("small")
	c := closed("7.1.6", "256 KiB, a small text, Close, ping", ws.StatusNormalClosure,
		each(big, small, testserver.CloseFrame(1000, ""), ping("late")), big, small)
	c.may = 1
	return c
}
