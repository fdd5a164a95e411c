package main

import (
	"fmt"
	"io"
	"strings"
)

// A goal is a limit for steadyws's figure divided by another adapter's of the
// same round, or for the figure itself.
type goal struct {
	cell   string
	own    bool // of the messages that the user keeps
	metric string
	base   string // best, raw, raw+frames, or "": none
	limit  float64
}

const cpu = "CPU, ns"

func goals() []goal {
	gs := []goal{
		{"receive 16 B", false, cpu, "best", .35}, {"receive 16 B", false, cpu, "raw", 4},
		{"receive 128 B", false, cpu, "best", .42}, {"receive 128 B", false, cpu, "raw", 1.5},
		{"receive 128 B", true, cpu, "best", .5},
		{"receive 1 KiB", false, cpu, "best", .95}, {"receive 16 KiB", false, cpu, "best", .95}, {"receive 1 MiB", false, cpu, "best", 1.05},
		{"receive text 1 KiB, UTF-8 checked", false, cpu, "best", .95},
		{"receive deflated text 1 KiB", false, cpu, "best", .8},
		{"echo 128 B, 1 in flight", false, cpu, "best", 1.05}, {"echo 128 B, 1 in flight", false, "p50, ns", "best", 1.05},
		{"echo 128 B, 64 in flight", false, cpu, "best", .18},
		{"dial + close, one CPU", false, cpu, "best", 1.1}, {"dial + close, one CPU", false, "allocs", "", 26},
		{"idle connection", false, "RSS, B", "best", .66}, {"idle connection", false, "goroutines", "", 1},
		{"idle connection, deflate", false, "RSS, B", "best", .45},
	}
	for _, many := range []string{"", ", 8 goroutines"} {
		gs = append(gs,
			goal{"send 16 B" + many, false, cpu, "raw+frames", 1.25}, goal{"send 128 B" + many, false, cpu, "raw+frames", 1.25},
			goal{"send 1 KiB" + many, false, cpu, "raw", 1.2}, goal{"send 16 KiB" + many, false, cpu, "raw", 1.3})
	}
	return gs
}

// verdicts prints what steadyws costs, and how that compares.
func verdicts(w io.Writer, rows []Row, use []*Adapter) {
	fmt.Fprint(w, `
## steadyws beside its peers

Medians; a ratio is the median of the ratios of the rounds, below 1: steadyws is
cheaper. The best peer is the cheapest one that writes each message; gobwas-bufio
coalesces by hand. "Receive" is compared with peers whose messages the user keeps.

| | steadyws | ÷ best peer | ÷ raw TCP | ÷ raw+frames | ÷ gobwas-bufio | allocs | goal |
|---|--:|--:|--:|--:|--:|--:|---|
`)
	met, all := 0, 0
	for _, r := range rows {
		for _, a := range use {
			if a.Role != us && a.Role != usOwned {
				continue
			}
			if len(r.Runs[a.Name]) == 0 {
				continue
			}
			for _, m := range metrics(r.Task) {
				if m.main && m.name != "wall, ns" {
					good, n := r.verdict(w, use, a, m)
					met, all = met+good, all+n
				}
			}
		}
	}
	fmt.Fprintf(w, "\nGoals met: %d of %d.\n", met, all)
}

// verdict prints one line and returns how many goals it meets, and how many
// there are for it.
func (r Row) verdict(w io.Writer, use []*Adapter, a *Adapter, m metric) (met, all int) {
	title, as, rs := r.Title, peer, r.Runs[a.Name]
	if a.Role == usOwned {
		title, as = title+", Receive", owned
	}
	best := r.best(use, as, m)
	against := func(name string) float64 { return ratio(rs, r.Runs[name], m) }
	var said []string
	for _, g := range goals() {
		if g.cell != r.Title || g.own != (a.Role == usOwned) || g.metric != m.name {
			continue
		}
		med, _, _ := stat(rs, m)
		v, text := med, "≤ "+num(g.limit)
		switch g.base {
		case "":
		case "best":
			v, text = against(best), text+" × best peer"
		default:
			v, text = against(g.base), text+" × "+g.base
		}
		if all++; v <= g.limit+.005 { // as precise as it is printed
			met++
			text += " ✓"
		} else if v > g.limit {
			text += " ✗"
		} else {
			text += " –"
		}
		said = append(said, text)
	}
	med, _, _ := stat(rs, m)
	fmt.Fprintf(w, "| %s: %s | %s |", title, m.name, num(med))
	if v := num(against(best)); v != "–" {
		fmt.Fprintf(w, " **%s** (%s) |", v, best)
	} else {
		fmt.Fprint(w, " – |")
	}
	for _, name := range []string{"raw", "raw+frames", "gobwas-bufio"} {
		fmt.Fprintf(w, " %s |", num(against(name)))
	}
	allocs := ""
	if m.name == cpu {
		v, _, _ := stat(rs, metric{of: func(r Result) float64 { return r.Mallocs / r.N }})
		allocs = num(v)
	}
	fmt.Fprintf(w, " %s | %s |\n", allocs, strings.Join(said, ", "))
	return met, all
}
