package main

import (
	"bufio"
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/gobwas/httphead"
	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsflate"
	"github.com/gobwas/ws/wsutil"
)

// gobwasUtil: the way of the README: the wsutil helpers straight on the
// connection.
type gobwasUtil struct {
	net.Conn
	r  io.Reader  // the connection, after what the handshake buffered
	mu sync.Mutex // one frame at a time, for the pings
}

func gobwasDial(o Opts) (net.Conn, *bufio.Reader, error) {
	d := ws.Dialer{TLSConfig: o.TLS}
	if o.Deflate {
		d.Extensions = []httphead.Option{wsflate.DefaultParameters.Option()}
	}
	conn, br, _, err := d.Dial(context.Background(), o.URL())
	return conn, br, err
}

// afterHandshake reads what came with the handshake first.
func afterHandshake(conn net.Conn, br *bufio.Reader) io.Reader {
	if br == nil {
		return conn
	}
	return io.MultiReader(io.LimitReader(br, int64(br.Buffered())), conn)
}

func dialGobwasUtil(o Opts) (Conn, error) {
	conn, br, err := gobwasDial(o)
	if err != nil {
		return nil, err
	}
	return &gobwasUtil{Conn: conn, r: afterHandshake(conn, br)}, nil
}

func (g *gobwasUtil) Read(p []byte) (int, error) { return g.r.Read(p) }

func (g *gobwasUtil) Loop(h Handler) error {
	for {
		p, _, err := wsutil.ReadServerData(g)
		if err != nil {
			return err
		}
		h(p, 1)
	}
}

func (g *gobwasUtil) Send(op byte, p []byte) error {
	return wsutil.WriteClientMessage(g.Conn, ws.OpCode(op), p)
}

func (g *gobwasUtil) KeepAlive(every time.Duration) {
	pingEvery(every, func() error {
		g.mu.Lock()
		defer g.mu.Unlock()
		return wsutil.WriteClientMessage(g.Conn, ws.OpPing, nil)
	})
}

// gobwasCareful: the same package with care: one bufio.Reader, headers read
// into a kept buffer, payloads into a reused one, a frame built in one buffer
// and written by one call, a pooled inflater that is reset rather than rebuilt.
type gobwasCareful struct {
	net.Conn
	br    *bufio.Reader
	idle  bool
	utf8  bool
	hdr   [ws.MaxHeaderSize]byte
	wbuf  sliceWriter
	whdr  [ws.MaxHeaderSize]byte
	mu    sync.Mutex
	state ws.State
	reply func(op byte, p []byte) error // sends a pong
}

type sliceWriter []byte

func (s *sliceWriter) Write(p []byte) (int, error) { *s = append(*s, p...); return len(p), nil }

func dialGobwasCareful(o Opts) (Conn, error) {
	conn, br, err := gobwasDial(o)
	if err != nil {
		return nil, err
	}
	size := 64 << 10
	if o.Idle {
		size = 4 << 10
	}
	g := &gobwasCareful{Conn: conn, br: bufio.NewReaderSize(afterHandshake(conn, br), size), idle: o.Idle, utf8: o.UTF8, state: ws.StateClientSide}
	if g.reply = g.Send; o.Deflate {
		g.state |= ws.StateExtended
	}
	return g, nil
}

// resetter makes a compress/flate reader a wsflate.ReadResetter; without it
// wsflate builds a new 40 KiB reader for each message.
type resetter struct{ io.ReadCloser }

func (r resetter) Reset(src io.Reader) { r.ReadCloser.(flate.Resetter).Reset(src, nil) }

type inflater struct {
	src bytes.Reader
	r   *wsflate.Reader
}

var inflaters = sync.Pool{New: func() any {
	f := &inflater{}
	f.r = wsflate.NewReader(&f.src, func(r io.Reader) wsflate.Decompressor { return resetter{flate.NewReader(r)} })
	return f
}}

func (g *gobwasCareful) Loop(h Handler) error {
	var buf, plain []byte
	for {
		hd, err := ws.ReadHeaderBuffer(g.br, g.hdr[:])
		if err != nil {
			return err
		}
		if err = ws.CheckHeader(hd, g.state); err != nil {
			return err
		}
		n := int(hd.Length)
		if g.idle {
			buf, plain = nil, nil
		}
		if cap(buf) < n {
			buf = make([]byte, n)
		}
		buf = buf[:n]
		if _, err = io.ReadFull(g.br, buf); err != nil {
			return err
		}
		switch {
		case hd.OpCode == ws.OpClose:
			return io.EOF
		case hd.OpCode.IsControl():
			if hd.OpCode == ws.OpPing {
				g.reply(byte(ws.OpPong), buf)
			}
			continue
		case !hd.Fin || hd.OpCode == ws.OpContinuation:
			return errors.New("fragments: not needed here")
		case hd.Rsv1():
			f := inflaters.Get().(*inflater)
			f.src.Reset(buf)
			f.r.Reset(&f.src)
			plain, err = readAll(f.r, plain[:0])
			inflaters.Put(f)
			if err != nil {
				return err
			}
			h(plain, 1)
			continue
		case g.utf8 && hd.OpCode == ws.OpText && !utf8.Valid(buf):
			return errors.New("invalid UTF-8")
		}
		h(buf, 1)
	}
}

func (g *gobwasCareful) Send(op byte, p []byte) error {
	hd := ws.Header{Fin: true, OpCode: ws.OpCode(op), Masked: true, Mask: ws.NewMask(), Length: int64(len(p))}
	g.wbuf = g.wbuf[:0]
	if err := ws.WriteHeaderBuffer(&g.wbuf, hd, g.whdr[:]); err != nil {
		return err
	}
	n := len(g.wbuf)
	g.wbuf = append(g.wbuf, p...)
	ws.Cipher(g.wbuf[n:], hd.Mask, 0)
	_, err := g.Conn.Write(g.wbuf)
	if g.idle {
		g.wbuf = nil
	}
	return err
}

func (g *gobwasCareful) KeepAlive(every time.Duration) {
	pingEvery(every, func() error {
		g.mu.Lock()
		defer g.mu.Unlock()
		return g.Send(byte(ws.OpPing), nil)
	})
}
