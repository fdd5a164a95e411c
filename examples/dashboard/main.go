// Dashboard shows a client that never stays dead. It starts a flaky server with
// a market-like feed, a steadyws client of it, and a page on loopback that shows
// the client's life as it happens; the page's buttons cut, freeze and refuse the
// connection.
//
//	go run ./examples/dashboard
//	go run ./examples/dashboard -feed wss://feed.example/ws
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
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
	d, err := start(cfg, stderr)
	if err != nil {
		fmt.Fprintf(stderr, "dashboard: %v\n", err)
		return 1
	}
	defer d.close()
	fmt.Fprintf(stdout, "dashboard: %s\n", d.url)
	<-ctx.Done()
	return 0
}

func parse(args []string, stderr io.Writer) (config, error) {
	cfg := defaults()
	fs := flag.NewFlagSet("dashboard", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&cfg.addr, "addr", cfg.addr, "loopback `address` of the page; :0 picks a port")
	fs.StringVar(&cfg.feed, "feed", "", "consume the feed at this ws or wss `URL` instead of the built-in flaky server")
	fs.DurationVar(&cfg.heartbeat.Interval, "interval", cfg.heartbeat.Interval, "silence before a ping")
	fs.DurationVar(&cfg.heartbeat.Timeout, "timeout", cfg.heartbeat.Timeout, "silence after the ping before the connection is dead")
	if err := fs.Parse(args); err != nil {
		return cfg, err
	}
	if fs.NArg() > 0 {
		fmt.Fprintf(stderr, "dashboard: unexpected argument %q; a feed goes behind -feed\n", fs.Arg(0))
		fs.Usage()
		return cfg, errors.New("unexpected argument")
	}
	return cfg, nil
}
