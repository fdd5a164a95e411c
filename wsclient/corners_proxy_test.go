package wsclient

import (
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
)

// An https:// or socks5:// proxy of the environment.
func TestProxyOfAnotherScheme(t *testing.T) {
	for _, scheme := range []string{"https", "socks5"} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		heard := make(chan string, 100)
		go func() {
			for {
				nc, err := ln.Accept()
				if err != nil {
					return
				}
				b := make([]byte, 1000)
				n, _ := nc.Read(b)
				heard <- string(b[:n])
				nc.Close()
			}
		}()
		c, err := newClient("ws://feed.example/", nil)
		if err != nil {
			t.Fatal(err)
		}
		c.environment, c.opts.Proxy = false, func(*http.Request) (*url.URL, error) {
			return url.Parse(scheme + "://user:secret@" + ln.Addr().String())
		}
		go c.run()
		select {
		case s := <-heard:
			if strings.Contains(s, "Proxy-Authorization") {
				t.Errorf("%s proxy: the password left in the clear: %q", scheme, s)
			}
		case <-time.After(300 * time.Millisecond):
		}
		c.Close()
		<-c.Done()
		ln.Close()
	}
}

// tickSoon must not be put off by an arm that comes before its timer has run.
func TestTickSoonIsNotPutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		defer a.Close()
		defer b.Close()
		c, err := newClient("ws://feed/", &Options{Heartbeat: heartbeat.Policy{Interval: time.Minute}})
		if err != nil {
			t.Fatal(err)
		}
		k := newConnection(c, &dialed{nc: a, target: &target{}}, 1)
		c.q.attach(&k.w)
		defer k.still()
		<-time.After(time.Second)
		k.tickSoon()
		c.q.mu.Lock()
		k.beat = time.Since(c.q.base) + time.Hour  // what a tick would set anew
		k.lookAt(time.Now().Add(30 * time.Second)) // as the writer does
		c.q.mu.Unlock()
		<-time.After(time.Second)
		c.q.mu.Lock()
		if k.beat-time.Since(c.q.base) > 59*time.Minute {
			t.Error("no tick came")
		}
		c.q.mu.Unlock()
	})
}
