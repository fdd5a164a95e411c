// Command bench measures steadyws and other Go WebSocket client libraries side
// by side against a server that is not the bottleneck: each figure in a process
// of its own, the libraries taking turns, everything on loopback.
//
//	go run ./bench                                  everything, some minutes
//	go run ./bench -quick                           a look, under a minute
//	go run ./bench -only "send 16 B" -v             some cells, with all their figures
//	go run ./bench -only echo -adapters raw,steadyws -t 2s -profile /tmp
//	go run ./bench -doc docs/performance.md         everything, into the docs
//
// CPU is the user and system time of the client process (getrusage) per
// message; r/w calls are its read- and write-like system calls (/proc/self/io),
// sleeps its voluntary context switches. To compare one more client, add a file
// with a Conn and a line to adapters. Linux only.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
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

func main() {
	var (
		role    = flag.String("role", "", "internal: server or client")
		task    = flag.String("task", "", "internal: the client's task, JSON")
		quick   = flag.Bool("quick", false, "two short rounds of everything, < 60 s")
		rounds  = flag.Int("rounds", 5, "rounds over all adapters")
		dur     = flag.Duration("t", 120*time.Millisecond, "measured time of one run")
		only    = flag.String("only", "", "only the cells whose title contains this")
		names   = flag.String("adapters", "", "only these adapters, comma-separated")
		cpus    = flag.String("cpus", "0,1", "CPUs that the client and the server are bound to; empty: not bound")
		profile = flag.String("profile", "", "write CPU profiles of the last round to this folder")
		allocs  = flag.String("allocs", "", "write allocation profiles of the last round to this folder (its figures are off)")
		jsonOut = flag.String("json", "", "write all results to this file")
		doc     = flag.String("doc", "", "put the report between the bench marks of this file")
		verbose = flag.Bool("v", false, "one table per cell, not only the summary")
	)
	flag.Parse()
	runtime.GOMAXPROCS(1)
	switch *role {
	case "server":
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		check(err)
		fmt.Println(ln.Addr())
		go func() { // the parent is gone: so are we
			io.Copy(io.Discard, os.Stdin)
			os.Exit(0)
		}()
		serve(ln)
		return
	case "client":
		var t Task
		check(json.Unmarshal([]byte(*task), &t))
		if t.Allocs != "" {
			runtime.MemProfileRate = 1
		}
		r, err := runTask(t)
		check(err)
		if t.Allocs != "" {
			f, err := os.Create(t.Allocs)
			check(err)
			check(pprof.Lookup("allocs").WriteTo(f, 0))
		}
		check(json.NewEncoder(os.Stdout).Encode(r))
		return
	}
	if *quick {
		*rounds, *dur = 2, 60*time.Millisecond
	}
	use := adapters
	if *names != "" {
		use = slices.DeleteFunc(slices.Clone(adapters), func(a *Adapter) bool {
			return !slices.Contains(strings.Split(*names, ","), a.Name)
		})
	}
	began := time.Now()
	addr, stop := startServer(1, *cpus)
	defer stop()
	addrOne, stop := startServer(0, *cpus)
	defer stop()
	var rows []Row
	for _, c := range cells() {
		if !strings.Contains(c.title, *only) {
			continue
		}
		n := *rounds
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
				t.Adapter, t.Addr, t.Time = a.Name, addr, *dur
				if c.oneCPU {
					t.Addr = addrOne
				}
				if *quick && t.Name == "idle" {
					t.Workers /= 4
				}
				if round == n-1 {
					t.Profile, t.Allocs = profileFile(*profile, c.title, a.Name), profileFile(*allocs, c.title, a.Name)
				}
				r, err := startClient(t, *cpus)
				if err != nil {
					fmt.Fprintf(os.Stderr, "%s: %s: %v\n", c.title, a.Name, err)
					continue
				}
				row.Runs[a.Name] = append(row.Runs[a.Name], r)
			}
		}
		rows = append(rows, row)
		fmt.Fprintf(os.Stderr, "%5.0fs  %s\n", time.Since(began).Seconds(), c.title)
	}
	if *jsonOut != "" {
		b, _ := json.MarshalIndent(rows, "", " ")
		check(os.WriteFile(*jsonOut, b, 0o644))
	}
	var text bytes.Buffer
	report(&text, rows, use, *verbose)
	load, _ := os.ReadFile("/proc/loadavg")
	fmt.Fprintf(&text, "\n%s, %d CPUs, %d rounds of %v, %.0f s, load %s", runtime.Version(), runtime.NumCPU(), *rounds, *dur, time.Since(began).Seconds(), load)
	os.Stdout.Write(text.Bytes())
	if *doc != "" {
		check(putBetween(*doc, "<!-- bench:begin -->\n", "<!-- bench:end -->\n", text.Bytes()))
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

func profileFile(folder, title, adapter string) string {
	if folder == "" {
		return ""
	}
	return filepath.Join(folder, strings.NewReplacer(" ", "_", ",", "").Replace(title+"_"+adapter)+".pprof")
}

func self() string {
	exe, err := os.Executable()
	check(err)
	return exe
}

// startServer starts a server process on the which-th CPU and returns its address.
func startServer(which int, cpus string) (addr string, stop func()) {
	cmd := exec.Command(self(), "-role", "server")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	check(err)
	out, err := cmd.StdoutPipe()
	check(err)
	check(onCPU(which, cpus, cmd.Start))
	addr, err = bufio.NewReader(out).ReadString('\n')
	check(err)
	return strings.TrimSpace(addr), func() { in.Close(); cmd.Wait() }
}

func startClient(t Task, cpus string) (r Result, err error) {
	b, _ := json.Marshal(t)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, self(), "-role", "client", "-task", string(b))
	cmd.Stderr = os.Stderr
	var out strings.Builder
	cmd.Stdout = &out
	if err = onCPU(0, cpus, cmd.Start); err != nil {
		return r, err
	}
	if err = cmd.Wait(); err != nil {
		return r, err
	}
	return r, json.Unmarshal([]byte(out.String()), &r)
}

// onCPU runs start on a thread bound to the which-th of the CPUs, which a
// started process inherits.
func onCPU(which int, cpus string, start func() error) error {
	f := strings.Split(cpus, ",")
	if cpus == "" || len(f) <= which {
		return start()
	}
	cpu, err := strconv.Atoi(f[which])
	if err != nil || cpu >= runtime.NumCPU() {
		return fmt.Errorf("-cpus: no CPU %q", f[which])
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	affinity := func(call uintptr, mask *[16]uint64) {
		syscall.RawSyscall(call, 0, unsafe.Sizeof(*mask), uintptr(unsafe.Pointer(mask)))
	}
	var old [16]uint64
	affinity(syscall.SYS_SCHED_GETAFFINITY, &old)
	defer affinity(syscall.SYS_SCHED_SETAFFINITY, &old)
	affinity(syscall.SYS_SCHED_SETAFFINITY, &[16]uint64{1 << cpu})
	return start()
}
