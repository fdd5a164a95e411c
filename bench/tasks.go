package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"
)

//lint:ignore U1000 it is written so that the handlers' work is done
var touched byte // keeps the handlers' work from being optimised away

func recvTask(t Task, c Conn) (Result, error) {
	p := pacer{Task: t}
	left := 0
	var failed error
	ask := func() {
		n, done := p.next()
		if left = n; !done {
			failed = c.Send(opText, strconv.AppendInt(nil, int64(n), 10))
		}
		if done || failed != nil {
			c.Close()
		}
	}
	ask()
	c.Loop(func(b []byte, n int) {
		touched += b[0]
		if left -= n; left <= 0 {
			ask()
		}
	})
	return p.result(failed)
}

func sendTask(t Task, c Conn, lock bool) (Result, error) {
	acks := make(chan string, 1)
	go func() {
		c.Loop(func(b []byte, _ int) { acks <- string(b) })
		close(acks)
	}()
	msg := message(t.Size, opBinary, 0)
	var mu sync.Mutex
	send := func(n int) (err error) {
		if b, ok := c.(bulkSender); ok {
			return b.SendN(opBinary, msg, n)
		}
		for ; n > 0 && err == nil; n-- {
			if lock && t.Workers > 1 {
				mu.Lock()
				err = c.Send(opBinary, msg)
				mu.Unlock()
			} else {
				err = c.Send(opBinary, msg)
			}
		}
		return err
	}
	p := pacer{Task: t}
	for {
		n, done := p.next()
		if done {
			return p.result(nil)
		}
		var wg sync.WaitGroup
		errs := make([]error, t.Workers+1)
		for i := range t.Workers {
			wg.Go(func() { errs[i] = send((n + i) / t.Workers) })
		}
		wg.Wait()
		errs[t.Workers] = c.Send(opText, nil)
		if err := errors.Join(errs...); err != nil {
			return Result{}, err
		}
		// raw gives the whole frame: two bytes of header, then the count
		if ack := <-acks; ack != strconv.Itoa(n) && ack[min(2, len(ack)):] != strconv.Itoa(n) {
			return Result{}, fmt.Errorf("sent %d messages, the server counted %q", n, ack)
		}
	}
}

func echoTask(t Task, c Conn) (Result, error) {
	msg := message(t.Size, opBinary, 0)
	p := pacer{Task: t}
	lat := make([]time.Duration, 0, 1<<18)
	var out, in int // messages still to send and to come
	var t0 time.Time
	var failed error
	send := func() {
		if err := c.Send(opBinary, msg); err != nil && failed == nil {
			failed = err
			c.Close()
		}
	}
	start := func() {
		n, done := p.next()
		if done {
			c.Close()
			return
		}
		in, out, lat = n, n-t.Workers, lat[:0]
		t0 = time.Now()
		for range t.Workers {
			send()
		}
	}
	start()
	c.Loop(func(b []byte, n int) {
		touched += b[0]
		if t.Workers == 1 && len(lat) < cap(lat) {
			now := time.Now()
			lat = append(lat, now.Sub(t0))
			t0 = now
		}
		if in -= n; in <= 0 {
			start()
			return
		}
		for n = min(n, out); n > 0; n-- {
			out--
			send()
		}
	})
	r, err := p.result(failed)
	if slices.Sort(lat); len(lat) > 0 {
		at := func(q float64) float64 { return float64(lat[int(q*float64(len(lat)-1))]) }
		r.P50, r.P99, r.P999 = at(.5), at(.99), at(.999)
	}
	return r, err
}

func dialTask(t Task, ad *Adapter, o Opts) (Result, error) {
	p := pacer{Task: t}
	for {
		n, done := p.next()
		if done {
			return p.result(nil)
		}
		for range n {
			c, err := ad.Dial(o)
			if err != nil {
				return Result{}, err
			}
			c.Close()
		}
	}
}
