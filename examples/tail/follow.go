package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"strings"
	"time"

	"github.com/steadyws/steadyws/reconnect"
	"github.com/steadyws/steadyws/wsclient"
)

// maxWait is shorter than the client's own: somebody is watching.
const maxWait = 5 * time.Second

// follow prints messages until ctx ends or enough have come, which is nil, or
// until there is no more to hope for.
func follow(ctx context.Context, cfg config, stdout io.Writer, logger *log.Logger) error {
	c, err := wsclient.New(cfg.url, options(cfg, logger))
	if err != nil {
		return err
	}
	defer func() {
		c.Close()
		<-c.Done()
	}()
	write := writeLine
	if cfg.json {
		write = writeJSON
	}
	session, count := 0, uint64(0)
	for m, err := range c.Messages(ctx) {
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return c.Err() // err says the same at more length
		}
		if session != 0 && m.Session != session {
			logger.Printf("gap: session %d begins here; messages before it may be missing", m.Session)
		}
		session = m.Session
		if err := write(stdout, m); err != nil {
			return err
		}
		if count++; count == cfg.count {
			return nil
		}
	}
	return nil
}

func options(cfg config, logger *log.Logger) *wsclient.Options {
	return &wsclient.Options{
		Header:       cfg.header,
		Subprotocols: cfg.subprotocols,
		Reconnect:    reconnect.Policy{Max: maxWait},
		OnConnect: func(ctx context.Context, conn *wsclient.Conn) error {
			for _, text := range cfg.send {
				if err := conn.Send(ctx, wsclient.Text(text)); err != nil {
					return err
				}
			}
			return nil
		},
		OnOpen: func(conn *wsclient.Conn) {
			logger.Printf("connected to %s, session %d", conn.URL(), conn.Session())
		},
		OnClose: func(e wsclient.CloseEvent) {
			switch {
			case !e.Retry: // the end, which run explains
			case e.Session == 0:
				logger.Printf("not connected: %v; retry in %v", e.Err, e.Wait.Round(time.Millisecond))
			default:
				logger.Printf("lost session %d after %v: %v; retry in %v",
					e.Session, e.Uptime.Round(time.Millisecond), e.Err, e.Wait.Round(time.Millisecond))
			}
		},
	}
}

// writeLine writes text as it is and binary as hex, each with a line end.
func writeLine(w io.Writer, m wsclient.Message) error {
	line := m.Data
	if m.Type == wsclient.BinaryMessage {
		line = hex.AppendEncode(nil, m.Data)
	}
	_, err := w.Write(append(line, '\n')) // one write: what reads the pipe sees whole lines
	return err
}

// writeJSON writes m as one JSON object on one line.
func writeJSON(w io.Writer, m wsclient.Message) error {
	line := struct {
		Time    time.Time `json:"time"`
		Session int       `json:"session"`
		Type    string    `json:"type"`
		Data    any       `json:"data"` // a string, or bytes, which JSON has in base64
	}{m.Received, m.Session, m.Type.String(), m.Data}
	if m.Type == wsclient.TextMessage {
		line.Data = string(m.Data)
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(line)
}

// explain is err with the first line of what the server wrote to explain its
// refusal.
func explain(err error) string {
	refusal, ok := errors.AsType[*wsclient.HandshakeError](err)
	if !ok {
		return err.Error()
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(refusal.Body)), "\n")
	if line == "" {
		return err.Error()
	}
	return fmt.Sprintf("%v: %q", err, line)
}
