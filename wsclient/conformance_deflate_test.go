package wsclient_test

import (
	"cmp"
	"fmt"
	"net/http"
	"os"

	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

// Sections 12 and 13: permessage-deflate (RFC 7692). The public suite does not
// notice a client that never compresses; here it must, in the window that was
// agreed on, and the contents are compared.

// A compression is what the client offers, and what the server makes of it
// (RFC 7692 7.1). The zero value is none.
type compression struct {
	offer    wsclient.Compression
	declined bool
	text     string // of the answer, if it is spelled otherwise

	serverNoContext, clientNoContext bool
	serverBits, clientBits           int // 0: not said, which is 15
}

// answer is the server's Sec-WebSocket-Extensions.
func (c *compression) answer() string {
	if c.offer == wsclient.CompressionOff || c.declined {
		return ""
	}
	s := "permessage-deflate"
	if !c.serverContext() {
		s += "; server_no_context_takeover"
	}
	if c.clientNoContext {
		s += "; client_no_context_takeover"
	}
	if c.serverBits > 0 {
		s += fmt.Sprint("; server_max_window_bits=", c.serverBits)
	}
	if c.clientBits > 0 {
		s += fmt.Sprint("; client_max_window_bits=", c.clientBits)
	}
	return cmp.Or(c.text, s)
}

// serverContext: messages of the server refer to those before them.
func (c *compression) serverContext() bool {
	return !c.serverNoContext && c.offer == wsclient.CompressionContext
}

// inflater takes what the client compresses; nil: nothing.
func (c *compression) inflater() *inflater {
	if c.answer() == "" {
		return nil
	}
	return &inflater{bits: cmp.Or(c.clientBits, 15), context: c.clientContext()}
}

// clientContext: those of the client do. Who has said that it does without must do
// so (RFC 7692 7.1.1.2).
func (c *compression) clientContext() bool {
	return !c.clientNoContext && c.offer == wsclient.CompressionContext
}

// least is the size of a message from which on the client compresses.
func (c *compression) least() int {
	if c.clientContext() {
		return 128
	}
	return 512
}

// offered looks for what a server needs in an offer to give such answers.
func (c *compression) offered(h http.Header) error {
	want := map[wsclient.Compression]string{
		wsclient.CompressionNoContext: "permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits",
		wsclient.CompressionContext:   "permessage-deflate; client_max_window_bits",
	}[c.offer]
	if got := h.Get("Sec-WebSocket-Extensions"); got != want {
		return fmt.Errorf("the client offers %q, want %q", got, want)
	}
	return nil
}

// The client's offers: sections 12 and 13 are run with each.
const (
	inContext = "CompressionContext"
	alone     = "CompressionNoContext"
)

func deflateCases() (cases []wireCase) {
	kinds := contents()
	for i, kind := range kinds {
		cases = append(cases, deflateGroup(fmt.Sprint("12.", i+1), kind, compression{})...)
	}
	for i, asked := range []compression{
		{}, {clientNoContext: true}, {clientBits: 9}, {clientBits: 15}, {clientNoContext: true, clientBits: 9}, {clientNoContext: true, clientBits: 15},
		{clientNoContext: true, clientBits: 9}, // the best of three, which is the first, as our offers allow it
	} {
		cases = append(cases, deflateGroup(fmt.Sprint("13.", i+1), kinds[0], asked)...)
	}
	return cases
}

// deflateGroup is the 18 rows of a group.
func deflateGroup(id string, kind content, asked compression) (rows []wireCase) {
	add := func(size, fragment int) {
		name := fmt.Sprintf("%s in messages of %d", kind.name, size)
		if fragment > 0 {
			name += fmt.Sprintf(" in fragments of %d", fragment)
		}
		c := wireCase{id: fmt.Sprint(id, ".", len(rows)+1), name: name}
		c.prepare = func(way string) *wireCase {
			made := clean(c.id, c.name, nil)
			made.compression, made.offer = asked, wsclient.CompressionContext
			if way == alone {
				made.offer = wsclient.CompressionNoContext
			}
			made.converse(kind, size, fragment)
			return &made
		}
		rows = append(rows, c)
	}
	for _, size := range []int{16, 64, 256, 1024, 4096, 8192, 16384, 32768, 65536, 131072} {
		add(size, 0)
	}
	for _, size := range []int{8192, 16384, 32768, 65536, 131072} {
		add(size, 256)
	}
	for _, fragment := range []int{1024, 4096, 32768} {
		add(131072, fragment)
	}
	return rows
}

// converse sends messages, and waits for the echo after every second: the client
// compresses some in a burst, and some after a pause.
func (c *wireCase) converse(kind content, size, fragment int) {
	d := &testserver.Deflater{Context: c.serverContext()}
	const burst = 2
	if size > large {
		size = sized(size)
	}
	for i := range conversation(size) {
		m := kind.message(i, size)
		f := d.Frame(kind.op, m)
		frames := []testserver.Frame{f}
		if fragment > 0 {
			frames = fragmented(kind.op, f.Payload, fragment)
			frames[0].Rsv = f.Rsv
		}
		c.steps = append(c.steps, wireStep{frames: frames, await: i / burst * burst})
		c.want = append(c.want, testserver.Frame{Fin: true, Op: kind.op, Payload: m})
	}
	c.also = func(_ string, got []heard) error { return compresses(got, c.least()) }
}

// conversation is how many messages of a size are sent. The list has 1000.
func conversation(size int) int {
	n := 1000
	if os.Getenv("STEADYWS_CONFORMANCE") != "full" {
		n = min(50, max(3, 1<<17/size))
	}
	return max(2, sized(n))
}

// compresses wants all messages compressed that are not too small for it, and all
// of them together to have become smaller.
func compresses(got []heard, least int) error {
	plain, packed, most := 0, 0, 0
	for i, h := range got {
		if h.Op.IsControl() {
			continue
		}
		if n := len(h.Payload); (h.Rsv == 4) != (n >= least) {
			return fmt.Errorf("message %d, of %d octets, has the RSV bits %d", i, n, h.Rsv)
		}
		plain, packed, most = plain+len(h.Payload), packed+h.size, max(most, len(h.Payload))
	}
	if most >= least && packed > plain*9/10 {
		return fmt.Errorf("%d octets were compressed to %d", plain, packed)
	}
	return nil
}
