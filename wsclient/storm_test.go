package wsclient_test

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/reconnect"
	"github.com/steadyws/steadyws/wsclient"
)

var stormDoc = flag.String("storm", "", "write the table of TestStorm to this page")

const (
	stormClients = 5000
	stormOutage  = 30 * time.Second
)

// A storm is what a server sees of clients that it has cut off all at once, and
// that find nobody there for a while.
type storm struct {
	mu    sync.Mutex
	dials []time.Duration // since the cut
	opens []time.Duration
}

// peak is how many dials there were within d at most, from a time on.
func (s *storm) peak(d, from time.Duration) (n int) {
	first := 0
	for i, at := range s.dials {
		for at-s.dials[first] >= d {
			first++
		}
		if s.dials[first] >= from {
			n = max(n, i-first+1)
		}
	}
	return n
}

// share is how long after the server's return a share of the clients was open.
func (s *storm) share(percent int) time.Duration {
	return s.opens[len(s.opens)*percent/100-1] - stormOutage
}

// brew plays one storm.
func brew(t *testing.T, clients int, policy reconnect.Policy) (s *storm) {
	s = &storm{}
	bubble(t, server(testserver.Hold), func(w *world) {
		var cut time.Time
		o := w.options(wsclient.Options{
			Heartbeat: heartbeat.Off, Reconnect: policy,
			NetDial: func(ctx context.Context, network, addr string) (net.Conn, error) {
				s.mu.Lock()
				defer s.mu.Unlock()
				if cut.IsZero() {
					return w.net.DialContext(ctx, network, addr)
				}
				d := time.Since(cut)
				if s.dials = append(s.dials, d); d < stormOutage {
					return nil, &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
				}
				return w.net.DialContext(ctx, network, addr)
			},
			OnOpen: func(*wsclient.Conn) {
				s.mu.Lock()
				defer s.mu.Unlock()
				if !cut.IsZero() {
					s.opens = append(s.opens, time.Since(cut))
				}
			},
		})
		for range clients {
			c, err := wsclient.New("ws://feed/", o)
			if err != nil {
				t.Fatal(err)
			}
			w.clients = append(w.clients, c)
		}
		w.at(10 * time.Minute)
		s.mu.Lock()
		cut = time.Now()
		s.mu.Unlock()
		w.srv.CutFIN()
		w.at(30 * time.Minute)
		for _, c := range w.clients {
			c.Close()
		}
	})
	if len(s.opens) != clients {
		t.Fatalf("%d of %d clients are open in the end", len(s.opens), clients)
	}
	return s
}

// storms are the rows of the table. The Limiter allows a fiftieth of the clients
// per second.
var storms = []struct {
	name   string
	policy func(clients int) reconnect.Policy
}{
	{"every second, no jitter", func(int) reconnect.Policy {
		return reconnect.Policy{Classify: func(reconnect.Failure) reconnect.Verdict {
			return reconnect.Verdict{Action: reconnect.At, After: time.Second}
		}}
	}},
	{"full jitter, the default", func(int) reconnect.Policy { return reconnect.Policy{} }},
	{"full jitter and a `Limiter`", func(clients int) reconnect.Policy {
		return reconnect.Policy{Limiter: &reconnect.Limiter{Attempts: clients / 50}}
	}},
}

const (
	stormHead  = "| policy | attempts | most in a second | most in 10 ms | most in a second once the server is back | 90 % open after | all open after |"
	stormBegin = "<!-- storm:begin -->\n"
	stormEnd   = "<!-- storm:end -->\n"
)

// TestStorm plays real clients. With -storm they are 5,000, and a page gets the
// table:
//
//	go test ./wsclient -run TestStorm -storm ../docs/reconnect.md
func TestStorm(t *testing.T) {
	clients := 300
	if *stormDoc != "" {
		clients = stormClients
	}
	table := stormHead + "\n" + strings.Repeat("|---", 7) + "|\n"
	for i, k := range storms {
		s := brew(t, clients, k.policy(clients))
		row := []int{len(s.dials), s.peak(time.Second, 0), s.peak(10*time.Millisecond, 0), s.peak(time.Second, stormOutage),
			int(s.share(90).Round(time.Second).Seconds()), int(s.share(100).Round(time.Second).Seconds())}
		checkStorm(t, clients, i, row)
		table += fmt.Sprintf("| %s | %d | %d | %d | %d | %d s | %d s |\n", k.name, row[0], row[1], row[2], row[3], row[4], row[5])
	}
	if *stormDoc == "" {
		return
	}
	page, err := os.ReadFile(*stormDoc)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(page), stormBegin)
	_, after, ok2 := strings.Cut(rest, stormEnd)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the table", *stormDoc)
	}
	if err := os.WriteFile(*stormDoc, []byte(before+stormBegin+"\n"+table+"\n"+stormEnd+after), 0o666); err != nil {
		t.Fatal(err)
	}
}

// checkStorm checks one row of the table.
func checkStorm(t *testing.T, clients, i int, row []int) {
	t.Helper()
	attempts, second, instant, back, most, all := row[0], row[1], row[2], row[3], row[4], row[5]
	ok := false
	switch i {
	case 0: // all in the same instant, every second, also when the server has just come back
		ok = attempts == 30*clients && second == clients && instant == clients && back == clients && all == 0
	case 1: // a rush at first, of which an instant sees little; then it spreads over Max
		ok = attempts < 12*clients && second < 4*clients && instant < clients/4 && back < clients/5 && most < 30 && all <= 30
	case 2: // never more than allowed
		ok = attempts < 3*clients && second <= clients/50 && instant <= clients/50 && back <= clients/50 && most >= 40 && all <= 60
	}
	if !ok {
		t.Errorf("%d clients, %s: %v", clients, storms[i].name, row)
	}
}

// TestStormTable: the page's table is one that TestStorm has made.
func TestStormTable(t *testing.T) {
	page, err := os.ReadFile("../docs/reconnect.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), stormBegin)
	table, _, ok := strings.Cut(rest, stormEnd)
	lines := strings.Split(strings.TrimSpace(table), "\n")
	if !ok || len(lines) != 2+len(storms) || lines[0] != stormHead {
		t.Fatalf("the table is not as TestStorm makes it:\n%s", table)
	}
	for i, line := range lines[2:] {
		cells := strings.Split(strings.Trim(line, "|"), "|")
		if len(cells) != 7 || strings.TrimSpace(cells[0]) != storms[i].name {
			t.Fatalf("row %q, want that of %q", line, storms[i].name)
		}
		var row []int
		for _, cell := range cells[1:] {
			n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(cell), " s"))
			if err != nil {
				t.Fatal(err)
			}
			row = append(row, n)
		}
		checkStorm(t, stormClients, i, row)
	}
}
