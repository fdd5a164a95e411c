package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// Task is one measurement of one adapter, in a process of its own.
type Task struct {
	Name    string // recv, send, echo, idle, dial
	Adapter string
	Size    int           // of a message
	Workers int           // goroutines that send; messages in flight; idle connections
	Text    bool          // rather than binary, UTF-8 checked by those that can
	Deflate bool          // compressed text
	Time    time.Duration // to measure for
	Addr    string        // of the server
	Profile string        // file for a CPU profile of the measured part
	Allocs  string        // file for a profile of all allocations
}

// Result holds what was measured: totals over N messages or dials, save for
// the latencies and, of idle connections, what one of them holds.
type Result struct {
	N                      float64
	Wall, User, Sys        float64 // ns; User and Sys are the CPU time of the client process
	Mallocs, Alloc         float64 // heap objects and bytes
	Calls, Sleeps          float64 // read and write system calls; times the process went to sleep
	P50, P99, P999         float64 // ns
	Heap, Stack, RSS, Gors float64
}

// meters reads all totals.
func meters() (r Result) {
	var ms runtime.MemStats
	runtime.ReadMemStats(&ms)
	var ru syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &ru)
	return Result{
		Wall: float64(time.Now().UnixNano()), User: float64(ru.Utime.Nano()), Sys: float64(ru.Stime.Nano()),
		Mallocs: float64(ms.Mallocs), Alloc: float64(ms.TotalAlloc), Sleeps: float64(ru.Nvcsw),
		Calls: procField("/proc/self/io", "syscr:") + procField("/proc/self/io", "syscw:"),
	}
}

func procField(file, name string) float64 {
	b, _ := os.ReadFile(file)
	_, b, _ = bytes.Cut(b, []byte(name))
	v, _ := strconv.ParseFloat(string(append(bytes.Fields(b), nil)[0]), 64)
	return v
}

// pacer runs a workload three times: briefly, for a fifth of the time and for
// the time asked for, which is the one measured. next says how many messages
// the next run has, and that the last one is over.
type pacer struct {
	Task
	phase, n int
	t0       time.Time
	a, b     Result
}

func (p *pacer) next() (n int, done bool) {
	rate := float64(p.n) / max(1e-6, time.Since(p.t0).Seconds())
	switch p.phase++; p.phase {
	case 1:
		p.n = max(64, min(2000, (4<<20)/(p.Size+1)))
		if p.Name == "echo" || p.Name == "dial" {
			p.n = 128
		}
	case 2:
		p.n = max(64, int(rate*p.Time.Seconds()/5))
	case 3:
		p.n = max(64, int(rate*p.Time.Seconds()))
		runtime.GC()
		if p.Profile != "" {
			if f, err := os.Create(p.Profile); err == nil {
				pprof.StartCPUProfile(f)
			}
		}
		p.a = meters()
	case 4:
		p.b = meters()
		pprof.StopCPUProfile()
		return 0, true
	}
	p.t0 = time.Now()
	return p.n, false
}

func (p *pacer) result(failed error) (Result, error) {
	if failed != nil {
		return Result{}, failed
	}
	if p.phase < 4 {
		return Result{}, errors.New("the connection ended early")
	}
	a, b := p.a, p.b
	return Result{
		N: float64(p.n), Wall: b.Wall - a.Wall, User: b.User - a.User, Sys: b.Sys - a.Sys, Mallocs: b.Mallocs - a.Mallocs,
		Alloc: b.Alloc - a.Alloc, Calls: b.Calls - a.Calls, Sleeps: b.Sleeps - a.Sleeps,
	}, nil
}

// runTask does what t says and returns the figures.
func runTask(t Task) (Result, error) {
	ad := adapterByName(t.Adapter)
	if ad == nil {
		return Result{}, fmt.Errorf("no adapter %q", t.Adapter)
	}
	op := opBinary
	if t.Text || t.Deflate {
		op = opText
	}
	query := fmt.Sprintf("?size=%d&op=%d", t.Size, op)
	if t.Deflate {
		query += "&deflate=1"
	}
	o := Opts{Addr: t.Addr, Deflate: t.Deflate, UTF8: t.Text, Idle: t.Name == "idle" || t.Name == "dial"}
	o.Path = map[string]string{"recv": "/fire" + query, "send": "/sink", "echo": "/echo", "idle": "/idle" + query, "dial": "/idle"}[t.Name]
	switch t.Name {
	case "idle":
		return idleTask(t, ad, o)
	case "dial":
		return dialTask(t, ad, o)
	}
	c, err := ad.Dial(o)
	if err != nil {
		return Result{}, err
	}
	defer c.Close()
	switch t.Name {
	case "recv":
		return recvTask(t, c)
	case "send":
		return sendTask(t, c, ad.Lock)
	}
	return echoTask(t, c)
}

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

// idleTask opens connections that have each got one message and sent one, and
// sleep since.
func idleTask(t Task, ad *Adapter, o Opts) (Result, error) {
	conns := make([]Conn, 0, t.Workers+1)
	var got sync.WaitGroup
	open := func() error {
		c, err := ad.Dial(o)
		if err != nil {
			return err
		}
		got.Add(1)
		start(c, func([]byte, int) { got.Done() })
		c.KeepAlive(30 * time.Second)
		conns = append(conns, c)
		got.Wait()
		return c.Send(opText, message(t.Size, opText, 0))
	}
	held := func() Result {
		for range 3 {
			time.Sleep(20 * time.Millisecond)
			runtime.GC()
		}
		debug.FreeOSMemory()
		var ms runtime.MemStats
		runtime.ReadMemStats(&ms)
		return Result{Heap: float64(ms.HeapAlloc), Stack: float64(ms.StackInuse), Gors: float64(runtime.NumGoroutine()),
			RSS: procField("/proc/self/status", "VmRSS:") * 1024}
	}
	if err := open(); err != nil {
		return Result{}, err
	}
	a := held()
	for range t.Workers {
		if err := open(); err != nil {
			return Result{}, err
		}
	}
	b, n := held(), float64(t.Workers)
	runtime.KeepAlive(conns)
	return Result{N: n, Heap: (b.Heap - a.Heap) / n, Stack: (b.Stack - a.Stack) / n, Gors: (b.Gors - a.Gors) / n, RSS: (b.RSS - a.RSS) / n}, nil
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
