package main

import (
	"bufio"
	"io"
	"net"
	"time"

	"github.com/gobwas/ws"
)

// gobwasBufio: gobwas-careful with a 64 KiB bufio.Writer that is flushed when
// idle: by the reader before it has to wait, as far as its handler has sent, or
// by a goroutine that every first Send after a flush wakes. The strongest thing
// that a user would write by hand.
type gobwasBufio struct {
	*gobwasCareful
	bw    *bufio.Writer
	awake bool // the reader is at work and flushes later; guarded by mu
	dirty bool // the flusher was woken; guarded by mu
	wake  chan struct{}
	err   error // why nothing is sent any more; guarded by mu

	closed bool // wake is; guarded by mu
}

func dialGobwasBufio(o Opts) (Conn, error) {
	c, err := dialGobwasCareful(o)
	if err != nil {
		return nil, err
	}
	g := &gobwasBufio{gobwasCareful: c.(*gobwasCareful), wake: make(chan struct{}, 1)}
	g.bw = bufio.NewWriterSize(g.Conn, 64<<10)
	g.br = bufio.NewReaderSize(&flushingReader{g, g.br}, 64<<10) // reads that large pass the inner one by
	g.reply = g.Send
	go g.flusher()
	return g, nil
}

// flushingReader is what the connection's bufio.Reader reads from: it is asked
// when that one is empty.
type flushingReader struct {
	g *gobwasBufio
	io.Reader
}

func (r *flushingReader) Read(p []byte) (int, error) {
	g := r.g
	g.mu.Lock()
	g.awake = false
	g.flush()
	g.mu.Unlock()
	n, err := r.Reader.Read(p)
	g.mu.Lock()
	g.awake = true
	g.mu.Unlock()
	return n, err
}

// flush writes what there is; mu is held.
func (g *gobwasBufio) flush() {
	if g.dirty = false; g.bw.Buffered() > 0 {
		if err := g.bw.Flush(); g.err == nil {
			g.err = err
		}
	}
}

func (g *gobwasBufio) flusher() {
	for range g.wake {
		g.mu.Lock()
		g.flush()
		g.mu.Unlock()
	}
}

func (g *gobwasBufio) Send(op byte, p []byte) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err != nil {
		return g.err
	}
	hd := ws.Header{Fin: true, OpCode: ws.OpCode(op), Masked: true, Mask: ws.NewMask(), Length: int64(len(p))}
	g.wbuf = g.wbuf[:0]
	if err := ws.WriteHeaderBuffer(&g.wbuf, hd, g.whdr[:]); err != nil {
		return err
	}
	n := len(g.wbuf)
	g.wbuf = append(g.wbuf, p...)
	ws.Cipher(g.wbuf[n:], hd.Mask, 0)
	_, err := g.bw.Write(g.wbuf)
	if !g.awake && !g.dirty {
		g.dirty = true
		select {
		case g.wake <- struct{}{}:
		default:
		}
	}
	return err
}

func (g *gobwasBufio) KeepAlive(every time.Duration) {
	pingEvery(every, func() error { return g.Send(byte(ws.OpPing), nil) })
}

func (g *gobwasBufio) Close() error {
	err := g.Conn.Close() // releases a flush
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.closed, g.err = true, net.ErrClosed
		close(g.wake)
	}
	return err
}
