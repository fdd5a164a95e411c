package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// cell is one row set of the report: the same task for every adapter.
type cell struct {
	title  string
	task   Task
	rounds int  // 0: as many as the flags say
	oneCPU bool // the server runs on the client's CPU: no waking of another one
}

func cells() []cell {
	var cs []cell
	add := func(title string, t Task, rounds int) {
		cs = append(cs, cell{title, t, rounds, strings.HasSuffix(title, ", one CPU")})
	}
	for _, n := range []int{16, 128, 1 << 10, 16 << 10, 1 << 20} {
		add("receive "+sizeName(n), Task{Name: "recv", Size: n}, 0)
	}
	add("receive text 1 KiB, UTF-8 checked", Task{Name: "recv", Size: 1 << 10, Text: true}, 0)
	for _, n := range []int{16, 128, 1 << 10, 16 << 10} {
		add("send "+sizeName(n), Task{Name: "send", Size: n, Workers: 1}, 0)
	}
	for _, n := range []int{16, 128, 1 << 10, 16 << 10} {
		add("send "+sizeName(n)+", 8 goroutines", Task{Name: "send", Size: n, Workers: 8}, 0)
	}
	add("send 128 B, one CPU", Task{Name: "send", Size: 128, Workers: 1}, 0)
	add("echo 128 B, 1 in flight, one CPU", Task{Name: "echo", Size: 128, Workers: 1}, 0)
	add("echo 128 B, 1 in flight", Task{Name: "echo", Size: 128, Workers: 1}, 0)
	add("echo 128 B, 64 in flight", Task{Name: "echo", Size: 128, Workers: 64}, 0)
	add("receive deflated text 1 KiB", Task{Name: "recv", Size: 1 << 10, Deflate: true}, 0)
	add("dial + close, one CPU", Task{Name: "dial"}, 0)
	add("dial + close", Task{Name: "dial"}, 0)
	add("idle connection", Task{Name: "idle", Size: 128, Workers: 2000}, 1)
	add("idle connection, deflate", Task{Name: "idle", Size: 1 << 10, Workers: 200, Deflate: true}, 1)
	return cs
}

func sizeName(n int) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprint(n>>20, " MiB")
	case n >= 1<<10:
		return fmt.Sprint(n>>10, " KiB")
	}
	return fmt.Sprint(n, " B")
}

// run measures a cell with each adapter, round by round; fit completes the task
// of an adapter: where the server is, and what else is only known now.
func (s *settings) run(c cell, use []*Adapter, fit func(t *Task, a *Adapter)) Row {
	n := s.rounds
	if c.rounds > 0 {
		n = c.rounds
	}
	row := Row{Title: c.title, Task: c.task, Runs: map[string][]Result{}}
	for round := range n {
		for _, a := range use {
			if !a.does(c.task) {
				continue
			}
			t := c.task
			t.Adapter, t.Time = a.Name, s.dur
			if round == n-1 {
				t.Profile, t.Allocs = profileFile(s.profile, c.title, a.Name), profileFile(s.allocs, c.title, a.Name)
			}
			fit(&t, a)
			r, err := startClient(t, s.cpus)
			if err != nil {
				fmt.Fprintf(os.Stderr, "%s: %s: %v\n", c.title, a.Name, err)
				continue
			}
			row.Runs[a.Name] = append(row.Runs[a.Name], r)
		}
	}
	fmt.Fprintf(os.Stderr, "%5.0fs  %s\n", time.Since(s.began).Seconds(), c.title)
	return row
}

func profileFile(folder, title, adapter string) string {
	if folder == "" {
		return ""
	}
	return filepath.Join(folder, strings.NewReplacer(" ", "_", ",", "").Replace(title+"_"+adapter)+".pprof")
}

// compare runs the cells of the main table.
func compare(s *settings, use []*Adapter, w io.Writer) []Row {
	srv := startServer(loopback, 1, s.cpus)
	defer srv.stop()
	one := startServer(loopback, 0, s.cpus)
	defer one.stop()
	var rows []Row
	for _, c := range cells() {
		if !strings.Contains(c.title, s.only) {
			continue
		}
		rows = append(rows, s.run(c, use, func(t *Task, _ *Adapter) {
			if t.Addr = srv.Addr; c.oneCPU {
				t.Addr = one.Addr
			}
			if s.quick && t.Name == "idle" {
				t.Workers /= 4
			}
		}))
	}
	report(w, rows, use, s.verbose)
	return rows
}
