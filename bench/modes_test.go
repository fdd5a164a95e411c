package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"
)

// The adapters of the TLS cells speak TLS 1.3, and resume sessions when they are to.
func TestTLS(t *testing.T) {
	ln, cert, err := listenTLS()
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go serve(ln)
	for _, name := range []string{"gorilla", "gws", "gobwas-careful", "raw", "steadyws"} {
		for _, resume := range []bool{false, true} {
			conf := trust(cert, resume)
			var resumed atomic.Int32
			conf.VerifyConnection = func(s tls.ConnectionState) error {
				if s.DidResume {
					resumed.Add(1)
				}
				if s.Version != tls.VersionTLS13 {
					t.Errorf("%s: TLS %x", name, s.Version)
				}
				return nil
			}
			for range 3 {
				c, err := adapterByName(name).Dial(Opts{Addr: ln.Addr().String(), Path: "/echo", TLS: conf})
				if err != nil {
					t.Fatal(name, err)
				}
				if err := c.Send(opBinary, message(100, opBinary, 1)); err != nil {
					t.Fatal(name, err)
				}
				c.Loop(func([]byte, int) { c.Close() })
			}
			if n := resumed.Load(); resume != (n > 0) {
				t.Errorf("%s, resume %v: %d of 3 did", name, resume, n)
			}
		}
	}
}

func TestTLSCells(t *testing.T) {
	if cs := tlsCells(); len(cs) != 9 {
		t.Errorf("%d cells instead of 9: a title was changed", len(cs))
	}
}

// What is due is sent, all of it, and says when it was due.
func TestPaced(t *testing.T) {
	for _, rate := range []float64{0, 3_000, 1e6} {
		sent, first, last, began := 0, int64(0), int64(0), now()
		err := paced(rate, 1000, func(k int, due int64) error {
			if due < last || due < began || due > now() {
				t.Errorf("rate %v: due at %d after %d", rate, due-began, last-began)
			}
			if first == 0 {
				first = due
			}
			sent, last = sent+k, due
			return nil
		})
		if err != nil || sent != 1000 {
			t.Errorf("rate %v: %d sent, %v", rate, sent, err)
		}
		if rate == 0 {
			continue
		}
		tick := max(int64(1e9/rate), int64(finest)) // the first is due after one
		if took, ideal := last-first+tick, int64(1e9/rate*1000); took < ideal-tick || took > ideal+tick {
			t.Errorf("rate %v: the last one due after %d ns instead of %d", rate, took, ideal)
		}
	}
}

func TestHist(t *testing.T) {
	var h hist
	for i := range 1_000_000 {
		h.add(int64(i))
	}
	q := h.quantiles()
	for _, v := range [][2]float64{{q.P50, 500_000}, {q.P99, 990_000}, {q.P999, 999_000}} {
		if d := v[0]/v[1] - 1; d < -.01 || d > .01 {
			t.Errorf("%v instead of %v", v[0], v[1])
		}
	}
	if h.add(-5); q.N != 1_000_000 {
		t.Error(q.N)
	}
}

func TestTimed(t *testing.T) {
	addr := listen(t, serve)
	for _, task := range []string{"timed-send", "timed-recv"} {
		for _, a := range []string{"gorilla", "gws", "steadyws", "steadyws-own"} {
			for _, rate := range []float64{0, 20_000} {
				tk := Task{Name: task, Adapter: a, Size: 128, Rate: rate, Addr: addr, Time: 20 * time.Millisecond}
				if !adapterByName(a).does(tk) {
					continue
				}
				r, err := runTask(tk)
				if err != nil || r.N < 64 || rate > 0 && r.N != 400 || r.P50 <= 0 || r.P50 > r.P999 {
					t.Errorf("%s %s at %v: %+v, %v", task, a, rate, r, err)
				}
			}
		}
	}
}

// A crowd is counted, busy or not.
func TestGrow(t *testing.T) {
	for _, a := range []string{"gorilla", "gws", "steadyws"} {
		for _, rate := range []float64{0, 50} {
			t.Run(fmt.Sprint(a, rate), func(t *testing.T) {
				t.Parallel() // it mostly sleeps
				addr := listen(t, serve)
				r, err := runTask(Task{Name: "grow", Adapter: a, Size: 128, Workers: 3, Rate: rate, Addr: addr, Time: 100 * time.Millisecond})
				if err != nil || r.N != 3 || rate == 0 && r.In != 0 || rate > 0 && r.In < 1 {
					t.Errorf("%+v, %v", r, err)
				}
			})
		}
	}
}

// All of a crowd come back from an outage.
func TestOutage(t *testing.T) {
	for _, rate := range []float64{0, 1000} {
		t.Run(fmt.Sprint(rate), func(t *testing.T) {
			t.Parallel()
			ln, err := net.Listen("tcp", herdHost+":0")
			if err != nil {
				t.Fatal(err)
			}
			go serve(ln) // it is replaced
			r, err := runTask(Task{Name: "outage", Adapter: "steadyws", Workers: 3, Rate: rate, Addr: ln.Addr().String()})
			if o := r.Outage; err != nil || o.Open != 3 || o.Half < away || o.All < o.Half || o.Attempts < 3 {
				t.Errorf("%+v, %v", o, err)
			}
		})
	}
}

func TestRoomFor(t *testing.T) {
	if n := roomFor(10); n != 10 {
		t.Errorf("room for %d of 10", n)
	}
	if n := roomFor(1 << 30); n < 1 || n >= 1<<30 {
		t.Errorf("room for %d of a billion", n)
	}
}
