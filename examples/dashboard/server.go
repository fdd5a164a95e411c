package main

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

const pageTimeout = 10 * time.Second // for a page that does not read its events

//go:embed index.html
var page string

// policy lets the page run its own script and style, named by their hashes, and
// talk to this server; nothing else.
var policy = strings.Join([]string{
	"default-src 'none'",
	"script-src " + hashOf("script"),
	"style-src " + hashOf("style"),
	"img-src data:",
	"connect-src 'self'",
	"base-uri 'none'",
	"form-action 'none'",
	"frame-ancestors 'none'",
}, "; ")

// hashOf is the CSP source of the page's one element of that name.
func hashOf(element string) string {
	_, rest, _ := strings.Cut(page, "<"+element+">")
	text, _, found := strings.Cut(rest, "</"+element+">")
	if !found {
		panic("index.html has no <" + element + ">")
	}
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// A server is the HTTP side.
type server struct {
	hosts map[string]bool // what a Host header may say
	model *model
	flaky *flaky // nil: no faults
}

func newServer(addr net.Addr, m *model, f *flaky) http.Handler {
	s := &server{hosts: hostsOf(addr), model: m, flaky: f}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.index)
	mux.Handle("GET /events", sameOrigin(s.events))
	mux.Handle("POST /fault/{name}", sameOrigin(s.fault))
	return s.ownHost(mux)
}

// hostsOf are the names of the listening address.
func hostsOf(addr net.Addr) map[string]bool {
	_, port, _ := net.SplitHostPort(addr.String())
	hosts := map[string]bool{addr.String(): true, "localhost:" + port: true}
	if port == "80" { // which a browser leaves out
		hosts[strings.TrimSuffix(addr.String(), ":80")], hosts["localhost"] = true, true
	}
	return hosts
}

// ownHost refuses requests under a foreign name: a page whose name was rebound
// to 127.0.0.1 is of the same origin as us for its browser.
func (s *server) ownHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.hosts[strings.ToLower(r.Host)] {
			http.Error(w, "unknown Host", http.StatusForbidden)
			return
		}
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// sameOrigin refuses what a foreign page asks for. Programs such as curl send
// neither header.
func sameOrigin(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin, site := r.Header.Get("Origin"), r.Header.Get("Sec-Fetch-Site")
		foreign := origin != "" && !strings.EqualFold(origin, "http://"+r.Host) ||
			site != "" && site != "same-origin" && site != "none"
		if foreign {
			http.Error(w, "request from a foreign page", http.StatusForbidden)
			return
		}
		next(w, r)
	})
}

func (s *server) index(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprint(w, page)
}

// events streams the state (Server-Sent Events) until the page leaves.
func (s *server) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	control := http.NewResponseController(w)
	first, cursor := s.model.join()
	objects := [][]byte{first}
	for {
		if err := control.SetWriteDeadline(time.Now().Add(pageTimeout)); err != nil {
			return
		}
		for _, object := range objects {
			if _, err := fmt.Fprintf(w, "data: %s\n\n", object); err != nil {
				return
			}
		}
		if control.Flush() != nil {
			return
		}
		var more <-chan struct{}
		if objects, cursor, more = s.model.journal.since(cursor); len(objects) > 0 {
			continue
		}
		select {
		case <-more:
		case <-r.Context().Done():
			return
		}
	}
}

// fault presses a button.
func (s *server) fault(w http.ResponseWriter, r *http.Request) {
	if s.flaky == nil {
		http.Error(w, "no faults: the feed is not the built-in flaky server", http.StatusConflict)
		return
	}
	name := r.PathValue("name")
	for _, f := range s.flaky.faults() {
		if f.Name == name {
			s.model.note("fault", f.Name+": "+f.What) // before what it causes
			f.do()
			w.WriteHeader(http.StatusNoContent)
			return
		}
	}
	http.Error(w, fmt.Sprintf("no fault is called %q", name), http.StatusNotFound)
}
