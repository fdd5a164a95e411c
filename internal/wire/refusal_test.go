package wire_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/gobwas/ws"

	"github.com/steadyws/steadyws/internal/wire"
)

// without is the good answer without the lines that begin with name.
func without(name string) string {
	var kept []string
	for line := range strings.SplitAfterSeq(good, "\r\n") {
		if !strings.HasPrefix(line, name) {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

func with(old, new string) string { return strings.Replace(good, old, new, 1) }

// adding is the good answer with one more line.
func adding(line string) string { return status + fields + line + "\r\n\r\n" }

var wrongAnswers = map[string]struct {
	answer  string
	offered []string
	is      error // nil: any
	proto   bool  // it is about the subprotocol
}{
	"no Upgrade":                        {answer: without("Upgrade"), is: ws.ErrHandshakeBadUpgrade},
	"another Upgrade":                   {answer: with("websocket", "h2c"), is: ws.ErrHandshakeBadUpgrade},
	"no Connection":                     {answer: without("Connection"), is: ws.ErrHandshakeBadConnection},
	"another Connection":                {answer: with("Connection: Upgrade", "Connection: close"), is: ws.ErrHandshakeBadConnection},
	"a Connection that contains it":     {answer: with("Connection: Upgrade", "Connection: no-upgrade"), is: ws.ErrHandshakeBadConnection},
	"no Accept":                         {answer: without("Sec"), is: ws.ErrHandshakeBadSecAccept},
	"an empty Accept":                   {answer: with("KEY", ""), is: ws.ErrHandshakeBadSecAccept},
	"a wrong Accept":                    {answer: with("KEY", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), is: ws.ErrHandshakeBadSecAccept},
	"an Accept and something":           {answer: with("KEY", "KEYx"), is: ws.ErrHandshakeBadSecAccept},
	"a wrong one before the right":      {answer: with("KEY", "x\r\nSec-WebSocket-Accept: KEY"), is: ws.ErrHandshakeBadSecAccept},
	"the right Accept twice":            {answer: adding("sec-websocket-accept: KEY")},
	"a subprotocol though none offered": {answer: adding("Sec-WebSocket-Protocol: a"), proto: true},
	"one that was not offered":          {answer: adding("Sec-WebSocket-Protocol: c"), offered: []string{"a", "b"}, proto: true},
	"one of other case":                 {answer: adding("Sec-WebSocket-Protocol: A"), offered: []string{"a"}, proto: true},
	"two at once":                       {answer: adding("Sec-WebSocket-Protocol: a, b"), offered: []string{"a", "b"}, proto: true},
	"two in two lines":                  {answer: adding("Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: b"), offered: []string{"a", "b"}},
	"one offered and one not":           {answer: adding("Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: x"), offered: []string{"a"}},
	"an empty one":                      {answer: adding("Sec-WebSocket-Protocol:"), offered: []string{"a"}, proto: true},
	"none though some were offered":     {answer: good, offered: []string{"a"}, proto: true},
	"an extension":                      {answer: adding("Sec-WebSocket-Extensions: permessage-deflate"), is: wire.ErrExtension},
	"two extensions":                    {answer: adding("Sec-WebSocket-Extensions: x; a=1, y"), is: wire.ErrExtension},
	"HTTP/1.0":                          {answer: with("HTTP/1.1", "HTTP/1.0"), is: ws.ErrHandshakeBadProtocol},
	"HTTP/2.0":                          {answer: with("HTTP/1.1", "HTTP/2.0"), is: ws.ErrHandshakeBadProtocol},
	"no version":                        {answer: with("HTTP/1.1 ", ""), is: ws.ErrMalformedResponse},
	"another protocol":                  {answer: "SSH-2.0-OpenSSH_9.2p1 Debian\r\n", is: ws.ErrMalformedResponse},
	"garbage":                           {answer: "\x00\x01\x02\xff\n", is: ws.ErrMalformedResponse},
	"an empty line":                     {answer: "\r\n" + good, is: ws.ErrMalformedResponse},
	"a status of two digits":            {answer: with("101", "99"), is: ws.ErrMalformedResponse},
	"a status of four":                  {answer: with("101", "0101"), is: ws.ErrMalformedResponse},
	"a status that adds up to 101":      {answer: with("101", "0:1"), is: ws.ErrMalformedResponse},
	"a status below 100":                {answer: with("101", "099"), is: ws.ErrMalformedResponse},
	"a line without a colon":            {answer: adding("hello"), is: ws.ErrMalformedResponse},
	"a header of 65 KiB":                {answer: adding("X: " + strings.Repeat("x", 65<<10))},
	"a header without end":              {answer: status + strings.Repeat("X: y\r\n", 20_000)},
	"a status line without end":         {answer: strings.Repeat("HTTP/1.1 101 ", 10_000)},
	"interim answers without end":       {answer: strings.Repeat("HTTP/1.1 102 wait\r\n\r\n", 10_000)},
}

func TestUpgradeRefusesAWrongAnswer(t *testing.T) {
	for name, c := range wrongAnswers {
		t.Run(name, func(t *testing.T) {
			s := &server{answer: c.answer}
			a, err := upgrade(s, c.offered...)
			var r *wire.Refusal
			if !isNothing(a) || !errors.As(err, &r) {
				t.Fatalf("got %+v, %v (%T); want a *Refusal", a, err, err)
			}
			if r.Status != 101 || r.Err == nil || r.Error() != r.Err.Error() || c.is != nil && !errors.Is(err, c.is) || wire.Subprotocol(err) != c.proto {
				t.Errorf("status %d, %v; about the subprotocol: %v", r.Status, err, wire.Subprotocol(err))
			}
			if s.read > 64<<10 {
				t.Errorf("%d bytes were read", s.read)
			}
		})
	}
	t.Run("a header of 64 KiB is not too large", func(t *testing.T) {
		const key = 28 - len("KEY") // by which the answer grows
		fill := strings.Repeat("x", 64<<10-len(adding("X: "))-key)
		if _, err := upgrade(&server{answer: adding("X: " + fill)}); err != nil {
			t.Error(err)
		}
		if _, err := upgrade(&server{answer: adding("X: " + fill + "x")}); err == nil || !strings.Contains(err.Error(), "64 KiB") {
			t.Errorf("one more byte: %v", err)
		}
	})
}

var long = strings.Repeat("b", 5000)

var refusals = map[string]struct {
	answer string
	status int
	body   string
	header string // Retry-After
}{
	"a length":                 {"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngonexxx", 404, "gone", ""},
	"no length":                {"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\n\r\nlater", 503, "later", "7"},
	"no body":                  {"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", 401, "", ""},
	"chunks":                   {"HTTP/1.1 429 x\r\nTransfer-Encoding: chunked\r\nRetry-After: 1\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 429, "abcde", "1"},
	"a long body":              {"HTTP/1.1 500 x\r\nContent-Length: 5000\r\n\r\n" + long, 500, long[:1024], ""},
	"a long body, no length":   {"HTTP/1.1 500 x\r\n\r\n" + long, 500, long[:1024], ""},
	"a body that is cut":       {"HTTP/1.1 500 x\r\nContent-Length: 5000\r\n\r\nab", 500, "ab", ""},
	"a header that is cut":     {"HTTP/1.1 500 x\r\nContent-Le", 500, "", ""},
	"a bad header":             {"HTTP/1.1 500 x\r\nno colon\r\n\r\nbody", 500, "", ""},
	"a header that is too big": {"HTTP/1.1 403 x\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n", 403, "", ""},
	"a redirect":               {"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", 302, "", ""},
	"a plain page":             {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200, "hi", ""},
	"204":                      {"HTTP/1.1 204 No Content\r\n\r\n", 204, "", ""},
	"HTTP/1.0":                 {"HTTP/1.0 503 Service Unavailable\r\nRetry-After: 5\r\n\r\n<html>", 503, "<html>", "5"},
	"no reason phrase":         {"HTTP/1.1 502\r\nContent-Length: 2\r\n\r\nhi", 502, "hi", ""},
	"behind Early Hints":       {"HTTP/1.1 103 Early Hints\r\nRetry-After: 1\r\n\r\nHTTP/1.1 404 x\r\nContent-Length: 1\r\n\r\nx", 404, "x", ""},
	"the fields of a 101":      {"HTTP/1.1 400 x\r\nConnection: close\r\nSec-WebSocket-Accept: a\r\nSec-WebSocket-Accept: b\r\nContent-Length: 1\r\n\r\nx", 400, "x", ""},
}

func TestUpgradeReportsARefusal(t *testing.T) {
	for name, c := range refusals {
		for _, drip := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, drip %v", name, drip), func(t *testing.T) {
				s := &server{answer: c.answer, drip: drip}
				a, err := upgrade(s)
				var r *wire.Refusal
				if !isNothing(a) || !errors.As(err, &r) {
					t.Fatalf("got %+v, %v (%T); want a *Refusal", a, err, err)
				}
				if r.Status != c.status || string(r.Body) != c.body || r.Header.Get("Retry-After") != c.header || r.Err != nil || !strings.Contains(err.Error(), fmt.Sprint(c.status)) {
					t.Errorf("status %d, body %.20q, header %v, %v", r.Status, r.Body, r.Header, err)
				}
				if s.read > 64<<10 {
					t.Errorf("%d bytes were read", s.read)
				}
			})
		}
	}
}

func TestUpgradeReportsAConnectionThatFails(t *testing.T) {
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		s    *server
		want error
	}{
		"no answer":           {&server{}, io.ErrUnexpectedEOF},
		"half a status line":  {&server{answer: "HTTP/1.1 1"}, io.ErrUnexpectedEOF},
		"half a header":       {&server{answer: status + fields}, io.ErrUnexpectedEOF},
		"half a field":        {&server{answer: status + "Upgr"}, io.ErrUnexpectedEOF},
		"a reset":             {&server{then: broken}, broken},
		"a reset in a header": {&server{answer: status + fields + "X", then: broken}, broken},
		"an interim answer":   {&server{answer: "HTTP/1.1 103 x\r\n\r\n"}, io.ErrUnexpectedEOF},
		"a failed write":      {&server{failing: broken}, broken},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := upgrade(c.s)
			var r *wire.Refusal
			if !isNothing(a) || !errors.Is(err, c.want) || errors.As(err, &r) {
				t.Errorf("got %+v, %v (%T); want %v", a, err, err, c.want)
			}
		})
	}
	t.Run("a wrong answer counts more than the end behind it", func(t *testing.T) {
		all := strings.NewReader(status + "Upgrade: h2c\r\n")
		_, err := upgrade(&server{from: iotest.DataErrReader(all)})
		var r *wire.Refusal
		if !errors.As(err, &r) || !errors.Is(err, ws.ErrHandshakeBadUpgrade) {
			t.Errorf("%v (%T)", err, err)
		}
	})
}

