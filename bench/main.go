// Command bench measures steadyws and other Go WebSocket client libraries side
// by side against a server that is not the bottleneck: each figure in a process
// of its own, the libraries taking turns, everything on loopback.
//
//	go run ./bench                                  everything, some minutes
//	go run ./bench -quick                           a look, under a minute
//	go run ./bench -only "send 16 B" -v             some cells, with all their figures
//	go run ./bench -only echo -adapters raw,steadyws -t 2s -profile /tmp
//	go run ./bench -doc docs/performance.md         everything, into the docs
//	go run ./bench -tls                             some cells over TLS
//	go run ./bench -grow                            up to 8,000 connections, three minutes
//	go run ./bench -latency                         how old messages get at fixed rates
//
// CPU is the user and system time of the client process (getrusage) per
// message; r/w calls are its read- and write-like system calls (/proc/self/io),
// sleeps its voluntary context switches. To compare one more client, add a file
// with a Conn and a line to adapters. Linux only.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// settings are what the command line asks for.
type settings struct {
	role, task                         string // of a process that this one starts
	quick, verbose                     bool
	rounds                             int
	dur                                time.Duration
	only, names, cpus, profile, allocs string
	jsonOut, doc                       string
	began                              time.Time
}

// mode is one kind of report.
type mode struct {
	name, usage string // its flag, and the mark of its place in the document
	rounds      int
	dur         time.Duration // of one run
	quick       int
	quickDur    time.Duration
	adapters    []string                                             // nil: all
	write       func(s *settings, use []*Adapter, w io.Writer) []Row // its tables, from these rows
}

// modes begin with the one that has no flag.
var modes = []mode{
	{name: "bench", rounds: 5, dur: 120 * time.Millisecond, quick: 2, quickDur: 60 * time.Millisecond, write: compare},
	{
		name: "grow", usage: "many connections: idle, busy, and after an outage",
		rounds: 1, dur: 2 * time.Second, quick: 1, quickDur: time.Second,
		adapters: []string{"gorilla", "gws", "steadyws"}, write: grow,
	},
	{
		name: "tls", usage: "some of the cells over TLS",
		rounds: 5, dur: 120 * time.Millisecond, quick: 2, quickDur: 60 * time.Millisecond,
		adapters: []string{"gorilla", "gws", "gobwas-careful", "raw", "steadyws"}, write: compareTLS,
	},
	{
		name: "latency", usage: "how old messages get at fixed rates",
		rounds: 3, dur: time.Second, quick: 1, quickDur: 200 * time.Millisecond,
		adapters: []string{"gorilla", "gws", "steadyws", "steadyws-own"}, write: latencies,
	},
}

func parse() (*settings, mode) {
	s, m := &settings{began: time.Now()}, modes[0]
	for _, other := range modes[1:] {
		flag.BoolFunc(other.name, other.usage, func(string) error {
			m = other
			return nil
		})
	}
	flag.StringVar(&s.role, "role", "", "internal: server or client")
	flag.StringVar(&s.task, "task", "", "internal: the client's task, JSON, or where the server is to listen")
	flag.BoolVar(&s.quick, "quick", false, "a look: few short rounds")
	flag.IntVar(&s.rounds, "rounds", 0, "rounds over all adapters; 0: as many as the mode needs")
	flag.DurationVar(&s.dur, "t", 0, "measured time of one run; 0: as long as the mode needs")
	flag.StringVar(&s.only, "only", "", "only the cells whose title contains this")
	flag.StringVar(&s.names, "adapters", "", "only these adapters, comma-separated")
	flag.StringVar(&s.cpus, "cpus", "0,1", "CPUs that the client and the server are bound to; empty: not bound")
	flag.StringVar(&s.profile, "profile", "", "write CPU profiles of the last round to this folder")
	flag.StringVar(&s.allocs, "allocs", "", "write allocation profiles of the last round to this folder (its figures are off)")
	flag.StringVar(&s.jsonOut, "json", "", "write all results to this file")
	flag.StringVar(&s.doc, "doc", "", "put the report between its marks in this file")
	flag.BoolVar(&s.verbose, "v", false, "one table per cell, not only the summary")
	flag.Parse()
	if s.quick {
		s.rounds, s.dur = m.quick, m.quickDur
	}
	if s.rounds == 0 {
		s.rounds = m.rounds
	}
	if s.dur == 0 {
		s.dur = m.dur
	}
	if s.names != "" {
		m.adapters = strings.Split(s.names, ",")
	}
	return s, m
}

func main() {
	s, m := parse()
	runtime.GOMAXPROCS(1)
	switch s.role {
	case "server":
		beServer(s.task)
		return
	case "client":
		beClient(s.task)
		return
	}
	use := adapters
	if m.adapters != nil {
		use = slices.DeleteFunc(slices.Clone(adapters), func(a *Adapter) bool { return !slices.Contains(m.adapters, a.Name) })
	}
	var text bytes.Buffer
	rows := m.write(s, use, &text)
	if s.jsonOut != "" {
		b, _ := json.MarshalIndent(rows, "", " ")
		check(os.WriteFile(s.jsonOut, b, 0o644))
	}
	load, _ := os.ReadFile("/proc/loadavg")
	fmt.Fprintf(&text, "\n%s, %d CPUs, %d rounds of %v, %.0f s, load %s", runtime.Version(), runtime.NumCPU(), s.rounds, s.dur, time.Since(s.began).Seconds(), load)
	os.Stdout.Write(text.Bytes())
	if s.doc != "" {
		check(putBetween(s.doc, "<!-- "+m.name+":begin -->\n", "<!-- "+m.name+":end -->\n", text.Bytes()))
	}
}

// putBetween replaces what stands between two marks in a file.
func putBetween(file, begin, end string, text []byte) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, found := bytes.Cut(b, []byte(begin))
	_, after, closed := bytes.Cut(rest, []byte(end))
	if !found || !closed {
		return fmt.Errorf("%s: the marks %q and %q are missing", file, begin, end)
	}
	return os.WriteFile(file, slices.Concat(before, []byte(begin), text, []byte(end), after), 0o644)
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
