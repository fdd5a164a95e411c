package main

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"syscall"
	"time"
)

// herdHost is not the address that clients call from: none of them can happen
// to get the port of a server that is away as its own.
const herdHost = "127.0.0.2"

// spare descriptors and ports, for what is not one of the connections.
const spare = 200

// roomFor returns how many of n connections a process may have, after asking
// for as many; processes that are started later inherit that.
func roomFor(n int) int {
	var l syscall.Rlimit
	check(syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l))
	want := syscall.Rlimit{Cur: uint64(n + spare), Max: max(l.Max, uint64(n+spare))}
	if l.Cur < want.Cur && syscall.Setrlimit(syscall.RLIMIT_NOFILE, &want) != nil {
		want = syscall.Rlimit{Cur: min(l.Max, want.Cur), Max: l.Max}
		check(syscall.Setrlimit(syscall.RLIMIT_NOFILE, &want))
	}
	var low, high int
	b, _ := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if _, err := fmt.Sscan(string(b), &low, &high); err != nil {
		low, high = 32768, 60999
	}
	syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l)
	return min(n, int(l.Cur)-spare, high-low-spare)
}

func growCells(s *settings) (cs []cell) {
	counts := []int{1, 100, 1000, 8000}
	if s.quick {
		counts = []int{1, 100, 500}
	}
	last := len(counts) - 1
	if n := roomFor(counts[last]); n < counts[last] {
		fmt.Fprintf(os.Stderr, "%d connections instead of %d: descriptors or ports do not suffice\n", n, counts[last])
		counts[last] = n
	}
	for _, load := range []struct {
		title string
		rate  float64
	}{{"idle", 0}, {"10 messages/s each", 10}} {
		for _, n := range counts {
			cs = append(cs, cell{title: fmt.Sprintf("%d, %s", n, load.title), task: Task{Name: "grow", Size: 128, Workers: n, Rate: load.rate}})
		}
	}
	for _, rate := range []float64{0, 1000} {
		title := "outage, default backoff"
		if rate > 0 {
			title = fmt.Sprintf("outage, Limiter of %g a second", rate)
		}
		cs = append(cs, cell{title: title, task: Task{Name: "outage", Workers: counts[last], Rate: rate, Limit: time.Minute}})
	}
	return cs
}

// grow measures ever more connections, and how they come back from an outage.
func grow(s *settings, use []*Adapter, w io.Writer) (rows []Row) {
	for _, c := range growCells(s) {
		if !strings.Contains(c.title, s.only) {
			continue
		}
		row := Row{Title: c.title, Task: c.task, Runs: map[string][]Result{}}
		for _, a := range use {
			if c.task.Name == "outage" && a.Role != us {
				continue
			}
			srv := startServer(herdHost, 1, s.cpus) // a port that no connection was on
			r := s.run(c, []*Adapter{a}, func(t *Task, _ *Adapter) { t.Addr = srv.Addr })
			srv.stop()
			row.Runs[a.Name] = r.Runs[a.Name]
		}
		rows = append(rows, row)
	}
	reportGrowth(w, rows, use)
	reportOutages(w, rows)
	return rows
}

func reportGrowth(w io.Writer, rows []Row, use []*Adapter) {
	fmt.Fprint(w, "\n| connections | | CPU, s per s | CPU per connection, µs per s | messages/s | RSS, MiB | RSS per connection, KiB | goroutines |\n",
		"|---|---|--:|--:|--:|--:|--:|--:|\n")
	ms := []metric{
		{of: func(r Result) float64 { return (r.User + r.Sys) / r.Wall }},
		{of: func(r Result) float64 { return (r.User + r.Sys) / r.Wall / r.N * 1e6 }},
		{of: func(r Result) float64 { return r.In / r.Wall * 1e9 }},
		{of: func(r Result) float64 { return r.Process / (1 << 20) }},
		{of: func(r Result) float64 {
			if r.N < 100 { // lost in what the process is besides
				return math.NaN()
			}
			return r.RSS / 1024
		}},
		{of: func(r Result) float64 { return r.Gors }},
	}
	for _, r := range rows {
		for _, a := range use {
			if len(r.Runs[a.Name]) == 0 || r.Task.Name != "grow" {
				continue
			}
			fmt.Fprintf(w, "| %s | %s |", r.Title, a.Name)
			for _, m := range ms {
				med, _, _ := stat(r.Runs[a.Name], m)
				fmt.Fprintf(w, " %s |", num(med))
			}
			fmt.Fprintln(w)
		}
	}
}

func reportOutages(w io.Writer, rows []Row) {
	head := "\n| steadyws, server away for 1 s | connections | open again | half of them after, s | 99 %, s | all, s | attempts | most attempts in 100 ms | CPU, s | most CPU in 100 ms, ms |\n" +
		"|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n"
	after := func(f func(outage) time.Duration) metric {
		return metric{of: func(r Result) float64 { return cmp.Or(f(r.Outage).Seconds(), math.NaN()) }}
	}
	ms := []metric{
		{of: func(r Result) float64 { return r.N }},
		{of: func(r Result) float64 { return r.Outage.Open }},
		after(func(o outage) time.Duration { return o.Half }),
		after(func(o outage) time.Duration { return o.Most }),
		after(func(o outage) time.Duration { return o.All }),
		{of: func(r Result) float64 { return r.Outage.Attempts }},
		{of: func(r Result) float64 { return r.Outage.Burst }},
		{of: func(r Result) float64 { return (r.User + r.Sys) / 1e9 }},
		{of: func(r Result) float64 { return r.Outage.Peak * 100 }},
	}
	for _, r := range rows {
		for _, runs := range r.Runs {
			if r.Task.Name != "outage" || len(runs) == 0 {
				continue
			}
			fmt.Fprintf(w, "%s| %s |", head, r.Title)
			head = ""
			for _, m := range ms {
				med, _, _ := stat(runs, m)
				fmt.Fprintf(w, " %s |", num(med))
			}
			fmt.Fprintln(w)
		}
	}
}
