package interop

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"text/template"
	"time"
)

// A product is a proxy that stands in front of WebSocket servers.
type product struct {
	name   string
	down   int // what it answers while the server is down
	config *template.Template
	args   func(g *gateway) []string
	env    []string
}

// A gateway is a product that runs, with a Go server behind it that listens on a
// Unix socket. It gets its own listening socket from the test as descriptor 3:
// so the port is free for sure, and connections wait until it is ready.
type gateway struct {
	Dir      string
	Address  string
	Idle     time.Duration // a connection is cut after this silence
	Shutdown time.Duration // after a reload old connections are cut after this; 0: never

	product  *product
	listener *os.File
	process  *process
	mu       sync.Mutex
	backend  func() // kills it; nil: it is down
}

var nginx = &product{
	name: "nginx",
	down: 502,
	config: template.Must(template.New("nginx").Parse(`
daemon off;
pid {{.Dir}}/pid;
error_log stderr notice;
worker_processes 1;
{{if .Shutdown}}worker_shutdown_timeout {{.Shutdown.Milliseconds}}ms;{{end}}
{{if .IsRoot}}user root root;{{end}}
events { worker_connections 64; }
http {
	access_log off;
	client_body_temp_path {{.Dir}}/body;
	proxy_temp_path {{.Dir}}/proxy;
	fastcgi_temp_path {{.Dir}}/fastcgi;
	uwsgi_temp_path {{.Dir}}/uwsgi;
	scgi_temp_path {{.Dir}}/scgi;
	server {
		listen {{.Address}};
		location / {
			proxy_pass http://unix:{{.Socket}};
			proxy_http_version 1.1;
			proxy_set_header Upgrade $http_upgrade;
			proxy_set_header Connection upgrade;
			proxy_set_header Host $host;
			proxy_read_timeout {{.Idle.Milliseconds}}ms;
			proxy_send_timeout {{.Idle.Milliseconds}}ms;
		}
	}
}
`)),
	args: func(g *gateway) []string { return []string{"-e", "stderr", "-p", g.Dir, "-c", g.configFile()} },
	// How one nginx passes its sockets to the next.
	env: []string{"NGINX=3;"},
}

var haproxy = &product{
	name: "haproxy",
	down: 503,
	config: template.Must(template.New("haproxy").Parse(`
global
	maxconn 64
	{{if .Shutdown}}hard-stop-after {{.Shutdown.Milliseconds}}ms{{end}}
defaults
	mode http
	retries 0
	timeout connect 5s
	timeout client 5s
	timeout server 5s
	timeout tunnel {{.Idle.Milliseconds}}ms
frontend clients
	bind fd@3
	default_backend servers
backend servers
	server one unix@{{.Socket}}
`)),
	args: func(g *gateway) []string { return []string{"-db", "-f", g.configFile()} },
}

func (g *gateway) configFile() string { return filepath.Join(g.Dir, "conf") }

// Socket, IsRoot and the exported fields are for the templates.
func (g *gateway) Socket() string { return filepath.Join(g.Dir, "backend") }
func (g *gateway) IsRoot() bool   { return os.Geteuid() == 0 }

// everyGateway runs a test for each product.
func everyGateway(t *testing.T, test func(t *testing.T, p *product)) {
	t.Parallel()
	for _, p := range []*product{nginx, haproxy} {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			need(t, p.name)
			test(t, p)
		})
	}
}

// start starts a gateway, without its backend.
func (p *product) start(t *testing.T, idle, shutdown time.Duration) *gateway {
	t.Helper()
	// Not t.TempDir: the names of tests are long, and those of Unix sockets must not be.
	dir, err := os.MkdirTemp("", "gateway")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	g := &gateway{Dir: dir, Address: ln.Addr().String(), Idle: idle, Shutdown: shutdown, product: p}
	if g.listener, err = ln.(*net.TCPListener).File(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.listener.Close() })
	var conf bytes.Buffer
	if err := p.config.Execute(&conf, g); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(g.configFile(), conf.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	g.process = g.run(t)
	t.Cleanup(g.kill)
	return g
}

// run starts a process of the gateway. It ends with the test.
func (g *gateway) run(t *testing.T, args ...string) *process {
	t.Helper()
	p, err := launch(program(g.product.name), append(g.product.args(g), args...), g.product.env, g.listener)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			t.Logf("%s said:\n%s", g.product.name, p.out)
		}
	})
	return p
}

// serve starts the backend.
func (g *gateway) serve(t *testing.T) {
	t.Helper()
	ln, err := net.Listen("unix", g.Socket())
	if err != nil {
		t.Fatal(err)
	}
	kill := serveOn(ln, serveCoder, &leftAlone, newTranscript())
	g.mu.Lock()
	g.backend = kill
	g.mu.Unlock()
}

// kill ends the backend.
func (g *gateway) kill() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.backend != nil {
		g.backend()
		g.backend = nil
	}
}

// reload has the gateway read its configuration again, and waits until the old
// process takes no new connections.
func (g *gateway) reload(t *testing.T) {
	t.Helper()
	if g.product == haproxy {
		old := g.process
		g.process = g.run(t, "-sf", fmt.Sprint(old.cmd.Process.Pid))
		if _, err := old.out.await(limited(t), "Proxy clients stopped"); err != nil {
			t.Fatal(err)
		}
		return
	}
	ctx := limited(t)
	if _, err := g.process.out.await(ctx, "start worker process"); err != nil { // else the signal finds nobody
		t.Fatal(err)
	}
	g.process.cmd.Process.Signal(syscall.SIGHUP)
	if _, err := g.process.out.await(ctx, "gracefully shutting down"); err != nil {
		t.Fatal(err)
	}
}
