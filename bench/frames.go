package main

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"

	"github.com/gobwas/ws"
)

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
