package main

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// crowd is the connections of one client process that have each got one message
// and sent one.
type crowd struct {
	ad    *Adapter
	o     Opts
	size  int
	in    atomic.Int64  // messages received
	first chan struct{} // the one that each connection begins with
	wants atomic.Int64  // how many of in makes came due; 0: nobody waits
	came  chan struct{}
	conns []Conn
}

func newCrowd(t Task, ad *Adapter, o Opts) *crowd {
	return &crowd{ad: ad, o: o, size: t.Size, first: make(chan struct{}, 1)}
}

func (c *crowd) receive([]byte, int) {
	if c.in.Add(1) == c.wants.Load() {
		close(c.came)
	}
	select {
	case c.first <- struct{}{}:
	default:
	}
}

// open opens n more connections, one by one.
func (c *crowd) open(n int) error {
	h := Handler(c.receive)
	for range n {
		conn, err := c.ad.Dial(c.o)
		if err != nil {
			return fmt.Errorf("connection %d: %w", len(c.conns)+1, err)
		}
		start(conn, h)
		conn.KeepAlive(cmp.Or(c.o.Beat, 30*time.Second))
		c.conns = append(c.conns, conn)
		<-c.first
		if err := conn.Send(opText, message(c.size, opText, 0)); err != nil {
			return err
		}
	}
	return nil
}

// settle waits until nothing that was sent is under way any more: what confirms it
// belongs to the opening of the connections.
func (c *crowd) settle() error {
	for _, conn := range c.conns {
		if f, ok := conn.(flusher); ok {
			if err := f.Flush(context.Background()); err != nil {
				return err
			}
		}
	}
	return nil
}

// await returns a channel that is closed when n more messages have been received.
func (c *crowd) await(n int) <-chan struct{} {
	c.came = make(chan struct{})
	c.wants.Store(c.in.Load() + int64(n))
	return c.came
}

// held is what the process holds when its garbage is gone: pools keep theirs for two
// collections.
func held() Result {
	runtime.GC()
	runtime.GC()
	debug.FreeOSMemory() // collects once more
	var ms runtime.MemStats
	runtime.ReadMemStats(&ms)
	return Result{Heap: float64(ms.HeapAlloc), Stack: float64(ms.StackInuse), Gors: float64(runtime.NumGoroutine()), RSS: rss()}
}

func rss() float64 { return procField("/proc/self/status", "VmRSS:") * 1024 }

// idleTask is about what a connection holds that sleeps.
func idleTask(t Task, ad *Adapter, o Opts) (Result, error) {
	c := newCrowd(t, ad, o)
	c.conns = make([]Conn, 0, t.Workers+1)
	if err := c.open(1); err != nil {
		return Result{}, err
	}
	a := held()
	if err := c.open(t.Workers); err != nil {
		return Result{}, err
	}
	b, n := held(), float64(t.Workers)
	runtime.KeepAlive(c)
	return Result{N: n, Heap: (b.Heap - a.Heap) / n, Stack: (b.Stack - a.Stack) / n, Gors: (b.Gors - a.Gors) / n, RSS: (b.RSS - a.RSS) / n}, nil
}
