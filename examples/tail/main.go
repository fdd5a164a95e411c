// Tail prints every message of a WebSocket server, through its restarts.
// Messages go to stdout; what happened to the connection goes to stderr.
//
//	go run ./examples/tail wss://feed.example/ws
//	go run ./examples/tail -json -send '{"op":"subscribe"}' wss://feed.example/ws
//
// It ends with 0 on Ctrl-C and after -n messages, with 1 if the server cannot be
// had (a 404, a bad certificate) or the URL is none, with 2 on a wrong flag.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strings"
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
	logger := log.New(stderr, "tail: ", log.Ltime|log.Lmsgprefix)
	if err := follow(ctx, cfg, stdout, logger); err != nil {
		logger.Print(explain(err))
		return 1
	}
	return 0
}

// config is what the flags say.
type config struct {
	url          string
	json         bool
	count        uint64 // 0: no end
	header       http.Header
	subprotocols list
	send         list
}

// A list is a flag that may be given more than once.
type list []string

func (l *list) String() string     { return strings.Join(*l, ", ") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

func parse(args []string, stderr io.Writer) (config, error) {
	cfg := config{header: make(http.Header)}
	fs := flag.NewFlagSet("tail", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.Usage = func() {
		fmt.Fprintln(stderr, "usage: tail [flags] ws://host/path")
		fs.PrintDefaults()
	}
	fs.BoolVar(&cfg.json, "json", false, "print one JSON object per message: time, session, type, data (base64 if binary)")
	fs.Uint64Var(&cfg.count, "n", 0, "end after `COUNT` messages")
	fs.Var(&cfg.send, "send", "send `TEXT` on every connection, as a subscription; repeatable")
	fs.Var(&cfg.subprotocols, "subprotocol", "offer the subprotocol `NAME`; repeatable")
	fs.Func("H", "send a `header` \"Name: value\" with the handshake; repeatable", func(s string) error {
		name, value, ok := strings.Cut(s, ":")
		if name = strings.TrimSpace(name); !ok || name == "" {
			return errors.New(`write "Name: value"`)
		}
		cfg.header.Add(name, strings.TrimSpace(value))
		return nil
	})
	if err := fs.Parse(args); err != nil {
		return cfg, err
	}
	if fs.NArg() != 1 {
		fs.Usage()
		return cfg, errors.New("one URL, behind the flags")
	}
	cfg.url = fs.Arg(0)
	return cfg, nil
}
