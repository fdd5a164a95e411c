package testserver

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/gobwas/ws"
)

// Peer is the server's end of one WebSocket connection, the one that follows
// the script. All its methods may be called from any goroutine.
type Peer struct {
	// ManualControl makes ReadMessage hand control frames to the script,
	// instead of answering pings and echoing the Close. Set it before reading.
	ManualControl bool

	server      *Server
	gate        *gate    // the socket
	conn        net.Conn // the gate, or TLS over it
	br          *bufio.Reader
	request     *http.Request
	session     int
	subprotocol string
	compressed  bool // an extension was answered: RSV1 is allowed

	// The right to read, the right to write: channels of one place, because a
	// wait for a mutex is not "durably blocked" in synctest.
	reading, writing chan struct{}

	rules     conformance   // belongs to whoever reads
	closeSeen chan struct{} // the client's Close has been read
	closeSent bool          // ours was written; belongs to whoever writes
}

// CloseError is what ReadMessage returns once the client's Close has been
// read, and echoed.
type CloseError struct {
	Code   ws.StatusCode // 0: the Close had no payload
	Reason string
}

func (e *CloseError) Error() string {
	return fmt.Sprintf("testserver: the client closed: %d %q", e.Code, e.Reason)
}

// Request is the upgrade request.
func (p *Peer) Request() *http.Request { return p.request }

// Session numbers the server's upgraded connections, from 1.
func (p *Peer) Session() int { return p.session }

// Subprotocol is what the answer said.
func (p *Peer) Subprotocol() string { return p.subprotocol }

// Done is closed when the server's socket is closed, by whichever side of the
// script. The client's FIN alone does not do it: somebody has to read that.
func (p *Peer) Done() <-chan struct{} { return p.gate.done }

// Read returns the next frame, a control frame too, and answers nothing.
func (p *Peer) Read() (Frame, error) {
	if err := p.acquire(p.reading); err != nil {
		return Frame{}, err
	}
	defer p.release(p.reading)
	return p.readFrame()
}

// ReadMessage returns the next message with its fragments joined (RFC 6455
// 5.4). Pings are answered and pongs passed over; the client's Close is echoed
// and returned as a *CloseError. See ManualControl for the script's own way.
func (p *Peer) ReadMessage() (op ws.OpCode, data []byte, err error) {
	f, err := p.message()
	return f.Op, f.Payload, err
}

// message is ReadMessage with the message's first RSV bits kept.
func (p *Peer) message() (Frame, error) {
	if err := p.acquire(p.reading); err != nil {
		return Frame{}, err
	}
	defer p.release(p.reading)
	var m Frame
	for {
		f, err := p.readFrame()
		switch {
		case err != nil:
			return Frame{}, err
		case f.Op.IsControl() && p.ManualControl:
			return f, nil
		case f.Op.IsControl():
			if err := p.control(f); err != nil {
				return Frame{}, err
			}
			continue
		case f.Op == ws.OpContinuation:
			m.Payload = append(m.Payload, f.Payload...)
		default:
			m = f
		}
		if f.Fin {
			m.Fin = true
			p.note(p.rules.message(m))
			return m, nil
		}
	}
}

// control answers a control frame as RFC 6455 5.5 wants it.
func (p *Peer) control(f Frame) error {
	switch f.Op {
	case ws.OpPing:
		// A write that fails says nothing about what is still to be read.
		_ = p.Pong(f.Payload)
	case ws.OpClose:
		code, reason := ws.ParseCloseFrameData(f.Payload)
		// 5.5.1: one Close from each side. If ours went first, this is its
		// answer and Write refuses, as it should.
		_ = p.Write(CloseFrame(code, ""))
		return &CloseError{Code: code, Reason: reason}
	}
	return nil
}

// readFrame belongs to who holds the right to read.
func (p *Peer) readFrame() (Frame, error) {
	counted := countedReader{r: p.br}
	h, err := ws.ReadHeader(&counted)
	if err != nil {
		if errors.Is(err, ws.ErrHeaderLengthMSB) {
			p.note([]string{err.Error()})
		}
		return Frame{}, err
	}
	p.note(p.rules.header(h, counted.n, p.compressed))
	if h.Length > maxPayload {
		return Frame{}, fmt.Errorf("testserver: a frame of %d bytes", h.Length)
	}
	f := Frame{Fin: h.Fin, Rsv: h.Rsv, Op: h.OpCode, Masked: h.Masked, Mask: h.Mask}
	f.Payload = make([]byte, h.Length)
	if _, err := io.ReadFull(p.br, f.Payload); err != nil {
		return Frame{}, fmt.Errorf("testserver: in a frame of %d bytes: %w", h.Length, unexpected(err))
	}
	if h.Masked {
		ws.Cipher(f.Payload, h.Mask, 0)
	}
	if f.Op == ws.OpClose && !p.rules.closed {
		p.note(p.rules.close(f.Payload))
		close(p.closeSeen)
	}
	return f, nil
}

// unexpected says that an EOF came too early.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// note records violations under this session's number.
func (p *Peer) note(violations []string) {
	for _, v := range violations {
		p.server.violate("session %d: %s", p.session, v)
	}
}

// acquire waits for a right, or for the end of the connection.
func (p *Peer) acquire(right chan struct{}) error {
	select {
	case right <- struct{}{}:
		return nil
	case <-p.gate.done:
		return net.ErrClosed
	}
}

func (p *Peer) release(right chan struct{}) { <-right }

// countedReader tells how long a header was on the wire.
type countedReader struct {
	r io.Reader
	n int
}

func (c *countedReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}
