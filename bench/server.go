package main

import (
	"bytes"
	"compress/flate"
	"crypto/sha1"
	"encoding/base64"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"

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
//	/herd?size=S                   the same, and it joins the herd:
//	/pour?size=S&rate=R            sends all of it R messages/s each until it ends
//	/outage                        cuts all of it and listens no more until it ends
//	/timed                         looks how old the time stamps of messages are,
//	                               answers a text message with the quantiles
//	/paced                         a text message tells the rate, number and size
//	                               of messages to send; then come the quantiles
//
// It answers pings, as every server does.
func serve(ln net.Listener) {
	h := &herd{conns: map[net.Conn]bool{}}
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
			case "/herd":
				h.join(c, size)
			case "/pour":
				rate, _ := strconv.ParseFloat(q.Get("rate"), 64)
				h.pour(c, rate, size)
			case "/outage":
				h.outage(ln, c)
			case "/timed":
				timed(c)
			case "/paced":
				sendPaced(c)
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
