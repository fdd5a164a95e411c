package wsclient_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/steadyws/steadyws/codec"
	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

// exampleServer starts a server for an example; yours runs elsewhere.
func exampleServer(h testserver.Handler) *testserver.Server {
	srv := &testserver.Server{Handler: h}
	if err := srv.Start(nil); err != nil {
		log.Fatal(err)
	}
	return srv
}

func ExampleDial() {
	srv := exampleServer(testserver.Echo)
	defer srv.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, err := wsclient.Dial(ctx, srv.URL(), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	fmt.Println(c.ReadyState())
	// Output: open
}

func ExampleClient_Send() {
	srv := exampleServer(testserver.Echo)
	defer srv.Close()
	ctx := context.Background()
	c, err := wsclient.Dial(ctx, srv.URL(), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	if err := c.Send(ctx, wsclient.Text("hello")); err != nil {
		log.Fatal(err) // errors.Is(err, wsclient.ErrNotSent): it has not left
	}
	if err := c.Flush(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println("the server has read it")
	// Output: the server has read it
}

func ExampleClient_Messages() {
	srv := exampleServer(testserver.Sessions(func(p *testserver.Peer) {
		p.WriteText("one")
		p.WriteText("two")
		p.FIN() // a cut: the client comes back
	}, func(p *testserver.Peer) {
		p.WriteText("three")
		testserver.Sink(p)
	}))
	defer srv.Close()
	ctx := context.Background()
	c, err := wsclient.Dial(ctx, srv.URL(), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	session := 1
	for m, err := range c.Messages(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		if m.Session != session {
			fmt.Println("-- there may be a gap here")
			session = m.Session
		}
		fmt.Printf("%s\n", m.Data)
		if string(m.Data) == "three" {
			break
		}
	}
	// Output:
	// one
	// two
	// -- there may be a gap here
	// three
}

// OnConnect logs in and subscribes on every new connection, before anything that
// was queued goes out.
func ExampleOptions_onConnect() {
	srv := exampleServer(testserver.Echo)
	defer srv.Close()
	ctx := context.Background()
	c, err := wsclient.Dial(ctx, srv.URL(), &wsclient.Options{
		OnConnect: func(ctx context.Context, conn *wsclient.Conn) error {
			if err := conn.Send(ctx, wsclient.Text("login alice")); err != nil {
				return err
			}
			answer, err := conn.Receive(ctx)
			if err != nil {
				return err
			}
			fmt.Printf("answer: %s\n", answer.Data)
			return nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	// Output: answer: login alice
}

func ExampleStream() {
	type order struct {
		Side string  `json:"side"`
		Size float64 `json:"size"`
	}
	srv := exampleServer(testserver.Echo)
	defer srv.Close()
	ctx := context.Background()
	c, err := wsclient.Dial(ctx, srv.URL(), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	orders := wsclient.NewStream(c, codec.JSON[order]{}, codec.JSON[order]{})
	if err := orders.Send(ctx, order{"buy", 2.5}); err != nil {
		log.Fatal(err)
	}
	for o, err := range orders.Values(ctx) {
		if e, ok := errors.AsType[*codec.Error](err); ok {
			log.Print(e) // one bad item; the stream goes on
			continue
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(o.Side, o.Size)
		break
	}
	// Output: buy 2.5
}

func ExampleClient_Shutdown() {
	srv := exampleServer(testserver.Sink)
	defer srv.Close()
	ctx := context.Background()
	c, err := wsclient.Dial(ctx, srv.URL(), nil)
	if err != nil {
		log.Fatal(err)
	}
	for i := range 100 {
		if err := c.Send(ctx, wsclient.Text(fmt.Sprint("last words ", i))); err != nil {
			log.Fatal(err)
		}
	}

	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	err = c.Shutdown(ctx)
	if left, ok := errors.AsType[*wsclient.UnconfirmedError](err); ok {
		fmt.Println(left.Messages, "messages were left")
	}
	fmt.Println(err, c.ReadyState())
	// Output: <nil> closed
}

// A client lives until it is closed. This ties it to a context.
func ExampleClient_Close() {
	srv := exampleServer(testserver.Sink)
	defer srv.Close()
	ctx, cancel := context.WithCancel(context.Background())
	c, err := wsclient.Dial(ctx, srv.URL(), nil)
	if err != nil {
		log.Fatal(err)
	}
	context.AfterFunc(ctx, func() { c.Close() })

	cancel()
	<-c.Done()
	fmt.Println(errors.Is(c.Err(), wsclient.ErrClosed))
	// Output: true
}

// NetDial may make any stream connection, such as one to a Unix socket.
func ExampleOptions_unixSocket() {
	dir, err := os.MkdirTemp("", "steadyws")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "feed.sock")
	ln, err := net.Listen("unix", path)
	if err != nil {
		log.Fatal(err)
	}
	srv := &testserver.Server{Handler: testserver.Echo}
	if err := srv.Start(ln); err != nil {
		log.Fatal(err)
	}
	defer srv.Close()

	ctx := context.Background()
	c, err := wsclient.Dial(ctx, "ws://localhost/feed", &wsclient.Options{
		NetDial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", path)
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	if err := c.Send(ctx, wsclient.Text("through a file")); err != nil {
		log.Fatal(err)
	}
	m, err := c.Receive(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", m.Data)
	// Output: through a file
}

// Many feeds say in their greeting how their heartbeat is to be; OnConnect sets it
// for its connection.
func ExampleConn_SetHeartbeat() {
	srv := exampleServer(func(p *testserver.Peer) {
		p.WriteText(`0{"sid":"x","pingInterval":25000,"pingTimeout":20000}`)
		p.WriteText("2")
		_, data, _ := p.ReadMessage()
		p.WriteText("4you said " + string(data))
		testserver.Sink(p)
	})
	defer srv.Close()
	ctx := context.Background()
	c, err := wsclient.Dial(ctx, srv.URL(), &wsclient.Options{
		OnConnect: func(ctx context.Context, conn *wsclient.Conn) error {
			m, err := conn.Receive(ctx)
			if err != nil {
				return err
			}
			var hello struct{ PingInterval, PingTimeout int64 } // milliseconds
			if err := json.Unmarshal(bytes.TrimPrefix(m.Data, []byte("0")), &hello); err != nil {
				return err
			}
			const ms = time.Millisecond
			return conn.SetHeartbeat(heartbeat.EngineIO(time.Duration(hello.PingInterval)*ms, time.Duration(hello.PingTimeout)*ms))
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	m, err := c.Receive(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", m.Data)
	// Output: 4you said 3
}
