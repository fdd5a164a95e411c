package wsclient_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

func TestSmokeTCP(t *testing.T) {
	srv := &testserver.Server{}
	if err := srv.Start(nil); err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	c, err := wsclient.Dial(ctx, srv.URL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		if err := c.Send(ctx, wsclient.Text(fmt.Sprint("hello ", i))); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 1000 {
		m, err := c.Receive(ctx)
		if err != nil || string(m.Data) != fmt.Sprint("hello ", i) {
			t.Fatalf("%q %v", m.Data, err)
		}
	}
	if err := c.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	d, err := c.Ping(ctx)
	t.Log(d, err)
	if err := c.Send(ctx, wsclient.Binary(make([]byte, 1<<20))); err != nil {
		t.Fatal(err)
	}
	m, err := c.Receive(ctx)
	if err != nil || len(m.Data) != 1<<20 {
		t.Fatal(err, len(m.Data))
	}
	t.Logf("%+v", c.Stats())
	if err := c.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	<-c.Done()
	if v := srv.Violations(); len(v) > 0 {
		t.Fatal(v)
	}
}

func TestSmokeBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := testserver.NewNetwork()
		ln, _ := n.Listen("feed:80")
		srv := &testserver.Server{}
		srv.Start(ln)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		var ev wsclient.CloseEvent
		start := time.Now()
		c, err := wsclient.Dial(ctx, "ws://feed/", &wsclient.Options{NetDial: n.DialContext, Heartbeat: heartbeat.Policy{}, OnClose: func(e wsclient.CloseEvent) {
			ev = e
			t.Log(time.Since(start), e)
		}})
		if err != nil {
			t.Fatal(err)
		}
		c.Send(ctx, wsclient.Text("x"))
		m, err := c.Receive(ctx)
		t.Log(m, err)
		srv.FreezeAll()
		time.Sleep(24999 * time.Millisecond)
		t.Log(c.ReadyState())
		time.Sleep(5 * time.Millisecond)
		synctest.Wait()
		t.Log(c.ReadyState(), ev)
		c.WaitOpen(ctx)
		t.Log(time.Since(start), c.Stats())
		c.Close()
		<-c.Done()
		t.Log(time.Since(start), c.Stats())
		srv.Close()
	})
}
