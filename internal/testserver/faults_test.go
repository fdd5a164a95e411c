package testserver_test

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"

	"github.com/steadyws/steadyws/internal/testserver"
)

// blockedWriter fills the client's buffers and stays in that write.
func blockedWriter(p *testserver.Peer) { p.WriteText(strings.Repeat("x", 1<<20)) }

func TestFaultsHitAHandlerThatIsBlockedWriting(t *testing.T) {
	faults := map[string]struct {
		fault func(*testserver.Server)
		want  error
	}{
		"FIN":      {(*testserver.Server).CutFIN, io.ErrUnexpectedEOF},
		"RST":      {(*testserver.Server).CutRST, syscall.ECONNRESET},
		"CloseAll": {func(s *testserver.Server) { s.CloseAll(4001, "") }, io.ErrUnexpectedEOF},
		"drop":     {func(s *testserver.Server) { s.DropFor(time.Second) }, io.ErrUnexpectedEOF},
		"refuse":   {func(s *testserver.Server) { s.RefuseFor(time.Second, 503, nil) }, io.ErrUnexpectedEOF},
	}
	for name, f := range faults {
		t.Run(name, func(t *testing.T) {
			serverTest(t, &testserver.Server{Handler: blockedWriter}, func(t *testing.T, w world) {
				c := w.mustDial(t)
				synctest.Wait()
				f.fault(w.Server)
				c.wantError(f.want)
				if n := len(w.Peers()); n != 0 {
					t.Errorf("%d peers are left", n)
				}
				c.conn.Close()
			})
		})
	}
}

func TestFreezeMovesNothingAndLosesNothing(t *testing.T) {
	serverTest(t, &testserver.Server{}, func(t *testing.T, w world) {
		c := w.mustDial(t)
		c.send(testserver.TextFrame("before"))
		c.want(ws.OpText, "before")
		w.FreezeAll()
		c.send(testserver.TextFrame("during"), testserver.PingFrame(nil))
		c.conn.SetReadDeadline(time.Now().Add(time.Hour))
		_, _, err := c.read()
		var timeout net.Error
		if !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Fatalf("a frozen server said something: %v", err)
		}
		fresh := w.mustDial(t) // a new connection works
		exercise(fresh)

		c.conn.SetReadDeadline(time.Time{})
		w.ThawAll()
		c.want(ws.OpText, "during")
		c.want(ws.OpPong, "")
		c.conn.Close()
	})
}

func TestFreezeOutlivesTheHandlerAndEndsWithTheServer(t *testing.T) {
	serverTest(t, &testserver.Server{Handler: (*testserver.Peer).Freeze}, func(t *testing.T, w world) {
		c := w.mustDial(t)
		time.AfterFunc(time.Hour, func() { w.Close() })
		start := time.Now()
		c.wantError(io.EOF)
		if d := time.Since(start); d != time.Hour {
			t.Errorf("closed after %v", d)
		}
		c.conn.Close()
	})
}

