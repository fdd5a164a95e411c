package testserver

import (
	"cmp"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

const (
	proxyBuffer = 32 << 10 // of each direction
	proxyKernel = 64 << 10 // of each socket: what a cut may destroy
	proxyIdle   = time.Minute
)

// A Proxy forwards TCP connections to a server, and cuts each after a number of
// bytes, both directions together: half of them with FIN and half with RST, on both
// sides. It is the bad network between a client and its server. Set the fields
// before Start.
//
// It holds little and ends by itself: what comes is passed on before more is read,
// and a connection over which nothing moves for a minute is given up.
type Proxy struct {
	// Least and Most bound the bytes after which a connection is cut; the number is
	// drawn evenly for each. Most 0: none is cut.
	Least, Most int64

	// Freezes is the share of cuts, from 0 to 1, before which no byte moves for
	// Freeze, whatever the two sides do. Freeze 0: 1 s.
	Freezes float64
	Freeze  time.Duration

	Seed uint64 // of what is drawn, in the order in which connections are accepted

	target   string
	listener net.Listener
	running  sync.WaitGroup

	mu     sync.Mutex
	rnd    *rand.Rand
	closed bool
	open   map[*passage]bool
	cuts   int
	frozen int
}

// Start listens on a free port of 127.0.0.1 and forwards to target, "host:port".
func (x *Proxy) Start(target string) error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	x.target, x.listener = target, ln
	x.rnd, x.open = rand.New(rand.NewPCG(x.Seed, 0)), map[*passage]bool{}
	x.running.Go(x.accept)
	return nil
}

// Addr is where clients dial.
func (x *Proxy) Addr() string { return x.listener.Addr().String() }

// Cuts is how many connections were cut so far, and how many of them were frozen
// before.
func (x *Proxy) Cuts() (cuts, frozen int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.cuts, x.frozen
}

// Close ends all connections and waits for that.
func (x *Proxy) Close() error {
	x.mu.Lock()
	x.closed = true
	for p := range x.open {
		p.end(true)
	}
	x.mu.Unlock()
	err := x.listener.Close()
	x.running.Wait()
	return err
}

func (x *Proxy) accept() {
	for {
		c, err := x.listener.Accept()
		if err != nil {
			return
		}
		p := x.passage(c.(*net.TCPConn))
		if p == nil {
			_ = c.Close()
			return
		}
		x.running.Go(func() { x.serve(p) })
	}
}

// A passage is one connection through the proxy.
type passage struct {
	client *net.TCPConn
	freeze bool
	rst    bool
	over   chan struct{} // closed when the cut has been made

	mu     sync.Mutex
	server *net.TCPConn // nil: not yet
	left   int64        // bytes until the cut; negative: none comes
	ended  bool         // by FIN, after which what comes is read and forgotten, or by RST
}

// passage draws the fate of c; nil: the proxy is closed.
func (x *Proxy) passage(c *net.TCPConn) *passage {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return nil
	}
	p := &passage{client: c, left: -1, over: make(chan struct{})}
	if x.Most > 0 {
		p.left = x.Least + x.rnd.Int64N(x.Most-x.Least+1)
	}
	p.rst, p.freeze = x.rnd.IntN(2) == 0, x.rnd.Float64() < x.Freezes
	x.open[p] = true
	return p
}

// serve is the life of a passage.
func (x *Proxy) serve(p *passage) {
	defer func() {
		p.close()
		x.mu.Lock()
		delete(x.open, p)
		x.mu.Unlock()
	}()
	c, err := net.DialTimeout("tcp", x.target, proxyIdle)
	if err != nil || !p.connect(c.(*net.TCPConn)) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { x.forward(p, p.server, p.client) })
	both.Go(func() { x.forward(p, p.client, p.server) })
	both.Wait()
}

// connect notes the server's side. false: it has ended already.
func (p *passage) connect(c *net.TCPConn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		_ = c.Close()
		return false
	}
	p.server = c
	for _, c := range []*net.TCPConn{p.client, p.server} {
		_ = c.SetReadBuffer(proxyKernel) // what the kernel makes of it is its affair
		_ = c.SetWriteBuffer(proxyKernel)
	}
	return true
}

// forward copies one direction until its end, or until the cut.
func (x *Proxy) forward(p *passage, to, from *net.TCPConn) {
	buf := make([]byte, proxyBuffer)
	for {
		p.extend(to, from)
		n, err := from.Read(buf)
		pass, fate := p.spend(n)
		if pass > 0 {
			if _, werr := to.Write(buf[:pass]); werr != nil {
				err = werr
			}
		}
		switch fate {
		case cutsNow:
			x.cut(p)
			continue
		case wasCut:
			<-p.over
		}
		if err == io.EOF {
			_ = to.CloseWrite() // the half-close goes through
			return
		}
		if err != nil {
			p.end(true)
			return
		}
	}
}

// extend gives the next bytes their time.
func (p *passage) extend(to, from *net.TCPConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		limit := time.Now().Add(proxyIdle)
		_ = from.SetReadDeadline(limit)
		_ = to.SetWriteDeadline(limit)
	}
}

// What becomes of bytes: they pass, or the cut is among them, or it was before.
const (
	passes = iota
	cutsNow
	wasCut
)

// spend counts n bytes, and returns how many of them pass.
func (p *passage) spend(n int) (pass, fate int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.left < 0:
		return n, passes
	case p.left == 0:
		return 0, wasCut
	case int64(n) < p.left:
		p.left -= int64(n)
		return n, passes
	}
	pass, p.left = int(p.left), 0
	return pass, cutsNow
}

// cut ends p as was drawn.
func (x *Proxy) cut(p *passage) {
	x.mu.Lock()
	x.cuts++
	if p.freeze {
		x.frozen++
	}
	x.mu.Unlock()
	if p.freeze {
		timer := time.NewTimer(cmp.Or(x.Freeze, time.Second))
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-p.over: // Close
		}
	}
	p.end(p.rst)
}

// close gives the sockets back.
func (p *passage) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		close(p.over)
	}
	p.ended = true
	_ = p.client.Close() // once more, it may be
	if p.server != nil {
		_ = p.server.Close()
	}
}

// end ends both sides. After a FIN they are read for a moment: closing a socket with
// unread bytes would send RST.
func (p *passage) end(rst bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		close(p.over)
	}
	p.ended = true
	for _, c := range []*net.TCPConn{p.client, p.server} {
		switch {
		case c == nil:
		case rst:
			_ = c.SetLinger(0)
			_ = c.Close()
		default:
			_ = c.CloseWrite()
			_ = c.SetDeadline(time.Now().Add(linger))
		}
	}
}