// FuzzUpgrade: whatever the answer is, there is an outcome, in bounds.
func FuzzUpgrade(f *testing.F) {
	for _, s := range []string{
		good, good + "\x81\x02hi", status + fields + "Sec-WebSocket-Protocol: a\r\n\r\n", strings.ReplaceAll(good, "\r", ""),
		"HTTP/1.1 103 x\r\n\r\n" + good, "HTTP/1.0 503 x\r\n\r\nbody", "HTTP/1.1 404\r\nContent-Length: 3\r\n\r\nabc", "", "\n", "HTTP/1.1 0:1 x\r\n",
		"HTTP/1.1 429 x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", strings.Replace(good, "Connection: U", "connection : x,u", 1),
		status + "Sec-WebSocket-Extensions: a; b=\"c\", d\r\n\r\n",
	} {
		f.Add(s, "", uint16(0), false)
		f.Add(s, "a", uint16(1), true)
		f.Add(s, "b", uint16(5000), true)
	}
	f.Fuzz(func(t *testing.T, answer, protocol string, pad uint16, drip bool) {
		if pad > 0 { // somewhere a line that is longer than the buffers
			i := int(pad) % (len(answer) + 1)
			answer = answer[:i] + strings.Repeat("x", int(pad)) + answer[i:]
		}
		var offered []string
		if protocol != "" {
			offered = []string{protocol}
		}
		s := &server{answer: answer, drip: drip}
		a, err := upgrade(s, offered...)
		if !strings.HasSuffix(s.request.String(), "\r\n\r\n") || strings.Count(s.request.String(), "\r\n\r\n") > 1+strings.Count(protocol, "\r\n\r\n") {
			t.Fatalf("the request is %q", s.request.String())
		}
		if s.read > 64<<10 {
			t.Errorf("%d bytes were read", s.read)
		}
		var r *wire.Refusal
		switch {
		case err == nil:
			if a.Protocol != protocol || !strings.HasSuffix(answer, string(a.Early)) || !strings.Contains(answer, "101") || !strings.Contains(answer, "KEY") {
				t.Errorf("accepted: %+v", a)
			}
			wire.NewReader(125, a.Early).Close()
		case errors.As(err, &r):
			if !isNothing(a) || r.Status < 101 || r.Status > 999 || len(r.Body) > 1024 || r.Status == 101 && r.Err == nil {
				t.Errorf("refused: %+v", r)
			}
			_ = http.StatusText(r.Status) + r.Error()
		case !errors.Is(err, io.ErrUnexpectedEOF):
			t.Errorf("failed: %v", err)
		}
	})
}
