package interop

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/steadyws/steadyws/wsclient"
)

// A server is a WebSocket server that somebody else wrote. All of them do, with
// the messages they receive, what the path says:
//
//	/close?code=&reason=  answer the first with this Close
//	/ping                 ping with the message as payload, and after the pong send "pong " + message
//	any other             echo
//
// They offer the subprotocols feed.v2 and feed.v1, have no limit on messages,
// and note "closed PATH CODE REASON" when a connection has ended.
type server struct {
	name string
	// external: it has to be installed.
	external bool
	launch   func() (*instance, error)

	// emptyPongs: it answers pings without their payload, against RFC 6455 5.5.3.
	emptyPongs bool
	// hidesReason: it cannot tell the reason of the peer's Close.
	hidesReason bool
	// readsAhead is how many messages it may have read, and so confirmed by
	// the pong to a ping behind them, and not yet echoed.
	readsAhead int

	once   sync.Once
	shared *instance
	err    error
}

// An instance is a server that runs. It listens on three ports of the loopback
// interface, which it chose.
type instance struct {
	plain   string // address
	deflate string // with permessage-deflate
	secure  string // with TLS, by the certificate of identity
	out     *transcript
	kill    func()                // as a crash: nothing is said to anybody
	signal  func(os.Signal) error // of a process
}

var servers = []*server{
	{name: "node", external: true, launch: func() (*instance, error) { return run("node", "node/server.js") }},
	{name: "python-websockets", external: true, readsAhead: 33, launch: func() (*instance, error) { return run("python3", "python/websockets_server.py") }},
	{name: "python-aiohttp", external: true, hidesReason: true, launch: func() (*instance, error) { return run("python3", "python/aiohttp_server.py") }},
	{name: "coder", launch: func() (*instance, error) { return serveGo(serveCoder) }},
	{name: "gorilla", launch: func() (*instance, error) { return serveGo(serveGorilla) }},
	{name: "gws", emptyPongs: true, launch: func() (*instance, error) { return serveGo(serveGWS) }},
}

// everyServer runs a test against each server, all at the same time. The
// instances are shared by the tests and end with the last of them.
func everyServer(t *testing.T, test func(t *testing.T, s *server, i *instance)) {
	t.Parallel()
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			s.need(t)
			s.once.Do(func() { s.shared, s.err = s.launch() })
			if s.err != nil {
				t.Fatal(s.err)
			}
			test(t, s, s.shared)
		})
	}
}

func (s *server) need(t *testing.T) {
	t.Helper()
	if s.external {
		need(t, s.name)
	}
}

// patience returns options for tests that wait for a confirmation. Where none
// comes the client says so after Heartbeat.Timeout, of which 10 s are too long here.
func (s *server) patience() (o wsclient.Options) {
	if s.emptyPongs {
		o.Heartbeat.Timeout = 300 * time.Millisecond
	}
	return o
}

// start starts an instance of the test's own, which it may kill.
func (s *server) start(t *testing.T) *instance {
	t.Helper()
	i, err := s.launch()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.kill)
	return i
}

func TestMain(m *testing.M) {
	code := m.Run()
	for _, s := range servers {
		if s.shared != nil {
			s.shared.kill()
			if code != 0 {
				fmt.Fprintf(os.Stderr, "%s said:\n%s\n", s.name, s.shared.out)
			}
		}
	}
	removeIdentity()
	os.Exit(code)
}

// run starts a server that is a script and waits until it listens.
func run(interpreter, script string) (*instance, error) {
	id, err := identity()
	if err != nil {
		return nil, err
	}
	p, err := launch(program(interpreter), []string{script, id.certFile, id.keyFile}, nil)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	ctx, ended := context.WithCancelCause(ctx)
	go func() {
		<-p.done
		ended(fmt.Errorf("it has ended: %v", p.cmd.ProcessState))
	}()
	line, err := p.out.await(ctx, "listening ")
	var ports [3]int
	if err == nil {
		_, err = fmt.Sscanf(strings.TrimPrefix(line, "listening "), "%d %d %d", &ports[0], &ports[1], &ports[2])
	}
	if err != nil {
		p.kill()
		return nil, fmt.Errorf("%s: %w", script, err)
	}
	addr := func(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
	return &instance{plain: addr(ports[0]), deflate: addr(ports[1]), secure: addr(ports[2]), out: p.out, kill: p.kill, signal: p.cmd.Process.Signal}, nil
}
