package wire

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

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
	part     int           // where the answer is
	middle   bool          // of a line that is longer than br
	skip     bool          // the rest of it
	accept   bool          // Sec-WebSocket-Accept was seen
	protocol bool          // Sec-WebSocket-Protocol was seen

	extensions []string // Sec-WebSocket-Extensions: the library's check of it is lax
}

// The parts of an answer.
const (
	atStatus = iota
	inInterim
	inHeader  // of a 101
	inRefusal // all of it is for http.ReadResponse
)

func newExchange(conn io.ReadWriter) *exchange {
	x := &exchange{conn: conn, left: maxAnswer}
	x.br = bufio.NewReader(answer{x})
	return x
}

// early is what came behind the header.
func (x *exchange) early() []byte {
	b, _ := x.br.Peek(x.br.Buffered())
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
	text := string(bytes.TrimRight(line, "\r\n"))
	switch x.part {
	case atStatus:
		return x.status(text)
	case inInterim:
		if text == "" {
			x.part = atStatus
		}
		return nil, nil
	case inHeader:
		return x.field(line, text)
	}
	return line, nil
}

// status mends the status line.
func (x *exchange) status(text string) ([]byte, error) {
	version, rest, _ := strings.Cut(text, " ")
	code, reason, _ := strings.Cut(rest, " ")
	n, err := strconv.ParseUint(code, 10, 16)
	switch {
	case err != nil || len(code) != 3 || n < 100 || !strings.HasPrefix(version, "HTTP/"):
		return nil, ws.ErrMalformedResponse
	case n == http.StatusSwitchingProtocols:
		x.part = inHeader
	case n < 200:
		x.part = inInterim
		return nil, nil
	default:
		if x.part = inRefusal; version == "HTTP/1.0" {
			version = "HTTP/1.1"
		}
	}
	return fmt.Appendf(nil, "%s %s %s\r\n", version, code, reason), nil
}

// field mends one line of the header.
func (x *exchange) field(line []byte, text string) ([]byte, error) {
	name, value, _ := strings.Cut(text, ":")
	again := false
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "connection":
		for token := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.TrimSpace(token), "upgrade") {
				return []byte("Connection: Upgrade\r\n"), nil
			}
		}
		return nil, nil // another line may have it
	case "sec-websocket-extensions":
		if line[len(line)-1] != '\n' { // longer than any agreement
			return nil, ws.ErrMalformedResponse
		}
		if value = strings.TrimSpace(value); value != "" {
			x.extensions = append(x.extensions, value)
		}
		return nil, nil
	case "sec-websocket-accept":
		again, x.accept = x.accept, true
	case "sec-websocket-protocol":
		again, x.protocol = x.protocol, true
	}
	if again {
		return nil, errTwice
	}
	return line, nil
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
