package interop

import (
	"context"
	"fmt"
	"net"
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
//	/fragments            echo in fragments, with a ping between them; see fragments
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
	// pingsInWindow: its compressor refers to the payloads of pings too, which are
	// in no window but its own (RFC 7692 6: control frames are not compressed).
	pingsInWindow bool
	// hidesReason: it cannot tell the reason of the peer's Close.
	hidesReason bool
	// fragments: it can send a message in several frames.
	fragments bool
	// pingsBetween: it can send a ping between two of them.
	pingsBetween bool
	// noThreshold: it compresses small messages too.
	noThreshold bool
	// readsAhead is how many messages it may have read, and so confirmed by
	// the pong to a ping behind them, and not yet echoed.
	readsAhead int

	once   sync.Once
	shared *instance
	err    error
}

// An instance is a server that runs. It listens on ports of the loopback
// interface, which it chose.
type instance struct {
	plain   string               // address
	deflate string               // with permessage-deflate of all messages, of the smallest too
	secure  string               // the same with TLS, by the certificate of identity
	agreed  map[agreement]string // with permessage-deflate on these terms
	out     *transcript
	kill    func()                // as a crash: nothing is said to anybody
	signal  func(os.Signal) error // of a process
}

var servers = []*server{
	{name: "node", external: true, fragments: true, pingsBetween: true, launch: script("node", "node/server.js", agreements(8)...)},
	// zlib does not compress for a window of 8 bits; node has it use 9 then.
	{name: "python-websockets", external: true, fragments: true, pingsBetween: true, noThreshold: true, readsAhead: 33,
		launch: script("python3", "python/websockets_server.py", agreements(9)...)},
	{name: "python-aiohttp", external: true, noThreshold: true, hidesReason: true, launch: script("python3", "python/aiohttp_server.py", leftAlone)},
	{name: "coder", fragments: true, launch: library(serveCoder, leftAlone, noContext)},
	{name: "gorilla", fragments: true, pingsBetween: true, launch: library(serveGorilla, noContext)},
	{name: "gws", fragments: true, emptyPongs: true, pingsInWindow: true, launch: library(serveGWS, agreements(8)...)},
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

// script launches a server that is a script and imposes those agreements.
func script(interpreter, file string, list ...agreement) func() (*instance, error) {
	return func() (*instance, error) { return run(interpreter, file, list) }
}

// run starts a server that is a script and waits until it listens.
func run(interpreter, file string, list []agreement) (*instance, error) {
	id, err := identity()
	if err != nil {
		return nil, err
	}
	p, err := launch(program(interpreter), append([]string{file, id.certFile, id.keyFile}, arguments(list)...), nil)
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
	ports := strings.Fields(strings.TrimPrefix(line, "listening "))
	if err == nil && len(ports) != 3+len(list) {
		err = fmt.Errorf("it listens on %d ports", len(ports))
	}
	if err != nil {
		p.kill()
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for i := range ports {
		ports[i] = net.JoinHostPort("127.0.0.1", ports[i])
	}
	i := &instance{plain: ports[0], deflate: ports[1], secure: ports[2], agreed: map[agreement]string{}, out: p.out, kill: p.kill, signal: p.cmd.Process.Signal}
	for n, a := range list {
		i.agreed[a] = ports[3+n]
	}
	return i, nil
}
