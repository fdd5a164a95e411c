package wire

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/gobwas/ws"
)

// maxAnswer bounds the header of the handshake's answer.
const maxAnswer = 64 << 10

var (
	errAnswerTooLarge = errors.New("the answer's header is larger than 64 KiB")
	errTwice          = errors.New("the answer says Sec-WebSocket-Accept or Sec-WebSocket-Protocol twice")
)

// An exchange is the connection as the library sees it during the handshake. The
// answer comes through it a line at a time, so that it can be bounded (the
// library puts together a line of any length) and mended where v1.5.0 is wrong:
//   - a Connection field of several tokens, one of which is Upgrade, is refused
//     (RFC 6455 4.1 accepts it);
//   - Sec-WebSocket-Accept and -Protocol are taken twice (RFC 6455 11.3.3, 11.3.4);
//   - a refusal in HTTP/1.0, as old proxies send it, or without a reason phrase
//     loses its status, and one such as 0:1 is taken for 101;
//   - an interim answer, such as 103 Early Hints, is taken for the last (RFC 9110
//     15.2);
//   - a request URI that begins with two slashes gets a scheme before them.
type exchange struct {
	conn  io.ReadWriter
	err   error // of conn
	left  int   // of maxAnswer
	asked bool  // the request line was written

	br       *bufio.Reader // over the bounded conn
	line     []byte        // mended, for the library to read
	mended   []byte        // memory for a line that is ours
	part     int           // where the answer is
	middle   bool          // of a line that is longer than br
	skip     bool          // the rest of it
	accept   bool          // Sec-WebSocket-Accept was seen
	protocol bool          // Sec-WebSocket-Protocol was seen

	fields     fields   // of the answer's header
	extensions []string // Sec-WebSocket-Extensions: the library's check of it is lax
	refusal    *Refusal // nil: the answer is none

	// The library's part, with functions that are made once.
	dialer ws.Dialer
	url    url.URL
}

// The parts of an answer.
const (
	atStatus = iota
	inInterim
	inHeader  // of a 101
	inRefusal // all of it is for http.ReadResponse
)

// exchanges keeps those that are over: each has a buffer.
var exchanges = sync.Pool{New: func() any {
	x := &exchange{}
	x.br = bufio.NewReader(answer{x})
	x.dialer.OnHeader = x.header
	x.dialer.OnStatusError = x.refused
	return x
}}

func newExchange(conn io.ReadWriter, req *Request) *exchange {
	x := exchanges.Get().(*exchange)
	x.conn, x.left = conn, maxAnswer
	x.dialer.Host, x.dialer.Protocols = req.Host, req.Protocols
	header, offer := req.Header, req.offer()
	if offer != "" {
		if header = header.Clone(); header == nil {
			header = http.Header{}
		}
		header["Sec-WebSocket-Extensions"] = []string{offer}
	}
	if len(header) > 0 {
		x.dialer.Header = ws.HandshakeHeaderHTTP(header)
	}
	// An opaque URL is sent as it stands: ours is the request's own path.
	x.url = url.URL{Scheme: "ws", Host: req.Host, Opaque: req.URI}
	return x
}

// free ends x, of which nothing may be used any more.
func (x *exchange) free() {
	br, d := x.br, x.dialer
	d.Host, d.Protocols, d.Header = "", nil, nil
	*x = exchange{br: br, dialer: d, mended: x.mended[:0], fields: x.fields[:0]}
	x.br.Reset(answer{x})
	exchanges.Put(x)
}

// header is called with each field that is not the handshake's own.
func (x *exchange) header(key, value []byte) error {
	x.fields = x.fields.append(key, value)
	return nil
}

// refused is called with an answer that is not 101.
func (x *exchange) refused(status int, _ []byte, resp io.Reader) {
	x.refusal = readRefusal(status, resp)
}

// early is what came behind the header; nil: nothing.
func (x *exchange) early() []byte {
	b, _ := x.br.Peek(x.br.Buffered())
	if len(b) == 0 {
		return nil
	}
	return bytes.Clone(b)
}

