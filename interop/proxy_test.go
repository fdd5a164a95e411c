package interop

import (
	"bytes"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/template"
	"time"
)

// A relay is a product through which clients reach servers that they name.
type relay struct {
	name    string
	program string
	scheme  string // of Options.Proxy
	login   string // what Login is in its configuration; "": it has none
	config  *template.Template
	args    func(r *running) []string

	wrong int  // status of a login that it refuses
	down  int  // status of a server that cannot be reached; 0: SOCKS has none
	many  bool // it is many processes, which end if the first is asked to, and go on with the connections that they have
}

// A running relay. The exported fields are for the templates.
type running struct {
	Dir      string
	Port     string
	Login    bool          // it wants a user, with a password
	Idle     time.Duration // a connection is cut after this silence; 0: not soon
	CertFile string
	KeyFile  string

	relay   *relay
	process *process
}

// The user and the password that relays with a login want.
const user, password = "user", "pass-w0rd"

const squidConfig = `
{{block "port" .}}http_port 127.0.0.1:{{.Port}}{{end}}
pid_filename none
cache_log stdio:/dev/stderr
access_log none
cache deny all
coredump_dir {{.Dir}}
pinger_enable off
shutdown_lifetime 0 seconds
{{if .Idle}}read_timeout {{.Idle.Seconds}} seconds{{end}}
{{if .Login}}
auth_param basic program /bin/sh {{.Dir}}/login
auth_param basic children 1 startup=1 idle=1
acl known proxy_auth REQUIRED
http_access allow known
{{else}}
http_access allow localhost
{{end}}
http_access deny all
`

// squid asks a program whether it knows a user.
const squidLogin = `while read -r login; do
	if [ "$login" = "` + user + ` ` + password + `" ]; then echo OK; else echo ERR; fi
done
`

func squidArgs(r *running) []string { return []string{"-N", "-f", r.file("conf")} }

var (
	squid      = template.Must(template.New("squid").Parse(squidConfig))
	squidOnTLS = template.Must(template.Must(squid.Clone()).Parse(
		`{{define "port"}}https_port 127.0.0.1:{{.Port}} tls-cert={{.CertFile}} tls-key={{.KeyFile}}{{end}}`))
)

var relays = []*relay{
	{name: "squid", program: "squid", scheme: "http", login: squidLogin, config: squid, args: squidArgs, wrong: 407, down: 503},
	{name: "squid", program: "squid", scheme: "https", login: squidLogin, config: squidOnTLS, args: squidArgs, wrong: 407, down: 503},
	{name: "tinyproxy", program: "tinyproxy", scheme: "http", login: "in its configuration", config: template.Must(template.New("tinyproxy").Parse(`
Port {{.Port}}
Listen 127.0.0.1
Timeout {{if .Idle}}{{.Idle.Seconds}}{{else}}60{{end}}
{{if .Login}}BasicAuth ` + user + ` ` + password + `{{end}}
`)), args: func(r *running) []string { return []string{"-d", "-c", r.file("conf")} }, wrong: 401, down: 500},
	{name: "microsocks", program: "microsocks", scheme: "socks5", login: "in its arguments", args: func(r *running) []string {
		args := []string{"-i", "127.0.0.1", "-p", r.Port}
		if r.Login {
			args = append(args, "-u", user, "-P", password)
		}
		return args
	}, wrong: 407},
	{name: "dante", program: "danted", scheme: "socks5h", config: template.Must(template.New("dante").Parse(`
logoutput: stderr
internal: 127.0.0.1 port = {{.Port}}
external: 127.0.0.1
clientmethod: none
socksmethod: none
client pass { from: 127.0.0.0/8 to: 0.0.0.0/0 }
socks pass { from: 127.0.0.0/8 to: 0.0.0.0/0 }
`)), args: func(r *running) []string { return []string{"-f", r.file("conf"), "-p", r.file("pid")} }, many: true},
}

func (r *running) file(name string) string { return filepath.Join(r.Dir, name) }

// everyRelay runs a test for each relay.
func everyRelay(t *testing.T, test func(t *testing.T, p *relay)) {
	t.Parallel()
	for _, p := range relays {
		t.Run(p.name+" "+p.scheme, func(t *testing.T) {
			t.Parallel()
			need(t, p.name)
			test(t, p)
		})
	}
}

// start starts a relay, which ends with the test.
func (p *relay) start(t *testing.T, login bool, idle time.Duration) *running {
	t.Helper()
	id, err := identity()
	if err != nil {
		t.Fatal(err)
	}
	// Not t.TempDir: a relay that is started by root reads it as somebody else.
	dir, err := os.MkdirTemp("", "relay")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	r := &running{Dir: dir, Login: login, Idle: idle, CertFile: id.certFile, KeyFile: id.keyFile, relay: p}
	if err := os.WriteFile(r.file("login"), []byte(p.login), 0o644); err != nil {
		t.Fatal(err)
	}
	for range 3 { // none of them takes a socket, so somebody may be faster
		if r.run(t) {
			return r
		}
	}
	t.Fatal("it does not listen")
	return nil
}

// run starts the process on a port that was free. It returns false if it has
// ended again.
func (r *running) run(t *testing.T) bool {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, r.Port, _ = net.SplitHostPort(ln.Addr().String())
	ln.Close()
	if r.relay.config != nil {
		var conf bytes.Buffer
		if err := r.relay.config.Execute(&conf, r); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(r.file("conf"), conf.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p, err := launch(program(r.relay.program), r.relay.args(r), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.process = p
	t.Cleanup(func() {
		r.end()
		if t.Failed() {
			t.Logf("%s said:\n%s", r.relay.name, p.out)
		}
	})
	for ctx := limited(t); ; {
		if nc, err := net.Dial("tcp", "127.0.0.1:"+r.Port); err == nil {
			nc.Close()
			return true
		}
		select {
		case <-p.done:
			return false
		case <-ctx.Done():
			t.Fatal("it does not listen")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// end ends the relay.
func (r *running) end() {
	if r.relay.many {
		r.process.stop()
	} else {
		r.process.kill()
	}
}

// proxy is an Options.Proxy that leads through r. ProxyFromEnvironment would
// not, for loopback.
func (r *running) proxy(login ...string) func(*http.Request) (*url.URL, error) {
	u := &url.URL{Scheme: r.relay.scheme, Host: "127.0.0.1:" + r.Port}
	if len(login) == 2 {
		u.User = url.UserPassword(login[0], login[1])
	}
	return func(*http.Request) (*url.URL, error) { return u, nil }
}

// says fails the test unless err's text has part in it, and no password.
func says(t *testing.T, err error, part string) {
	t.Helper()
	if text := err.Error(); !strings.Contains(text, part) || strings.Contains(text, password) || strings.Contains(text, "wrong") {
		t.Errorf("%s; want %q", text, part)
	}
}
