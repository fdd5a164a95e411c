package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

func Example() {
	var server testserver.Server // it echoes
	if err := server.Start(nil); err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	if err := echo(context.Background(), server.URL(), "Hello, server!"); err != nil {
		fmt.Println(err)
	}
	// Output:
	// open
	// message: Hello, server!
	// close: 1000 (normal closure)
}

func TestServerThatGreetsAndRepeatsItself(t *testing.T) {
	server := testserver.Server{Handler: func(p *testserver.Peer) {
		for _, text := range []string{"welcome", "hello", "hello", "hello"} {
			if p.WriteText(text) != nil {
				return
			}
		}
		testserver.Sink(p)
	}}
	if err := server.Start(nil); err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	if err := echo(t.Context(), server.URL(), "hello"); err != nil {
		t.Error(err)
	}
}

func TestRefusalEndsTheProgram(t *testing.T) {
	server := testserver.Server{OnUpgrade: func(int, *http.Request) *testserver.Answer {
		return &testserver.Answer{Status: http.StatusNotFound}
	}}
	if err := server.Start(nil); err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	err := echo(t.Context(), server.URL(), "hello")
	if refusal, ok := errors.AsType[*wsclient.HandshakeError](err); !ok || refusal.Status != http.StatusNotFound {
		t.Errorf("error %v, want the 404", err)
	}
}
