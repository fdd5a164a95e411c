package main

import (
	"bytes"
	"compress/flate"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/gobwas/ws"
)

// The server is built never to be the bottleneck: raw TCP, frames made in
// advance, big writes, headers-only reading. The path says what it does:
//
//	/fire?size=S&op=O[&deflate=1]  each text message "N" asks for N messages,
//	                               "N." for N messages and a close frame
//	/sink                          counts messages by their headers, answers a
//	                               text message with the count and starts over
//	/echo                          echoes, flushing when it has no whole frame left
//	/idle[?size=S[&deflate=1]]     sends one message if there is a size, then listens
//
// It answers pings, as every server does.
func serve(ln net.Listener) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			u, err := acceptUpgrade(c)
			if err != nil {
				return
			}
			q := u.Query()
			size, _ := strconv.Atoi(q.Get("size"))
			op, _ := strconv.Atoi(q.Get("op"))
			switch u.Path {
			case "/fire":
				fire(c, batchOf(size, byte(op), q.Has("deflate")))
			case "/sink":
				sink(c, 256<<10, true)
			case "/echo":
				echo(c)
			case "/idle":
				if size > 0 {
					b := batchOf(size, opText, q.Has("deflate"))
					c.Write(b.data[:b.ends[0]])
				}
				sink(c, 512, false)
			}
		}()
	}
}

func drain(c net.Conn) { io.Copy(io.Discard, struct{ io.Reader }{c}) }

// acceptUpgrade does the server's half of the opening handshake.
func acceptUpgrade(c net.Conn) (*url.URL, error) {
	buf := make([]byte, 4096)
	n := 0
	for !bytes.HasSuffix(buf[:n], []byte("\r\n\r\n")) {
		m, err := c.Read(buf[n:])
		if err != nil {
			return nil, err
		}
		n += m
	}
	lines := strings.Split(string(buf[:n]), "\r\n")
	var key, ext string
	for _, l := range lines[1:] {
		switch k, v, _ := strings.Cut(l, ": "); strings.ToLower(k) {
		case "sec-websocket-key":
			key = v
		case "sec-websocket-extensions":
			if strings.Contains(v, "permessage-deflate") {
				ext = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n"
			}
		}
	}
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	_, err := io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+ext+
		"Sec-WebSocket-Accept: "+base64.StdEncoding.EncodeToString(sum[:])+"\r\n\r\n")
	if err != nil {
		return nil, err
	}
	return url.ParseRequestURI(strings.Fields(lines[0])[1])
}

// batch is a run of ready frames; ends[i] is where frame i ends.
type batch struct {
	data []byte
	ends []int
}

var (
	batchMu sync.Mutex
	batches = map[string]*batch{}
)

// batchOf makes at least 1 MiB of frames with distinct messages in turn,
// compressed each on its own.
func batchOf(size int, op byte, deflate bool) *batch {
	batchMu.Lock()
	defer batchMu.Unlock()
	key := fmt.Sprint(size, op, deflate)
	if b := batches[key]; b != nil {
		return b
	}
	b := &batch{}
	var frames [64][]byte // distinct ones, used in turn
	for i := 0; len(b.data) < 1<<20; i++ {
		f := &frames[i%64]
		if *f == nil {
			p, b0 := message(size, op, uint64(i)), 0x80|op
			if deflate {
				p, b0 = deflated(p), b0|0x40
			}
			*f = append(appendHeader(nil, b0, len(p)), p...)
		}
		b.data = append(b.data, *f...)
		b.ends = append(b.ends, len(b.data))
	}
	batches[key] = b
	return b
}

// message makes a payload: JSON-like text for opText, noise for opBinary.
func message(size int, op byte, seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	p := make([]byte, 0, size+256)
	if op == opBinary {
		for len(p) < size {
			p = binary.LittleEndian.AppendUint64(p, r.Uint64())
		}
		return p[:size]
	}
	for p = append(p, '['); len(p) < size; p = append(p, ',') {
		p = fmt.Appendf(p, `{"id":%d,"type":"trade","symbol":"%s-USD","price":"%d.%02d","qty":"0.%04d","side":"%s","ts":%d}`,
			r.IntN(1e9), []string{"BTC", "ETH", "SOL", "ADA"}[r.IntN(4)], r.IntN(90000), r.IntN(100), r.IntN(10000),
			[]string{"buy", "sell"}[r.IntN(2)], 1700000000000+r.IntN(1e9))
	}
	return p[:size]
}

const deflateTail = "\x00\x00\xff\xff" // what RFC 7692 cuts off each message

func deflated(p []byte) []byte {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.DefaultCompression)
	w.Write(p)
	w.Flush()
	return bytes.TrimSuffix(b.Bytes(), []byte(deflateTail))
}

