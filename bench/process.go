package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

func self() string {
	exe, err := os.Executable()
	check(err)
	return exe
}

// loopback is where servers listen.
const loopback = "127.0.0.1"

// beServer is a server process: it prints where it listens.
func beServer(host string) {
	ln, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	check(err)
	over, cert, err := listenTLS()
	check(err)
	check(json.NewEncoder(os.Stdout).Encode(place{ln.Addr().String(), over.Addr().String(), cert, nil}))
	go serve(ln)
	go serve(over)
	io.Copy(io.Discard, os.Stdin) // until the parent is gone
}

// beClient is a client process: it prints the result of its task.
func beClient(task string) {
	var t Task
	check(json.Unmarshal([]byte(task), &t))
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
}

// place is where a server process listens.
type place struct {
	Addr string
	TLS  string // the same over TLS
	Cert []byte // its certificate there, DER
	stop func()
}

// startServer starts a server process on the which-th CPU.
func startServer(host string, which int, cpus string) (p place) {
	cmd := exec.Command(self(), "-role", "server", "-task", host)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	check(err)
	out, err := cmd.StdoutPipe()
	check(err)
	check(onCPU(which, cpus, cmd.Start))
	check(json.NewDecoder(out).Decode(&p))
	p.stop = func() { in.Close(); cmd.Wait() }
	return p
}

func startClient(t Task, cpus string) (r Result, err error) {
	b, _ := json.Marshal(t)
	ctx, cancel := context.WithTimeout(context.Background(), cmp.Or(t.Limit, 20*time.Second))
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
