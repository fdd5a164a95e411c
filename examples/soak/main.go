// Soak sends a million messages over TCP through a network that cuts the connection
// every 50 to 500 KB, and counts what became of them.
//
//	go run ./examples/soak
//	go run ./examples/soak -quick
//	go run ./examples/soak -n 100000 -size 100-2000 -mode AtLeastOnce -seed 7
//
// It prints a table, whose columns docs/soak.md explains, and ends with 1 if a
// promise was broken: a message lost under AtLeastOnce, one that came twice or is
// missing without a report under AtMostOnce, one out of order under either. It ends
// with 2 on a wrong flag.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/steadyws/steadyws/wsclient"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C kills
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program; it returns its exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	cfg, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return 2 // the flag set has said why
	}
	ctx, cancel := context.WithTimeout(ctx, cfg.limit)
	defer cancel()
	code := 0
	var rows []row
	for _, mode := range cfg.modes {
		fmt.Fprintf(stderr, "soak: %s: %d messages of %d to %d bytes, seed %d\n", mode.name, cfg.n, cfg.least, cfg.most, cfg.seed)
		r, err := soak(ctx, cfg, mode.delivery)
		if err != nil {
			fmt.Fprintf(stderr, "soak: %s: %v\n", mode.name, err)
			return 1
		}
		for _, broken := range r.broken {
			fmt.Fprintf(stderr, "soak: %s: %s\n", mode.name, broken)
			code = 1
		}
		if mode.delivery == wsclient.AtMostOnce {
			fmt.Fprintf(stderr, "soak: %s: at most %.1f KiB of one cut were reported and had arrived\n", mode.name, float64(r.needless)/1024)
		}
		r.mode = mode.name
		rows = append(rows, r)
	}
	table(stdout, rows)
	return code
}

// config is what the flags say.
type config struct {
	n           int
	least, most int // bytes of a message
	seed        uint64
	modes       []mode
	plant       bool
	limit       time.Duration
}

// A mode is a row of the table.
type mode struct {
	name     string
	delivery wsclient.Delivery
}

var modes = []mode{
	{"AtMostOnce", wsclient.AtMostOnce},
	{"AtLeastOnce", wsclient.AtLeastOnce},
}

const quick = 40_000 // messages

func parse(args []string, stderr io.Writer) (config, error) {
	var cfg config
	fs := flag.NewFlagSet("soak", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.Usage = func() {
		fmt.Fprintln(stderr, "usage: soak [flags]")
		fs.PrintDefaults()
	}
	size := fs.String("size", "16-512", "`RANGE` of the messages' sizes, in bytes; 8 at least")
	only := fs.String("mode", "", "only this `MODE`: AtMostOnce or AtLeastOnce")
	short := fs.Bool("quick", false, fmt.Sprintf("send %d messages, in seconds", quick))
	fs.IntVar(&cfg.n, "n", 1_000_000, "send `COUNT` messages in each mode")
	fs.Uint64Var(&cfg.seed, "seed", 1, "of the sizes and of the cuts; the kernel's timing is not drawn")
	fs.BoolVar(&cfg.plant, "plant", false, fmt.Sprintf("let the server forget one message in %d, to see that it is noticed", forgotten))
	fs.DurationVar(&cfg.limit, "limit", 15*time.Minute, "give up after this time")
	if err := fs.Parse(args); err != nil {
		return cfg, err
	}
	if *short {
		cfg.n = quick
	}
	for _, m := range modes {
		if *only == "" || strings.EqualFold(*only, m.name) {
			cfg.modes = append(cfg.modes, m)
		}
	}
	_, err := fmt.Sscanf(*size, "%d-%d", &cfg.least, &cfg.most)
	switch {
	case fs.NArg() > 0:
		err = fmt.Errorf("%q is no flag", fs.Arg(0))
	case len(cfg.modes) == 0:
		err = fmt.Errorf("-mode %s is none", *only)
	case err != nil || cfg.least < idSize || cfg.most < cfg.least || cfg.most > sizeMost:
		err = fmt.Errorf("-size %s: write two numbers, as in 16-512; %d and %d are the limits", *size, idSize, sizeMost)
	case cfg.n < 1:
		err = errors.New("-n: at least one message")
	}
	if err != nil {
		fmt.Fprintln(stderr, "soak:", err)
	}
	return cfg, err
}

// A row is what became of the messages of one mode.
type row struct {
	mode                        string
	sent, received, lost, twice int
	disorder                    int
	uncertain                   int // reported as unconfirmed
	reconnects                  int
	needless                    int64 // bytes, the most of one cut, that were reported and had arrived
	elapsed                     time.Duration
	memory                      uint64
	broken                      []string // promises
}

// table prints rows as Markdown.
func table(w io.Writer, rows []row) {
	fmt.Fprintln(w, "| mode | sent | received | lost | twice | out of order | reported uncertain | reconnects | time | peak memory |")
	fmt.Fprintln(w, "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
	for _, r := range rows {
		fmt.Fprintf(w, "| %s | %d | %d | %d | %d | %d | %d | %d | %.1f s | %.1f MiB |\n", r.mode, r.sent, r.received, r.lost, r.twice,
			r.disorder, r.uncertain, r.reconnects, r.elapsed.Seconds(), float64(r.memory)/(1<<20))
	}
}
