package wsclient_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

// The opening handshake (RFC 6455 4.1, 4.2.2), of which the public suite has no
// case. Answers are written by hand; KEY stands for the right Accept.

const (
	goodStatus = "HTTP/1.1 101 Switching Protocols\r\n"
	goodFields = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: KEY\r\n"
	goodAnswer = goodStatus + goodFields + "\r\n"
)

// swap is the good answer with one thing changed, extra the one with a line more.
func swap(old, new string) string { return strings.Replace(goodAnswer, old, new, 1) }
func extra(line string) string    { return goodStatus + goodFields + line + "\r\n\r\n" }

// keyed puts the right Accept into an answer (RFC 6455 4.2.2, 5.4).
func keyed(text string, r *http.Request) []byte {
	sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return []byte(strings.ReplaceAll(text, "KEY", base64.StdEncoding.EncodeToString(sum[:])))
}

// A witness knows what a client has written.
type witness struct {
	net.Conn
	mu      sync.Mutex
	written bytes.Buffer
}

func (c *witness) Write(p []byte) (int, error) {
	c.mu.Lock()
	c.written.Write(p)
	c.mu.Unlock()
	return c.Conn.Write(p)
}

var acceptedAnswers = map[string]struct {
	answer   string
	offered  []string
	messages []string
}{
	"the least":                         {answer: goodAnswer},
	"other case":                        {answer: "HTTP/1.1 101 ok\r\nUPGRADE: WebSocket\r\nconnection: upgrade\r\nsec-websocket-accept: KEY\r\n\r\n"},
	"Connection with several tokens":    {answer: swap("Connection: Upgrade", "Connection: keep-alive, Upgrade")},
	"Connection with several, reversed": {answer: swap("Connection: Upgrade", "Connection: upgrade,keep-alive")},
	"Connection in two lines":           {answer: extra("Connection: keep-alive")},
	"the same Upgrade twice":            {answer: extra("Upgrade: websocket")}, // harmless
	"an offered subprotocol":            {answer: extra("Sec-WebSocket-Protocol: b"), offered: []string{"a", "b"}},
	"Early Hints first":                 {answer: "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + goodAnswer},
	"just under 64 KiB":                 {answer: extra("X-Big: " + strings.Repeat("x", 63<<10))},
	"a message behind it":               {answer: goodAnswer + "\x81\x02hi", messages: []string{"hi"}},
	"messages behind it":                {answer: goodAnswer + strings.Repeat("\x81\x02hi", 3), messages: []string{"hi", "hi", "hi"}},
	"half a message behind it":          {answer: goodAnswer + "\x81\x02h"},
	"half a header behind it":           {answer: goodAnswer + "\x81"},
	// A 101 has no body, whatever its header says (RFC 9110 15.2): frames follow.
	"a Content-Length": {answer: extra("Content-Length: 4") + "\x81\x02hi", messages: []string{"hi"}},
}

var refusedAnswers = map[string]struct {
	answer  string
	offered []string
	status  int // zero: 101, the answer is wrong in itself
}{
	"no Accept":                          {answer: swap("Sec-WebSocket-Accept: KEY\r\n", "")},
	"an empty Accept":                    {answer: swap("KEY", "")},
	"a wrong Accept":                     {answer: swap("KEY", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")},
	"an Accept and more":                 {answer: swap("KEY", "KEY, KEY")},
	"the Accept twice":                   {answer: extra("Sec-WebSocket-Accept: KEY")},
	"a right Accept and a wrong one":     {answer: extra("Sec-WebSocket-Accept: x")},
	"no Upgrade":                         {answer: swap("Upgrade: websocket\r\n", "")},
	"another Upgrade":                    {answer: swap("websocket", "h2c")},
	"two Upgrades in a line":             {answer: swap("websocket", "websocket, h2c")},
	"two Upgrades in lines":              {answer: extra("Upgrade: h2c")},
	"no Connection":                      {answer: swap("Connection: Upgrade\r\n", "")},
	"another Connection":                 {answer: swap("Connection: Upgrade", "Connection: keep-alive")},
	"a Connection that contains it":      {answer: swap("Connection: Upgrade", "Connection: no-upgrade")},
	"an extension that was not offered":  {answer: extra("Sec-WebSocket-Extensions: permessage-deflate")},
	"an extension that nobody knows":     {answer: extra("Sec-WebSocket-Extensions: x; y=1")},
	"a subprotocol, none was offered":    {answer: extra("Sec-WebSocket-Protocol: a")},
	"a subprotocol that was not offered": {answer: extra("Sec-WebSocket-Protocol: c"), offered: []string{"a", "b"}},
	"a subprotocol of other case":        {answer: extra("Sec-WebSocket-Protocol: A"), offered: []string{"a"}},
	"two subprotocols":                   {answer: extra("Sec-WebSocket-Protocol: a, b"), offered: []string{"a", "b"}},
	"two subprotocols in two lines":      {answer: extra("Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: b"), offered: []string{"a", "b"}},
	"no subprotocol, some were offered":  {answer: goodAnswer, offered: []string{"a"}},
	"64 KiB of header":                   {answer: extra("X-Big: " + strings.Repeat("x", 64<<10))},
	"64 KiB of header lines":             {answer: extra(strings.Repeat("X: y\r\n", 11_000) + "X: y")},
	"a header without end":               {answer: goodStatus + strings.Repeat("X: y\r\n", 1<<18)},
	"a status line without end":          {answer: goodStatus[:15] + strings.Repeat("x", 1<<20)},
	"HTTP/1.0":                           {answer: swap("HTTP/1.1", "HTTP/1.0")},
	"HTTP/2.0":                           {answer: swap("HTTP/1.1", "HTTP/2.0")},
	"another protocol":                   {answer: "SSH-2.0-OpenSSH_9.2p1\r\n"},
	"a line without a colon":             {answer: extra("hello")},
	"HTTP/1.0 and a refusal":             {answer: "HTTP/1.0 503 Busy\r\n\r\nlater", status: 503},
	"a page":                             {answer: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", status: 200},
	"a body that ends too early":         {answer: "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 500\r\n\r\n<html>", status: 502},
	"a chunked body that ends too early": {answer: "HTTP/1.1 502 Bad Gateway\r\nTransfer-Encoding: chunked\r\n\r\n50\r\n<html>", status: 502},
	"a redirect":                         {answer: "HTTP/1.1 302 Found\r\nLocation: ws://other/\r\nContent-Length: 0\r\n\r\n", status: 302},
	"426":                                {answer: "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n", status: 426},
}

// handshake runs a client against one answer, to its end.
func handshake(t *testing.T, text string, hold bool, offered []string, judge func(w *world, e wsclient.CloseEvent, written []byte)) {
	o := patient()
	o.Subprotocols = offered
	handshakeWith(t, o, text, hold, judge)
}

func handshakeWith(t *testing.T, o wsclient.Options, text string, hold bool, judge func(w *world, e wsclient.CloseEvent, written []byte)) {
	srv := &testserver.Server{OnUpgrade: func(_ int, r *http.Request) *testserver.Answer {
		return &testserver.Answer{Raw: keyed(text, r), Hold: hold}
	}}
	bubble(t, srv, func(w *world) {
		var event wsclient.CloseEvent
		o.OnOpen = func(*wsclient.Conn) { w.note("open") }
		o.OnMessage = func(m wsclient.Message) { w.note("%s", m.Data) }
		o.OnClose = func(e wsclient.CloseEvent) { event = e }
		wire := &witness{}
		o.NetDial = w.net.DialContext
		dial := o.NetDial
		o.NetDial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			nc, err := dial(ctx, network, addr)
			wire.Conn = nc
			return wire, err
		}
		c := w.open(o)
		<-c.Done()
		judge(w, event, wire.written.Bytes())
	})
	if v := srv.Violations(); len(v) > 0 {
		t.Errorf("violations: %q", v)
	}
}

func TestConformanceUnseenAnswersAccepted(t *testing.T) {
	for name, test := range acceptedAnswers {
		t.Run(name, func(t *testing.T) {
			handshake(t, test.answer, false, test.offered, func(w *world, e wsclient.CloseEvent, _ []byte) {
				w.expect(append([]string{"open"}, test.messages...)...)
				if e.Session != 1 || !errors.Is(e.Err, io.ErrUnexpectedEOF) { // as the server says no more
					t.Errorf("%+v", e)
				}
			})
		})
	}
}

func TestConformanceUnseenAnswersRefused(t *testing.T) {
	for name, test := range refusedAnswers {
		t.Run(name, func(t *testing.T) {
			handshake(t, test.answer, false, test.offered, refused(test.status))
		})
	}
}

// refused is how a handshake ends without a WebSocket; status 0 is 101.
func refused(status int) func(w *world, e wsclient.CloseEvent, written []byte) {
	return func(w *world, e wsclient.CloseEvent, written []byte) {
		w.expect()
		if h := as[*wsclient.HandshakeError](w, e.Err); h.Status != cmp.Or(status, 101) || e.Session != 0 || status == 0 && h.Err == nil {
			w.Errorf("%+v, status %d, %v", e, h.Status, h.Err)
		}
		// No frame may follow, a Close neither: there is no WebSocket (RFC 6455 4.1).
		if _, rest, ok := bytes.Cut(written, []byte("\r\n\r\n")); !ok || len(rest) > 0 {
			w.Errorf("%q was written behind the request", rest)
		}
		if w.elapsed() != 0 {
			w.Errorf("it took %v", w.elapsed())
		}
	}
}

func TestConformanceUnseenAnswerCutAnywhere(t *testing.T) {
	for n := range len(goodAnswer) - 1 {
		if strings.HasPrefix(goodAnswer[n:], "EY") {
			continue // in the middle of what is replaced
		}
		handshake(t, goodAnswer[:n], false, nil, func(w *world, e wsclient.CloseEvent, _ []byte) {
			w.expect()
			if e.Session != 0 || !errors.Is(e.Err, io.ErrUnexpectedEOF) {
				t.Errorf("cut after %d: %+v", n, e)
			}
		})
	}
}

// What follows the 101 is frames, and is judged as such.
func TestConformanceUnseenGarbageBehindTheAnswer(t *testing.T) {
	for name, garbage := range map[string]string{"text": "hello", "a second answer": goodAnswer, "a body": "<html>"} {
		t.Run(name, func(t *testing.T) {
			handshake(t, goodAnswer+garbage, false, nil, func(w *world, e wsclient.CloseEvent, written []byte) {
				w.expect("open")
				if p := as[*wsclient.ProtocolError](t, e.Err); p.Code != wsclient.StatusProtocolError || e.Session != 1 {
					t.Errorf("%+v", e)
				}
				if _, frames, _ := bytes.Cut(written, []byte("\r\n\r\n")); len(frames) != 8 || frames[0] != 0x88 || frames[1] != 0x82 {
					t.Errorf("%x was written, want a masked Close with a code", frames)
				}
			})
		})
	}
}

// DialTimeout bounds all of it, however little comes however often.
func TestConformanceUnseenDrip(t *testing.T) {
	bubble(t, server(testserver.Sink), func(w *world) {
		for _, test := range []struct {
			every, want time.Duration
			opens       bool
		}{{time.Second, 10 * time.Second, false}, {10 * time.Millisecond, 1290 * time.Millisecond, true}} {
			ln, err := w.net.Listen("drip:80")
			if err != nil {
				t.Fatal(err)
			}
			var gone sync.WaitGroup
			gone.Go(func() { drip(ln, test.every) })
			start := w.elapsed()
			var opened bool
			o := w.options(patient())
			o.OnOpen = func(*wsclient.Conn) { opened = true }
			c, err := wsclient.New("ws://drip/", o)
			if err != nil {
				t.Fatal(err)
			}
			<-c.Done()
			if d := w.elapsed() - start; opened != test.opens || d != test.want {
				t.Errorf("an octet every %v: open %v, ended after %v, want %v and %v: %v", test.every, opened, d, test.opens, test.want, c.Err())
			}
			if timeout, ok := errors.AsType[net.Error](c.Err()); !test.opens && (!ok || !timeout.Timeout()) {
				t.Errorf("Err: %v", c.Err())
			}
			ln.Close()
			gone.Wait()
		}
	})
}

// drip gives one good answer, an octet at a time, and closes.
func drip(ln net.Listener, every time.Duration) {
	nc, err := ln.Accept()
	if err != nil {
		return
	}
	defer nc.Close()
	r, err := http.ReadRequest(bufio.NewReader(nc))
	if err != nil {
		return
	}
	for _, b := range keyed(goodAnswer, r) {
		<-time.After(every)
		if _, err := nc.Write([]byte{b}); err != nil {
			return
		}
	}
}

// A refusal whose body does not come is still a refusal, in time.
func TestConformanceUnseenBodyThatDoesNotCome(t *testing.T) {
	handshake(t, "HTTP/1.1 503 Busy\r\nContent-Length: 500\r\n\r\nlater", true, nil, func(w *world, e wsclient.CloseEvent, _ []byte) {
		if h := as[*wsclient.HandshakeError](t, e.Err); h.Status != 503 || string(h.Body) != "later" || w.elapsed() != 10*time.Second {
			t.Errorf("status %d, body %q, after %v", h.Status, h.Body, w.elapsed())
		}
	})
}
