package main

import (
	"errors"
	"math"
	"net"
	"sync"
)

// herd is connections of the server that can be sent to, or be cut, all at once.
type herd struct {
	mu    sync.Mutex
	conns map[net.Conn]bool
}

// join sends one message and listens.
func (h *herd) join(c net.Conn, size int) {
	h.mu.Lock()
	h.conns[c] = true
	h.mu.Unlock()
	if size > 0 {
		b := batchOf(size, opBinary, false)
		c.Write(b.data[:b.ends[0]])
	}
	sink(c, 512, false)
	h.mu.Lock()
	delete(h.conns, c)
	h.mu.Unlock()
}

var errOver = errors.New("over")

// pour sends to each in turn, so that the load is even, for as long as c lives.
func (h *herd) pour(c net.Conn, rate float64, size int) {
	var all []net.Conn
	h.mu.Lock()
	for c := range h.conns {
		all = append(all, c)
	}
	h.mu.Unlock()
	if len(all) == 0 {
		return
	}
	over := make(chan struct{})
	go func() {
		drain(c)
		close(over)
	}()
	b, next := batchOf(size, opBinary, false), 0
	paced(rate*float64(len(all)), math.MaxInt, func(k int, _ int64) error {
		select {
		case <-over:
			return errOver
		default:
		}
		for ; k > 0; k-- {
			all[next%len(all)].Write(b.data[:b.ends[0]]) // one that has ended does not matter
			next++
		}
		return nil
	})
}

// outage is what clients see of a server that ends, and is started again when off does.
func (h *herd) outage(ln net.Listener, off net.Conn) {
	ln.Close()
	h.mu.Lock()
	for c := range h.conns {
		c.Close()
	}
	h.mu.Unlock()
	drain(off)
	again, err := net.Listen("tcp", ln.Addr().String())
	check(err)
	serve(again)
}
