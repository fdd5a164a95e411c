package wsclient_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/reconnect"
	"github.com/steadyws/steadyws/wsclient"
)

// A SignalR hub says in its last message whether to come back. OnMessage and
// Classify run on the same goroutine, one after the other: a variable is enough.
func ExampleOptions_signalR() {
	const end = "\x1e" // of each JSON message
	srv := exampleServer(func(p *testserver.Peer) {
		if _, err := p.Read(); err != nil {
			return
		}
		p.WriteText("{}" + end)
		p.WriteText(`{"type":7,"error":"this hub is closed","allowReconnect":false}` + end)
		p.Close(1000, "") // which by itself would be retried
	})
	defer srv.Close()

	final := false
	c, err := wsclient.New(srv.URL(), &wsclient.Options{
		OnConnect: func(ctx context.Context, conn *wsclient.Conn) error {
			if err := conn.Send(ctx, wsclient.Text(`{"protocol":"json","version":1}`+end)); err != nil {
				return err
			}
			m, err := conn.Receive(ctx)
			if err != nil {
				return err
			}
			var answer struct{ Error string }
			if err := json.Unmarshal(m.Data[:len(m.Data)-1], &answer); err != nil {
				return err
			}
			if answer.Error != "" { // it does not speak our protocol, and will not tomorrow
				return reconnect.Permanent(errors.New(answer.Error))
			}
			final = false
			return nil
		},
		OnMessage: func(m wsclient.Message) {
			for text := range strings.SplitSeq(strings.TrimSuffix(string(m.Data), end), end) {
				var msg struct {
					Type           int
					AllowReconnect bool
				}
				if json.Unmarshal([]byte(text), &msg) == nil && msg.Type == 7 {
					final = !msg.AllowReconnect
				}
			}
		},
		Reconnect: reconnect.Policy{Classify: func(f reconnect.Failure) reconnect.Verdict {
			if final {
				return reconnect.Verdict{Action: reconnect.Stop}
			}
			return reconnect.Default(f)
		}},
	})
	if err != nil {
		log.Fatal(err)
	}
	<-c.Done()
	fmt.Println(c.Err())
	// Output: wsclient: connection closed by the peer: 1000 (normal closure)
}

// Many clients of one venue share its budget, so that none of them is banned for
// what they do together.
func ExampleOptions_limiter() {
	srv := exampleServer(testserver.Sink)
	defer srv.Close()
	ctx := context.Background()

	budget := &reconnect.Limiter{
		Attempts: 280, Window: 5 * time.Minute, // the venue says 300
		Key: func(string) string { return "venue" }, // whichever of its hosts
	}
	for range 3 {
		c, err := wsclient.Dial(ctx, srv.URL(), &wsclient.Options{
			Reconnect: reconnect.Policy{Limiter: budget},
			Rate:      wsclient.Rate{Messages: 5, Control: true}, // 5 frames per second, pongs included
		})
		if err != nil {
			log.Fatal(err)
		}
		defer c.Close()
		fmt.Println(c.ReadyState())
	}
	// Output:
	// open
	// open
	// open
}

// The endpoints of one feed are tried one after the other.
func ExampleOptions_endpoints() {
	srv := exampleServer(testserver.Sink)
	defer srv.Close()

	c, err := wsclient.Dial(context.Background(), "ws://127.0.0.1:1/", &wsclient.Options{ // nobody is there
		Endpoints: []string{srv.URL()},
		OnClose: func(e wsclient.CloseEvent) {
			if e.Retry {
				fmt.Println("on to the next after", e.Wait)
			}
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	fmt.Println(c.URL() == srv.URL()+"/")
	// Output:
	// on to the next after 0s
	// true
}
