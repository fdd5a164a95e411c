package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"strconv"
	"syscall"
	"time"
)

// Task is one measurement of one adapter, in a process of its own.
type Task struct {
	Name    string // recv, send, echo, idle, dial, timed-recv, timed-send, grow, outage
	Adapter string
	Size    int           // of a message
	Workers int           // goroutines that send; messages in flight; idle connections
	Text    bool          // rather than binary, UTF-8 checked by those that can
	Deflate bool          // compressed text
	Time    time.Duration // to measure for
	Addr    string        // of the server
	Cert    []byte        // of the server, if it speaks TLS
	TLS     bool          // the cell is about TLS: the server has a certificate
	Resume  bool          // sessions, rather than a full handshake each time
	Rate    float64       // of messages a second, 0: as many as possible; of attempts, in an outage
	Limit   time.Duration // for all of it; 0: 20 s
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
	Late                   float64 // ns, p99: how late the sender itself was
	In, Process            float64 // messages received by N connections; RSS of the process
	Outage                 outage
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
		p.profile()
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

// profile begins the CPU profile of the measured part, if one is wanted.
func (t Task) profile() {
	if t.Profile == "" {
		return
	}
	if f, err := os.Create(t.Profile); err == nil {
		pprof.StartCPUProfile(f)
	}
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
	o := Opts{Addr: t.Addr, Deflate: t.Deflate, UTF8: t.Text, Idle: t.Name == "idle" || t.Name == "dial" || t.Name == "grow", TLS: trust(t.Cert, t.Resume)}
	o.Path = map[string]string{"recv": "/fire" + query, "send": "/sink", "echo": "/echo", "idle": "/idle" + query, "dial": "/idle",
		"timed-send": "/timed", "timed-recv": "/paced",
		"grow": "/herd" + query, "outage": "/herd"}[t.Name]
	switch t.Name {
	case "idle":
		return idleTask(t, ad, o)
	case "dial":
		return dialTask(t, ad, o)
	case "grow":
		return growTask(t, ad, o)
	case "outage":
		return outageTask(t, o)
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
	case "timed-send":
		return timedSendTask(t, c)
	case "timed-recv":
		return timedRecvTask(t, c)
	}
	return echoTask(t, c)
}