func TestResetAndFreezeOverTCP(t *testing.T) {
	srv := &testserver.Server{}
	if err := srv.Start(nil); err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	c, err := dialWith(t, srv.URL(), ws.Dialer{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.conn.Close()
	srv.FreezeAll()
	c.send(testserver.TextFrame("during"))
	srv.ThawAll()
	c.want(ws.OpText, "during")
	srv.CutRST()
	// Windows has a name of its own for ECONNRESET.
	if _, _, err := c.read(); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("read: %v; want a reset", err)
	}
}

func TestCloseAllShakesHands(t *testing.T) {
	serverTest(t, &testserver.Server{}, func(t *testing.T, w world) {
		c := w.mustDial(t)
		done := make(chan struct{})
		go func() {
			defer close(done)
			w.CloseAll(4001, "do not come back")
		}()
		c.want(ws.OpClose, "\x0f\xa1do not come back")
		c.send(testserver.TextFrame("already on its way"))
		c.send(testserver.CloseFrame(4001, ""))
		c.wantError(io.EOF)
		<-done
		c.conn.Close()

		silent := w.mustDial(t) // does not answer: cut after CloseWait
		start := time.Now()
		w.CloseAll(1001, "")
		if d := time.Since(start); d != 5*time.Second {
			t.Errorf("CloseAll gave up after %v", d)
		}
		silent.conn.Close()
	})
}

func TestOutages(t *testing.T) {
	serverTest(t, &testserver.Server{}, func(t *testing.T, w world) {
		w.DropFor(10 * time.Second)
		dropped := w.mustDial(t)
		dropped.wantError(io.EOF)
		dropped.conn.Close()

		time.AfterFunc(3*time.Second, func() {
			w.RefuseFor(10*time.Second, 429, http.Header{"Retry-After": {"10"}})
		})
		timer := time.NewTimer(4 * time.Second)
		<-timer.C
		_, err := w.dial(t)
		var status ws.StatusError
		if !errors.As(err, &status) || status != 429 {
			t.Errorf("dial: %v; want 429", err)
		}
		timer.Reset(9 * time.Second) // the refusal ends exactly 10 s after it began
		<-timer.C
		exercise(w.mustDial(t))
	})
}

func TestScript(t *testing.T) {
	steps := testserver.Sessions(
		func(p *testserver.Peer) { p.WriteCut(ws.OpText, []byte("half a message"), 7) },
		func(p *testserver.Peer) { p.WriteText("a"); p.FIN() },
		func(p *testserver.Peer) { p.WriteText("a"); p.ReadMessage(); p.RST() },
		func(p *testserver.Peer) {
			p.ManualControl = true
			op, data, err := p.ReadMessage()
			if op != ws.OpPing || string(data) != "p" || err != nil {
				panic("the script did not get the ping")
			}
			p.Write(testserver.PongFrame(nil), testserver.BinaryFrame([]byte{1}))
			p.Close(1008, "enough")
		},
	)
	serverTest(t, &testserver.Server{Handler: steps}, func(t *testing.T, w world) {
		cut := w.mustDial(t)
		cut.wantError(io.ErrUnexpectedEOF)

		fin := w.mustDial(t)
		fin.want(ws.OpText, "a")
		fin.wantError(io.EOF)

		rst := w.mustDial(t)
		rst.want(ws.OpText, "a")
		rst.send(testserver.TextFrame("heard"))
		rst.wantError(syscall.ECONNRESET)

		manual := w.mustDial(t)
		manual.send(testserver.PingFrame([]byte("p")))
		manual.want(ws.OpPong, "")
		manual.want(ws.OpBinary, "\x01")
		manual.want(ws.OpClose, "\x03\xf0enough")
		manual.send(testserver.CloseFrame(1008, ""))
		manual.wantError(io.EOF)
		for _, c := range []*client{cut, fin, rst, manual} {
			c.conn.Close()
		}
	})
}

func TestRecorder(t *testing.T) {
	var r testserver.Recorder
	serverTest(t, &testserver.Server{Handler: r.Serve}, func(t *testing.T, w world) {
		for range 2 {
			c := w.mustDial(t)
			c.send(testserver.TextFrame("m"))
			synctest.Wait()
			c.conn.Close()
		}
		want := []testserver.Recorded{{Session: 1, Data: "m"}, {Session: 2, Data: "m"}}
		if got := r.Received(); !slices.Equal(got, want) {
			t.Errorf("recorded %v, want %v", got, want)
		}
	})
}

func TestFeedTradesWhileNobodyListens(t *testing.T) {
	feed := &testserver.Feed{PerSecond: 10}
	serverTest(t, &testserver.Server{Handler: feed.Serve}, func(t *testing.T, w world) {
		tick := func(c *client) (tick testserver.Tick) {
			t.Helper()
			_, p, err := c.read()
			if err == nil {
				err = json.Unmarshal([]byte(p), &tick)
			}
			if err != nil {
				t.Fatal(err)
			}
			return tick
		}
		c := w.mustDial(t)
		for seq := range uint64(20) {
			if got := tick(c); got.Seq != seq+1 || got.Symbol == "" || got.Price == "" {
				t.Fatalf("tick %+v, want %d", got, seq+1)
			}
		}
		c.send(testserver.TextFrame(`{"op":"subscribe","symbols":["BTC-USD"]}`))
		c.want(ws.OpText, `{"op":"subscribed","symbols":["BTC-USD"]}`)
		c.send(testserver.CloseFrame(1000, ""))
		c.want(ws.OpClose, "\x03\xe8")
		c.wantError(io.EOF)
		c.conn.Close()

		<-time.After(10 * time.Second)
		c = w.mustDial(t)
		if got := tick(c); got.Seq != 121 {
			t.Errorf("first tick after the gap is %d", got.Seq)
		}
		c.conn.Close()
	})
}