// appendHeader appends the header of an unmasked frame.
func appendHeader(b []byte, b0 byte, n int) []byte {
	switch {
	case n < 126:
		return append(b, b0, byte(n))
	case n < 1<<16:
		return append(b, b0, 126, byte(n>>8), byte(n))
	}
	return binary.BigEndian.AppendUint64(append(b, b0, 127), uint64(n))
}

// header parses the header at the start of b: its size and the payload length;
// the size is 0 if b is too short for it.
func header(b []byte) (size, n int) {
	if len(b) < 2 {
		return 0, 0
	}
	n, size = int(b[1]&0x7f), 2
	if n == 126 {
		size = 4
	} else if n == 127 {
		size = 10
	}
	if len(b) < size {
		return 0, 0
	}
	if size == 4 {
		n = int(binary.BigEndian.Uint16(b[2:]))
	} else if size == 10 {
		n = int(binary.BigEndian.Uint64(b[2:]))
	}
	return size + int(b[1]>>7)*4, n // with the key of a masked frame
}

// frames calls f with each frame of a client, unmasked in place, and wait
// before it has to wait for more bytes.
func frames(c net.Conn, wait func() error, f func(b0 byte, p []byte, key [4]byte) error) error {
	buf := make([]byte, 64<<10)
	for r, w := 0, 0; ; {
		size, n := header(buf[r:w])
		if size > 0 && w-r >= size+n {
			if buf[r+1]&0x80 == 0 {
				return errors.New("a client's frame without a mask")
			}
			p, key := buf[r+size:r+size+n], [4]byte(buf[r+size-4:])
			ws.Cipher(p, key, 0)
			var err error
			switch buf[r] & 0x0f {
			case opPing:
				err = pong(c, p)
			case opPong:
			default:
				err = f(buf[r], p, key)
			}
			if err != nil {
				return err
			}
			r += size + n
			continue
		}
		if err := wait(); err != nil {
			return err
		}
		w = copy(buf, buf[r:w])
		if r = 0; w == len(buf) {
			buf = append(buf, make([]byte, len(buf))...)
		}
		n, err := c.Read(buf[w:])
		if err != nil {
			return err
		}
		w += n
	}
}

func fire(c net.Conn, b *batch) {
	frames(c, func() error { return nil }, func(b0 byte, p []byte, _ [4]byte) error {
		if b0&0x40 != 0 {
			p, _ = io.ReadAll(flate.NewReader(strings.NewReader(string(p) + deflateTail + "\x01\x00\x00\xff\xff")))
		}
		num, last := strings.CutSuffix(string(p), ".")
		n, err := strconv.Atoi(num)
		for n > 0 && err == nil {
			m := min(n, len(b.ends))
			_, err = c.Write(b.data[:b.ends[m-1]])
			n -= m
		}
		if last {
			c.Write([]byte{0x88, 2, 3, 232})
			drain(c)
		}
		return err
	})
}

func echo(c net.Conn) {
	var out []byte
	flush := func() error {
		if len(out) == 0 {
			return nil
		}
		_, err := c.Write(out)
		out = out[:0]
		return err
	}
	frames(c, flush, func(b0 byte, p []byte, _ [4]byte) error {
		out = append(appendHeader(out, b0, len(p)), p...)
		return nil
	})
}

// pong answers a ping, whose payload is not masked any more.
func pong(c net.Conn, p []byte) error {
	_, err := c.Write(append(appendHeader(nil, 0x80|opPong, len(p)), p...))
	return err
}

// sink reads headers and skips payloads; counting, it answers text messages.
func sink(c net.Conn, bufSize int, counting bool) {
	buf := make([]byte, bufSize)
	skip, count := 0, 0 // payload bytes still to come, messages
	for r, w := 0, 0; ; {
		n, err := c.Read(buf[w:])
		if err != nil {
			return
		}
		for w += n; ; {
			m := min(skip, w-r)
			r, skip = r+m, skip-m
			size, n := header(buf[r:w])
			if size == 0 || skip > 0 {
				break
			}
			b0 := buf[r]
			if b0&0x0f == opPing && w-r < size+n {
				break // its payload is wanted
			}
			switch {
			case buf[r+1]&0x80 == 0: // not masked
				return
			case b0&0x0f == opPing:
				p := buf[r+size : r+size+n]
				ws.Cipher(p, [4]byte(buf[r+size-4:]), 0)
				if pong(c, p) != nil {
					return
				}
			case b0&0x0f == opText && counting: // the marker
				ack := strconv.Itoa(count)
				count = 0
				c.Write(append(appendHeader(nil, 0x81, len(ack)), ack...))
			case b0&0x88 == 0x80: // the last frame of a data message
				count++
			}
			r, skip = r+size, n
		}
		w = copy(buf, buf[r:w])
		r = 0
	}
}
