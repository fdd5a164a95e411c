package main

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/reconnect"
	"github.com/steadyws/steadyws/wsclient"
)

const (
	cutLeast = 50_000 // bytes, both directions together
	cutMost  = 500_000
	freezes  = 0.02 // of the cuts; until the heartbeat notices
	freeze   = 400 * time.Millisecond
	silence  = 150 * time.Millisecond // Interval, and Timeout
	linkName = "X-Attempt"
)

// soak sends the messages and counts.
func soak(ctx context.Context, cfg config, delivery wsclient.Delivery) (r row, err error) {
	book := newLedger(cfg)
	srv := &testserver.Server{Handler: func(p *testserver.Peer) { record(p, book) }}
	if err := srv.Start(nil); err != nil {
		return r, err
	}
	defer srv.Close()
	proxy := &testserver.Proxy{Least: cutLeast, Most: cutMost, Freezes: freezes, Freeze: freeze, Seed: cfg.seed}
	if err := proxy.Start(strings.TrimPrefix(srv.URL(), "ws://")); err != nil {
		return r, err
	}
	defer proxy.Close()
	debug.FreeOSMemory() // what an earlier mode has left
	peak := watch()
	begin := time.Now()
	opened, err := send(ctx, book, "ws://"+proxy.Addr(), options(delivery, book))
	elapsed, memory := time.Since(begin), peak()
	if err != nil {
		return r, err
	}
	r = book.sum(delivery)
	r.elapsed, r.memory, r.reconnects = elapsed, memory, opened-1
	for _, v := range srv.Violations() {
		r.broken = append(r.broken, "against RFC 6455: "+v)
	}
	return r, nil
}

// record is the server's end of a connection.
func record(p *testserver.Peer, book *ledger) {
	attempt, err := strconv.Atoi(p.Request().Header.Get(linkName))
	if err != nil {
		return
	}
	for {
		_, data, err := p.ReadMessage()
		if err != nil {
			return
		}
		book.arrive(attempt, data)
	}
}

// options are those of a client that loses no time: the default waits are for
// servers that many clients share.
func options(delivery wsclient.Delivery, book *ledger) *wsclient.Options {
	attempts := 0
	links := []int{0} // by session, its attempt
	return &wsclient.Options{
		Queue:     wsclient.QueueOptions{Delivery: delivery, Overflow: wsclient.OverflowBlock},
		Reconnect: reconnect.Policy{Initial: time.Millisecond, Max: time.Millisecond, Stable: time.Millisecond},
		Heartbeat: heartbeat.Policy{Interval: silence, Timeout: silence},
		Prepare: func(_ context.Context, a *wsclient.Attempt) error {
			attempts++
			a.Header.Set(linkName, strconv.Itoa(attempts))
			return nil
		},
		OnOpen: func(*wsclient.Conn) { links = append(links, attempts) },
		OnError: func(err error) {
			if u, ok := errors.AsType[*wsclient.UnconfirmedError](err); ok {
				book.report(links[u.Session], u)
			}
		},
	}
}

// send sends all, sees it confirmed, and returns how many connections that took.
func send(ctx context.Context, book *ledger, url string, o *wsclient.Options) (opened int, err error) {
	c, err := wsclient.Dial(ctx, url, o)
	if err != nil {
		return 0, err
	}
	defer func() {
		c.Close()
		<-c.Done() // what callbacks say is said
		opened = c.Stats().Session
	}()
	buf := make([]byte, book.most)
	for id := range book.n {
		p := buf[:book.size(id)]
		fill(p, id)
		if err := patiently(ctx, c, wsclient.Binary(p)); err != nil {
			return 0, fmt.Errorf("message %d: %w", id, err)
		}
	}
	for {
		err := c.Flush(ctx)
		if _, lost := errors.AsType[*wsclient.UnconfirmedError](err); lost {
			continue // OnError has it, too
		}
		if err != nil {
			return 0, err
		}
		return 0, c.Shutdown(ctx)
	}
}

// patiently sends m. While a callback runs and there is no connection, Send does not
// wait for room: it cannot know that the callback does not wait for it.
func patiently(ctx context.Context, c *wsclient.Client, m wsclient.Message) error {
	for {
		err := c.Send(ctx, m)
		if !errors.Is(err, wsclient.ErrQueueFull) {
			return err
		}
		if err := c.WaitOpen(ctx); err != nil {
			return err
		}
	}
}

// watch measures the memory that the process holds, client, proxy and server
// together, until the function that it returns is called.
func watch() (peak func() uint64) {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	stop, most := make(chan struct{}), make(chan uint64)
	go func() {
		ticker := time.NewTicker(10 * time.Millisecond)
		defer ticker.Stop()
		var high uint64
		for {
			metrics.Read(samples)
			high = max(high, samples[0].Value.Uint64()-samples[1].Value.Uint64())
			select {
			case <-ticker.C:
			case <-stop:
				most <- high
				return
			}
		}
	}()
	return func() uint64 {
		close(stop)
		return <-most
	}
}
