// Echo is the browser tutorial's WebSocket program in Go: open, send, message,
// close.
//
//	go run ./examples/echo wss://echo.websocket.org
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"sync"

	"github.com/steadyws/steadyws/wsclient"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second Ctrl-C kills
	if len(os.Args) != 2 {
		log.Fatal("usage: echo ws://host/path")
	}
	if err := echo(ctx, os.Args[1], "Hello, server!"); err != nil {
		log.Fatal(err)
	}
}

func echo(ctx context.Context, url, hello string) error {
	echoed := make(chan struct{})
	done := sync.OnceFunc(func() { close(echoed) })
	ws, err := wsclient.New(url, &wsclient.Options{
		OnOpen: func(*wsclient.Conn) { fmt.Println("open") },
		OnMessage: func(m wsclient.Message) {
			fmt.Printf("message: %s\n", m.Data)
			if string(m.Data) == hello { // some servers say something else first
				done()
			}
		},
		OnError: func(err error) { fmt.Println("error:", err) },
		OnClose: func(e wsclient.CloseEvent) { fmt.Println("close:", e.Code) },
	})
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { ws.Close() })
	if err := ws.Send(ctx, wsclient.Text(hello)); err != nil { // it waits for the open by itself
		return err
	}
	select {
	case <-echoed:
		return ws.Shutdown(ctx)
	case <-ws.Done(): // Ctrl-C, or a failure that is not worth a retry
		return ws.Err()
	}
}
