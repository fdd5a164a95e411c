package testserver

import (
	"bytes"
	"errors"
	"io"
	"time"

	"github.com/gobwas/ws"
)

// Write sends frames in one write. After our Close it fails, so that a handler
// that is still talking does not break RFC 6455 5.5.1; WriteFrame does it.
func (p *Peer) Write(frames ...Frame) error { return p.send(frames, false) }

// WriteText sends a text message.
func (p *Peer) WriteText(s string) error { return p.Write(TextFrame(s)) }

// WriteBinary sends a binary message.
func (p *Peer) WriteBinary(data []byte) error { return p.Write(BinaryFrame(data)) }

// WriteFrame sends one frame, allowed or not.
func (p *Peer) WriteFrame(fin bool, rsv byte, op ws.OpCode, payload []byte) error {
	return p.send([]Frame{{Fin: fin, Rsv: rsv, Op: op, Payload: payload}}, true)
}

// Ping sends a ping.
func (p *Peer) Ping(payload []byte) error { return p.Write(PingFrame(payload)) }

// Pong sends a pong.
func (p *Peer) Pong(payload []byte) error { return p.Write(PongFrame(payload)) }

// WriteRaw sends bytes as they are.
func (p *Peer) WriteRaw(b []byte) error {
	if err := p.acquire(p.writing); err != nil {
		return err
	}
	defer p.release(p.writing)
	_, err := p.conn.Write(b)
	return err
}

func (p *Peer) send(frames []Frame, afterClose bool) error {
	if err := p.acquire(p.writing); err != nil {
		return err
	}
	defer p.release(p.writing)
	for _, f := range frames {
		if p.closeSent && !afterClose {
			return errCloseSent
		}
		p.closeSent = p.closeSent || f.Op == ws.OpClose
	}
	_, err := p.conn.Write(Encode(frames...))
	return err
}

var (
	errCloseSent   = errors.New("testserver: write after our Close")
	errClosedEarly = errors.New("testserver: closed before the client's Close came")
)

// WriteCut sends the header of a whole message and the first n bytes of its
// payload, then FIN: a message cut in the middle, which is none (RFC 6455 5.2).
func (p *Peer) WriteCut(op ws.OpCode, payload []byte, n int) error {
	var b bytes.Buffer
	Frame{Fin: true, Op: op, Payload: payload}.encodeHeader(&b)
	b.Write(payload[:n])
	err := p.WriteRaw(b.Bytes())
	return errors.Join(err, p.FIN())
}

// SendClose sends a Close frame and does not wait; code 0 is an empty one.
func (p *Peer) SendClose(code ws.StatusCode, reason string) error {
	return p.Write(CloseFrame(code, reason))
}

// Close is the closing handshake from the server's side (RFC 6455 7.1.2): a
// Close frame, then reading, and passing over, whatever comes before the
// client's Close. In the end, or after Server.CloseWait, the socket is closed.
// It works beside a script that is blocked in a read or a write.
func (p *Peer) Close(code ws.StatusCode, reason string) error {
	limit := time.AfterFunc(p.server.closeWait(), func() { _ = p.gate.Close() })
	defer limit.Stop()
	defer func() { _ = p.gate.Close() }() // 7.1.1: the server is the first to close TCP
	if err := p.SendClose(code, reason); err != nil {
		return err
	}
	if err := p.awaitClose(); err != nil {
		return err
	}
	return p.closeWrite()
}

// awaitClose waits for the client's Close, whoever reads it.
func (p *Peer) awaitClose() error {
	for {
		select {
		case <-p.closeSeen:
			return nil
		default:
		}
		select {
		case <-p.closeSeen:
			return nil
		case p.reading <- struct{}{}:
		case <-p.gate.done:
			return errClosedEarly
		}
		_, err := p.readFrame()
		p.release(p.reading)
		if err != nil {
			return err
		}
	}
}

// FIN closes the socket without a Close frame, as a crashed process does. The
// client reads what was written, then EOF; under TLS without a close_notify.
func (p *Peer) FIN() error { return p.gate.Close() }

// RST closes the socket with a reset. The client loses what it has not read:
// on a Network always, be it the 101 itself; on TCP as its kernel has it. A
// script that wants its words heard first waits for an answer to them.
func (p *Peer) RST() { p.gate.reset() }

// Freeze leaves the socket open and moves no byte either way, reads and writes
// in progress included, until Thaw or the end of the connection: the peer
// behind a dead link. A handler that returns while frozen stays frozen.
func (p *Peer) Freeze() { p.gate.freeze() }

// Thaw ends a Freeze; nothing was lost.
func (p *Peer) Thaw() { p.gate.thaw() }

// closeWrite half-closes, through TLS with its close_notify.
func (p *Peer) closeWrite() error {
	if err := p.acquire(p.writing); err != nil {
		return err
	}
	defer p.release(p.writing)
	return halfClose(p.conn)
}

// Discard reads and throws away whatever comes, unparsed and unanswered, until
// the connection ends: a peer that costs next to nothing, for measurements.
func (p *Peer) Discard() error {
	if err := p.acquire(p.reading); err != nil {
		return err
	}
	defer p.release(p.reading)
	_, err := io.Copy(io.Discard, struct{ io.Reader }{p.br})
	return err
}