// Write writes the request.
func (x *exchange) Write(p []byte) (n int, err error) {
	rest, ok := bytes.CutPrefix(p, []byte("GET ws://"))
	if ok && !x.asked {
		n, err = x.conn.Write(append([]byte("GET //"), rest...))
		n = min(n+len("ws:"), len(p))
	} else {
		n, err = x.conn.Write(p)
	}
	x.asked = true
	if err != nil {
		x.err = err
	}
	return n, err
}

// Read gives the answer to the library.
func (x *exchange) Read(p []byte) (int, error) {
	for len(x.line) == 0 {
		if x.part == inRefusal {
			return x.br.Read(p)
		}
		line, err := x.br.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull {
			return 0, err
		}
		if !x.middle {
			if x.line, err = x.mend(line); err != nil {
				return 0, err
			}
			x.skip = len(x.line) == 0 || &x.line[0] != &line[0]
		} else if !x.skip {
			x.line = line
		}
		x.middle = line[len(line)-1] != '\n'
	}
	n := copy(p, x.line)
	x.line = x.line[n:]
	return n, nil
}

// mend returns what the library is to read instead of line.
func (x *exchange) mend(line []byte) ([]byte, error) {
	text := bytes.TrimRight(line, "\r\n")
	switch x.part {
	case atStatus:
		return x.status(text)
	case inInterim:
		if len(text) == 0 {
			x.part = atStatus
		}
		return nil, nil
	case inHeader:
		return x.field(line, text)
	}
	return line, nil
}

// status mends the status line.
func (x *exchange) status(text []byte) ([]byte, error) {
	version, rest, _ := bytes.Cut(text, space)
	code, reason, _ := bytes.Cut(rest, space)
	n, err := strconv.ParseUint(string(code), 10, 16)
	switch {
	case err != nil || len(code) != 3 || n < 100 || !bytes.HasPrefix(version, []byte("HTTP/")):
		return nil, ws.ErrMalformedResponse
	case n == http.StatusSwitchingProtocols:
		x.part = inHeader
	case n < 200:
		x.part = inInterim
		return nil, nil
	default:
		if x.part = inRefusal; string(version) == "HTTP/1.0" {
			version = []byte("HTTP/1.1")
		}
	}
	x.mended = append(append(x.mended[:0], version...), ' ')
	x.mended = append(append(x.mended, code...), ' ')
	x.mended = append(append(x.mended, reason...), "\r\n"...)
	return x.mended, nil
}

var (
	space    = []byte(" ")
	upgraded = []byte("Connection: Upgrade\r\n")
)

// field mends one line of the header.
func (x *exchange) field(line, text []byte) ([]byte, error) {
	name, value, _ := bytes.Cut(text, []byte(":"))
	name = bytes.TrimSpace(name)
	again := false
	switch {
	case isField(name, "connection"):
		for token := range bytes.SplitSeq(value, []byte(",")) {
			if bytes.EqualFold(bytes.TrimSpace(token), []byte("upgrade")) {
				return upgraded, nil
			}
		}
		return nil, nil // another line may have it
	case isField(name, "sec-websocket-extensions"):
		if line[len(line)-1] != '\n' { // longer than any agreement
			return nil, ws.ErrMalformedResponse
		}
		if value := strings.TrimSpace(string(value)); value != "" {
			x.extensions = append(x.extensions, value)
		}
		return nil, nil
	case isField(name, "sec-websocket-accept"):
		again, x.accept = x.accept, true
	case isField(name, "sec-websocket-protocol"):
		again, x.protocol = x.protocol, true
	}
	if again {
		return nil, errTwice
	}
	return line, nil
}

// isField reports whether name is that of the field, which is in lower case.
func isField(name []byte, field string) bool {
	if len(name) != len(field) {
		return false
	}
	for i, c := range name {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != field[i] {
			return false
		}
	}
	return true
}

// answer is the bounded reading side of an exchange's conn.
type answer struct{ x *exchange }

func (a answer) Read(p []byte) (int, error) {
	x := a.x
	if x.left <= 0 {
		return 0, errAnswerTooLarge
	}
	n, err := x.conn.Read(p[:min(len(p), x.left)])
	if x.left -= n; err != nil {
		x.err = err
	}
	return n, err
}
