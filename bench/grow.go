package main

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/steadyws/steadyws/reconnect"
	"github.com/steadyws/steadyws/wsclient"
)

// growTask is about what t.Workers connections cost, idle or with t.Rate
// messages a second on each.
func growTask(t Task, ad *Adapter, o Opts) (r Result, err error) {
	o.Beat = max(t.Time, time.Second) // all of them beat once while they are looked at
	c := newCrowd(t, ad, o)
	if err := c.open(1); err != nil { // what the first one costs a process is not counted
		return r, err
	}
	c.conns[0].Close()
	c.conns = make([]Conn, 0, t.Workers)
	before := held()
	if err := c.open(t.Workers); err != nil {
		return r, err
	}
	if err := c.settle(); err != nil {
		return r, err
	}
	held()
	if t.Rate > 0 {
		flowing := c.await(t.Workers) // one for each
		pour, err := dialRaw(Opts{Addr: o.Addr, Path: fmt.Sprintf("/pour?size=%d&rate=%g", t.Size, t.Rate)})
		if err != nil {
			return r, err
		}
		defer pour.Close()
		<-flowing
	}
	t.profile()
	a, in := meters(), c.in.Load()
	<-time.After(t.Time) // it is the cost of so much time that is asked for
	pprof.StopCPUProfile()
	b, n := meters(), float64(t.Workers)
	r = Result{
		N: n, Wall: b.Wall - a.Wall, User: b.User - a.User, Sys: b.Sys - a.Sys, In: float64(c.in.Load() - in),
		Gors: float64(runtime.NumGoroutine()), Process: rss(),
	}
	r.RSS = (r.Process - before.RSS) / n
	runtime.KeepAlive(c)
	return r, nil
}

// outage is how clients came back from one.
type outage struct {
	Half, Most, All time.Duration // from the cut until 50 %, 99 % and 100 % were open again; 0: never
	Open            float64       // those that were in the end
	Attempts, Burst float64       // to connect; the most that began within 100 ms
	Peak            float64       // the largest share of a CPU within 100 ms
}

// back counts how clients come back.
type back struct {
	attempts atomic.Int64
	mu       sync.Mutex
	opened   []time.Time
	all      chan struct{}
}

func (b *back) open(*wsclient.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.opened) == cap(b.opened) { // more than were expected: some opened twice
		return
	}
	if b.opened = append(b.opened, time.Now()); len(b.opened) == cap(b.opened) {
		close(b.all)
	}
}

// expect n connections from now on.
func (b *back) expect(n int) (all chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.opened, b.all = make([]time.Time, 0, n), make(chan struct{})
	b.attempts.Store(0)
	return b.all
}

// at is how long after the cut a share of them was open.
func (b *back) at(share float64, cut time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := int(math.Ceil(share*float64(cap(b.opened)))) - 1
	if i >= len(b.opened) {
		return 0
	}
	return b.opened[i].Sub(cut)
}

// away is how long the server of an outage is gone, patience how long it may take
// until all are back.
const away, patience = time.Second, 20 * time.Second

// outageTask cuts t.Workers clients off from a server that is back a second
// later; t.Rate is that of the limiter that they share, 0: none.
func outageTask(t Task, o Opts) (r Result, err error) {
	b := &back{}
	ready := b.expect(t.Workers)
	opts := steadyOptions(o)
	// A connection that has just opened counts as one that had been open for long.
	opts.Reconnect = reconnect.Policy{Stable: time.Nanosecond}
	if t.Rate > 0 {
		opts.Reconnect.Limiter = &reconnect.Limiter{Attempts: int(t.Rate)}
	}
	opts.OnOpen = b.open
	opts.Trace = &wsclient.Trace{AttemptStart: func(int, string) { b.attempts.Add(1) }}
	clients := make([]*wsclient.Client, t.Workers)
	for i := range clients {
		if clients[i], err = wsclient.Dial(context.Background(), o.URL(), opts); err != nil {
			return r, err
		}
	}
	<-ready
	runtime.GC()
	t.profile()
	all, before := b.expect(t.Workers), meters()
	off, err := dialRaw(Opts{Addr: o.Addr, Path: "/outage"})
	if err != nil {
		return r, err
	}
	cut := time.Now()
	time.AfterFunc(away, func() { off.Close() })
	r.Outage = b.watch(all)
	after := meters()
	pprof.StopCPUProfile()
	r.Outage.Half, r.Outage.Most, r.Outage.All = b.at(.5, cut), b.at(.99, cut), b.at(1, cut)
	for _, c := range clients {
		if c.ReadyState() == wsclient.Open {
			r.Outage.Open++
		}
	}
	r.N, r.Wall, r.User, r.Sys = float64(t.Workers), after.Wall-before.Wall, after.User-before.User, after.Sys-before.Sys
	return r, nil
}

// watch looks every 100 ms until all are open again.
func (b *back) watch(all chan struct{}) (o outage) {
	const every = 100 * time.Millisecond
	tick := time.NewTicker(every)
	defer tick.Stop()
	start := time.Now()
	last, spent, began := start, cpuTime(), int64(0)
	for over := false; !over; {
		select {
		case <-tick.C:
			over = time.Since(start) > patience
		case <-all:
			over = true
		}
		t, s, n := time.Now(), cpuTime(), b.attempts.Load()
		d := t.Sub(last)
		if d < every/2 { // too short to divide by
			continue
		}
		o.Peak = max(o.Peak, float64(s-spent)/float64(d))
		o.Burst = max(o.Burst, float64(n-began)*float64(every)/float64(d)) // a busy process looks late
		last, spent, began = t, s, n
	}
	o.Attempts = float64(b.attempts.Load())
	return o
}

func cpuTime() time.Duration {
	var ru syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &ru)
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}
