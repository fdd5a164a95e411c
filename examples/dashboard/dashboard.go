package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/reconnect"
	"github.com/steadyws/steadyws/wsclient"
)

const (
	defaultAddr  = "127.0.0.1:8080"
	sampleEvery  = 200 * time.Millisecond // the page's numbers
	pingEvery    = time.Second            // the round trip
	stable       = time.Second            // a connection that lasted so long was a good one
	maxBackoff   = 2 * time.Second
	shutdownTime = time.Second
)

// config is what the flags say.
type config struct {
	addr      string
	feed      string // "": the built-in flaky server
	heartbeat heartbeat.Policy
	outage    time.Duration // of the faults drop and refuse
}

// defaults notice a freeze within 3 seconds: Interval and twice Timeout, since
// the client gives its reader a second one if its own timer was late. They are
// for people who watch; a service should leave wsclient's own.
func defaults() config {
	return config{
		addr:      defaultAddr,
		heartbeat: heartbeat.Policy{Interval: time.Second, Timeout: 750 * time.Millisecond},
		outage:    3 * time.Second,
	}
}

// A dashboard is the running program: flaky server, client, page.
type dashboard struct {
	url    string
	model  *model
	flaky  *flaky // nil with a feed of the user's
	client *wsclient.Client
	web    *http.Server
	cancel context.CancelFunc
	tasks  sync.WaitGroup
}

// start starts everything, or nothing and says why.
func start(cfg config, stderr io.Writer) (_ *dashboard, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	d := &dashboard{cancel: cancel, model: newModel()}
	defer func() {
		if err != nil {
			d.close()
		}
	}()
	feed := cfg.feed
	if feed == "" {
		if d.flaky, err = startFlaky(cfg.outage); err != nil {
			return nil, fmt.Errorf("flaky server: %w", err)
		}
		feed = d.flaky.server.URL()
	}
	ln, err := listen(cfg.addr, stderr)
	if err != nil {
		return nil, err
	}
	if d.client, err = wsclient.New(feed, d.options(cfg)); err != nil {
		ln.Close()
		return nil, err
	}
	d.model.describe(d.client.URL(), d.flaky.faults())
	d.url = "http://" + ln.Addr().String() + "/"
	d.serve(ctx, ln)
	d.tasks.Go(func() { d.sample(ctx) })
	d.tasks.Go(func() { d.measure(ctx) })
	if d.flaky != nil {
		d.tasks.Go(func() { d.acknowledge(ctx) })
	}
	return d, nil
}

// options are the client's: callbacks feed the model.
func (d *dashboard) options(cfg config) *wsclient.Options {
	o := &wsclient.Options{
		Heartbeat: cfg.heartbeat,
		Reconnect: reconnect.Policy{Initial: 250 * time.Millisecond, Max: maxBackoff, Stable: stable},
		OnOpen:    d.model.opened,
		OnMessage: d.model.received,
		OnError:   d.model.failed,
		OnClose:   d.model.ended,
		Trace: &wsclient.Trace{
			StateChange:  d.model.changed,
			AttemptStart: d.model.trying,
		},
	}
	if d.flaky != nil {
		o.OnConnect = subscribe
		o.DialTimeout = 2 * time.Second // a freeze may meet a handshake
	}
	return o
}

// serve answers the page until ctx ends, which ends its event streams too.
func (d *dashboard) serve(ctx context.Context, ln net.Listener) {
	d.web = &http.Server{
		Handler:           newServer(ln.Addr(), d.model, d.flaky),
		ReadHeaderTimeout: 5 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	d.tasks.Go(func() {
		if err := d.web.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			d.model.note("page", "the page's server ended: "+err.Error())
		}
	})
}

// sample hands the client's numbers to the model.
func (d *dashboard) sample(ctx context.Context) {
	ticker := time.NewTicker(sampleEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			d.model.sample(d.client.Stats(), time.Now())
		case <-ctx.Done():
			return
		}
	}
}

// measure keeps the round-trip time fresh: a feed that talks is never silent
// enough for the heartbeat to ping.
func (d *dashboard) measure(ctx context.Context) {
	ticker := time.NewTicker(pingEvery)
	defer ticker.Stop()
	for {
		// A lost connection fails it; the next one waits for the next connection.
		if _, err := d.client.Ping(ctx); errors.Is(err, wsclient.ErrClosed) {
			return
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// close ends everything and waits for it.
func (d *dashboard) close() {
	d.cancel()
	if d.web != nil {
		ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
		defer cancel()
		if d.web.Shutdown(ctx) != nil {
			d.web.Close() // a page that does not read
		}
	}
	if d.client != nil {
		d.client.Close()
		<-d.client.Done()
	}
	d.tasks.Wait()
	if d.flaky != nil {
		d.flaky.server.Close()
	}
}

// listen listens on loopback only: whoever reaches the page can press its
// buttons.
func listen(addr string, stderr io.Writer) (net.Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("-addr %q: %w; write 127.0.0.1:8080 or :0", addr, err)
	}
	switch ip := net.ParseIP(host); {
	case host == "":
		host = "127.0.0.1"
	case host == "localhost", ip.IsLoopback():
	default:
		return nil, fmt.Errorf("-addr %q: the page is for loopback only; write 127.0.0.1:%s", addr, port)
	}
	ln, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil && addr == defaultAddr {
		fmt.Fprintf(stderr, "dashboard: %v; taking a free port instead\n", err)
		ln, err = net.Listen("tcp", "127.0.0.1:0")
	}
	return ln, err
}
