package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// Row holds all runs of one cell by adapter, in the order of the rounds.
type Row struct {
	Title string
	Task  Task
	Runs  map[string][]Result
}

// metric is one figure of a run; less is better.
type metric struct {
	name string
	main bool // in the summary
	of   func(Result) float64
}

func metrics(t Task) []metric {
	per := func(f func(Result) float64) func(Result) float64 { return func(r Result) float64 { return f(r) / r.N } }
	if t.Name == "idle" {
		return []metric{
			{"RSS, B", true, func(r Result) float64 { return r.RSS }},
			{"heap+stack, B", true, func(r Result) float64 { return r.Heap + r.Stack }},
			{"stack, B", false, func(r Result) float64 { return r.Stack }},
			{"goroutines", true, func(r Result) float64 { return r.Gors }},
		}
	}
	ms := []metric{
		{"CPU, ns", true, per(func(r Result) float64 { return r.User + r.Sys })},
		{"user, ns", false, per(func(r Result) float64 { return r.User })},
		{"wall, ns", true, per(func(r Result) float64 { return r.Wall })},
		{"allocs", t.Name == "dial", per(func(r Result) float64 { return r.Mallocs })},
		{"heap B", false, per(func(r Result) float64 { return r.Alloc })},
		{"r/w calls", false, per(func(r Result) float64 { return r.Calls })},
		{"sleeps", false, per(func(r Result) float64 { return r.Sleeps })},
	}
	if t.Name == "echo" && t.Workers == 1 {
		ms = append(ms,
			metric{"p50, ns", true, func(r Result) float64 { return r.P50 }},
			metric{"p99, ns", true, func(r Result) float64 { return r.P99 }},
			metric{"p99.9, ns", false, func(r Result) float64 { return r.P999 }})
	}
	return ms
}

// spread returns the median and the extremes of v.
func spread(v []float64) (med, lo, hi float64) {
	if len(v) == 0 {
		return math.NaN(), math.NaN(), math.NaN()
	}
	slices.Sort(v)
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2, v[0], v[len(v)-1]
}

func stat(rs []Result, m metric) (med, lo, hi float64) {
	var v []float64
	for _, r := range rs {
		v = append(v, m.of(r))
	}
	return spread(v)
}

// ratio is the median, over the rounds, of one adapter's figure divided by
// another's of the same round.
func ratio(a, b []Result, m metric) float64 {
	var v []float64
	for i := range min(len(a), len(b)) {
		v = append(v, m.of(a[i])/m.of(b[i]))
	}
	med, _, _ := spread(v)
	return med
}

// best returns the adapter of a role with the least median.
func (r Row) best(use []*Adapter, as role, m metric) (name string) {
	least := math.Inf(1)
	for _, a := range use {
		if med, _, _ := stat(r.Runs[a.Name], m); a.Role == as && med < least {
			least, name = med, a.Name
		}
	}
	return name
}

func report(w io.Writer, rows []Row, use []*Adapter, verbose bool) {
	for _, r := range rows {
		if verbose {
			r.table(w, use)
		}
	}
	verdicts(w, rows, use)
	fmt.Fprint(w, "\n## All adapters: medians per message (÷ best peer that writes each message)\n\n| |")
	for _, a := range use {
		fmt.Fprintf(w, " %s |", a.Name)
	}
	fmt.Fprintf(w, "\n|---|%s\n", strings.Repeat("--:|", len(use)))
	for _, r := range rows {
		for _, m := range metrics(r.Task) {
			if !m.main {
				continue
			}
			fmt.Fprintf(w, "| %s: %s |", r.Title, m.name)
			for _, a := range use {
				if len(r.Runs[a.Name]) == 0 {
					fmt.Fprint(w, " |")
					continue
				}
				med, _, _ := stat(r.Runs[a.Name], m)
				fmt.Fprintf(w, " %s (%s) |", num(med), num(ratio(r.Runs[a.Name], r.Runs[r.best(use, peer, m)], m)))
			}
			fmt.Fprintln(w)
		}
	}
}

func (r Row) table(w io.Writer, use []*Adapter) {
	ms := metrics(r.Task)
	fmt.Fprintf(w, "\n### %s\n\n| per message | %s | min–max | ÷ raw | ÷ best peer |", r.Title, ms[0].name)
	for _, m := range ms[1:] {
		fmt.Fprintf(w, " %s |", m.name)
	}
	fmt.Fprintf(w, " msg/s | MB/s |\n|---|%s\n", strings.Repeat("--:|", len(ms)+5))
	for _, a := range use {
		rs := r.Runs[a.Name]
		if len(rs) == 0 {
			continue
		}
		med, lo, hi := stat(rs, ms[0])
		fmt.Fprintf(w, "| %s | %s | %s–%s | %s | %s |", a.Name, num(med), num(lo), num(hi),
			num(ratio(rs, r.Runs["raw"], ms[0])), num(ratio(rs, r.Runs[r.best(use, peer, ms[0])], ms[0])))
		for _, m := range ms[1:] {
			med, _, _ := stat(rs, m)
			fmt.Fprintf(w, " %s |", num(med))
		}
		wall, _, _ := stat(rs, metric{of: func(r Result) float64 { return r.Wall / r.N }})
		fmt.Fprintf(w, " %s | %s |\n", num(1e9/wall), num(1e3*float64(r.Task.Size)/wall))
	}
}

// num prints three significant digits.
func num(v float64) string {
	switch a := math.Abs(v); {
	case math.IsNaN(v), math.IsInf(v, 0):
		return "–"
	case a >= 1e6:
		return fmt.Sprintf("%.3gM", v/1e6)
	case a >= 1e4:
		return fmt.Sprintf("%.3gk", v/1e3)
	case a >= 100:
		return fmt.Sprintf("%.0f", v)
	case a < 0.001:
		return fmt.Sprintf("%.0g", v)
	}
	return fmt.Sprintf("%.3g", v)
}
