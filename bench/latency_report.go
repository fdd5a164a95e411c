package main

import (
	"fmt"
	"io"
	"strings"
)

// loads are the rates at which latencies are measured: one that every client
// keeps up with, and shares of the most that each of them reaches.
var loads = []struct {
	title       string
	rate, share float64
}{
	{"10k/s", 10_000, 0},
	{"10 % of its most", 0, .1},
	{"50 % of its most", 0, .5},
	{"90 % of its most", 0, .9},
}

const asMany = " 128 B, as many as possible"

// perSecond is the rate of the messages of a run.
var perSecond = metric{of: func(r Result) float64 { return r.N / r.Wall * 1e9 }}

// latencies measures how old messages get at rates that wait for nobody.
func latencies(s *settings, use []*Adapter, w io.Writer) []Row {
	srv := startServer(loopback, 1, s.cpus)
	defer srv.stop()
	var rows []Row
	for _, dir := range []struct{ title, task string }{{"send", "timed-send"}, {"receive", "timed-recv"}} {
		if !strings.Contains(dir.title, s.only) {
			continue
		}
		c := cell{title: dir.title + asMany, task: Task{Name: dir.task, Size: 128}}
		most := s.run(c, use, func(t *Task, _ *Adapter) { t.Addr = srv.Addr })
		rows = append(rows, most)
		for _, l := range loads {
			c.title = dir.title + " 128 B, " + l.title
			rows = append(rows, s.run(c, use, func(t *Task, a *Adapter) {
				best, _, _ := stat(most.Runs[a.Name], perSecond)
				t.Addr, t.Rate = srv.Addr, l.rate+l.share*best
			}))
		}
	}
	reportLatencies(w, rows, use)
	return rows
}

func reportLatencies(w io.Writer, rows []Row, use []*Adapter) {
	fmt.Fprint(w, "\n| | | messages/s | p50, µs | p99, µs | p99.9, µs | sender late, p99, µs |\n|---|---|--:|--:|--:|--:|--:|\n")
	us := func(f func(Result) float64) metric { return metric{of: func(r Result) float64 { return f(r) / 1e3 }} }
	for _, r := range rows {
		for _, a := range use {
			if len(r.Runs[a.Name]) == 0 {
				continue
			}
			fmt.Fprintf(w, "| %s | %s |", r.Title, a.Name)
			ms := []metric{
				perSecond, us(func(r Result) float64 { return r.P50 }), us(func(r Result) float64 { return r.P99 }),
				us(func(r Result) float64 { return r.P999 }), us(func(r Result) float64 { return r.Late }),
			}
			for i, m := range ms {
				if i > 0 && strings.HasSuffix(r.Title, asMany) { // how old they get then is a matter of how long one waits
					fmt.Fprint(w, " |")
					continue
				}
				med, _, _ := stat(r.Runs[a.Name], m)
				fmt.Fprintf(w, " %s |", num(med))
			}
			fmt.Fprintln(w)
		}
	}
}
