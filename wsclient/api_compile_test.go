package wsclient_test

import (
	"context"
	"crypto/tls"
	"errors"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/steadyws/steadyws/codec"
	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/reconnect"
	"github.com/steadyws/steadyws/wsclient"
)

// Other programs compile against these names and types: this file is one of
// them. A line here may be added, never changed.
var (
	_ func(string, *wsclient.Options) (*wsclient.Client, error)                  = wsclient.New
	_ func(context.Context, string, *wsclient.Options) (*wsclient.Client, error) = wsclient.Dial

	_ func(*wsclient.Client, context.Context) error                                               = (*wsclient.Client).WaitOpen
	_ func(*wsclient.Client, context.Context, wsclient.Message) error                             = (*wsclient.Client).Send
	_ func(*wsclient.Client, context.Context, wsclient.Message, wsclient.SendOptions) error       = (*wsclient.Client).SendWith
	_ func(*wsclient.Client, context.Context) (wsclient.Message, error)                           = (*wsclient.Client).Receive
	_ func(*wsclient.Client, context.Context) iter.Seq2[wsclient.Message, error]                  = (*wsclient.Client).Messages
	_ func(*wsclient.Client, context.Context) error                                               = (*wsclient.Client).Flush
	_ func(*wsclient.Client, context.Context) (time.Duration, error)                              = (*wsclient.Client).Ping
	_ func(*wsclient.Client, string)                                                              = (*wsclient.Client).Reconnect
	_ func(*wsclient.Client) wsclient.ReadyState                                                  = (*wsclient.Client).ReadyState
	_ func(*wsclient.Client) int64                                                                = (*wsclient.Client).BufferedAmount
	_ func(*wsclient.Client) string                                                               = (*wsclient.Client).URL
	_ func(*wsclient.Client) string                                                               = (*wsclient.Client).Subprotocol
	_ func(*wsclient.Client) string                                                               = (*wsclient.Client).Extensions
	_ func(*wsclient.Client) wsclient.Stats                                                       = (*wsclient.Client).Stats
	_ func(*wsclient.Client, context.Context) error                                               = (*wsclient.Client).Shutdown
	_ func(*wsclient.Client) error                                                                = (*wsclient.Client).Close
	_ func(*wsclient.Client, wsclient.StatusCode, string) error                                   = (*wsclient.Client).CloseWith
	_ func(*wsclient.Client) <-chan struct{}                                                      = (*wsclient.Client).Done
	_ func(*wsclient.Client) error                                                                = (*wsclient.Client).Err
	_ func(*wsclient.Conn, context.Context, wsclient.Message) error                               = (*wsclient.Conn).Send
	_ func(*wsclient.Conn, context.Context) (wsclient.Message, error)                             = (*wsclient.Conn).Receive
	_ func(*wsclient.Conn, heartbeat.Policy) error                                                = (*wsclient.Conn).SetHeartbeat
	_ func(*wsclient.Conn) int                                                                    = (*wsclient.Conn).Session
	_ func(*wsclient.Conn) string                                                                 = (*wsclient.Conn).URL
	_ func(*wsclient.Conn) string                                                                 = (*wsclient.Conn).Subprotocol
	_ func(*wsclient.Conn) string                                                                 = (*wsclient.Conn).Extensions
	_ func(*wsclient.Conn) http.Header                                                            = (*wsclient.Conn).Header
	_ func(string) wsclient.Message                                                               = wsclient.Text
	_ func([]byte) wsclient.Message                                                               = wsclient.Binary
	_ func(wsclient.ReadyState) string                                                            = wsclient.ReadyState.String
	_ func(wsclient.StatusCode) string                                                            = wsclient.StatusCode.String
	_ func(*wsclient.Client, codec.Codec[int], codec.Codec[string]) *wsclient.Stream[int, string] = wsclient.NewStream[int, string]
	_ func(*wsclient.Stream[int, string], context.Context, string) error                          = (*wsclient.Stream[int, string]).Send
	_ func(*wsclient.Stream[int, string], context.Context) (int, error)                           = (*wsclient.Stream[int, string]).Receive
	_ func(*wsclient.Stream[int, string], context.Context) iter.Seq2[int, error]                  = (*wsclient.Stream[int, string]).Values

	_ heartbeat.Policy                     = heartbeat.Off
	_ heartbeat.Probe                      = heartbeat.Passive
	_ func(string, string) heartbeat.Probe = heartbeat.Text
	_ reconnect.Policy                     = reconnect.Never
	_ func(error) error                    = reconnect.Permanent
	_ codec.Codec[struct{}]                = codec.JSON[struct{}]{Strict: true}
	_ codec.Codec[string]                  = codec.Text{}
	_ codec.Codec[[]byte]                  = codec.Bytes{}
	_ interface {
		Append(dst []byte, v int) ([]byte, error)
		Decode(src []byte) (int, error)
		Binary() bool
	} = codec.Codec[int](nil)
)

// Every field, with the type it was promised to have.
var (
	aBool     bool
	anInt     int
	anInt64   int64
	aUint64   uint64
	aFloat64  float64
	aString   string
	someBytes []byte
	anError   error
	aTime     time.Time
	aDuration time.Duration
	aHeader   http.Header

	_ = wsclient.Message{Type: wsclient.TextMessage, Data: someBytes, Session: anInt, Received: aTime}

	_ = wsclient.Options{
		Header:         aHeader,
		Jar:            http.CookieJar(nil),
		Prepare:        func(ctx context.Context, a *wsclient.Attempt) error { return nil },
		Endpoints:      []string(nil),
		Subprotocols:   []string(nil),
		Compression:    wsclient.CompressionOff,
		TLS:            (*tls.Config)(nil),
		Proxy:          func(*http.Request) (*url.URL, error) { return nil, nil },
		NetDial:        func(ctx context.Context, network, addr string) (net.Conn, error) { return nil, nil },
		Redirects:      anInt,
		DialTimeout:    aDuration,
		ConnectTimeout: aDuration,
		WriteTimeout:   aDuration,
		CloseTimeout:   aDuration,
		MaxMessage:     anInt64,
		OnConnect:      func(ctx context.Context, conn *wsclient.Conn) error { return nil },
		Heartbeat:      heartbeat.Policy{},
		Reconnect:      reconnect.Policy{},
		Queue:          wsclient.QueueOptions{},
		Inbox:          wsclient.InboxOptions{},
		OnOpen:         func(*wsclient.Conn) {},
		OnMessage:      func(wsclient.Message) {},
		OnError:        func(error) {},
		OnClose:        func(wsclient.CloseEvent) {},
		Logger:         (*slog.Logger)(nil),
		Trace:          &wsclient.Trace{},
	}
	_ = wsclient.Attempt{Number: anInt, URL: aString, Header: aHeader, Err: anError}
	_ = wsclient.CloseEvent{Session: anInt, Code: wsclient.StatusCode(0), Reason: aString, WasClean: aBool, Err: anError, Retry: aBool,
		Wait: aDuration, Uptime: aDuration}
	_ = wsclient.QueueOptions{MaxBytes: anInt64, MaxMessages: anInt, Overflow: wsclient.OverflowBlock, Delivery: wsclient.AtMostOnce,
		LowWater: anInt64, OnLow: func() {}}
	_ = wsclient.InboxOptions{MaxBytes: anInt64, MaxMessages: anInt, Overflow: wsclient.OverflowBlock,
		Key: func(wsclient.Message) string { return "" }}
	_ = wsclient.SendOptions{Key: aString, Expires: aTime, Volatile: aBool, Priority: aBool, Delivery: wsclient.AtLeastOnce}
	_ = wsclient.Stats{
		ReadyState: wsclient.Connecting, Session: anInt, Attempts: anInt,
		MessagesIn: aUint64, MessagesOut: aUint64, BytesIn: aUint64, BytesOut: aUint64, DroppedIn: aUint64, DroppedOut: aUint64,
		BufferedAmount: anInt64, Unconfirmed: anInt64, KernelBuffered: anInt64, InboxMessages: anInt, InboxBytes: anInt64,
		RTT: aDuration, RTTSmoothed: aDuration, RTTVar: aDuration, LastReceived: aTime,
	}
	_ = heartbeat.Policy{Interval: aDuration, Timeout: aDuration, Probe: heartbeat.Passive,
		Reply: func(text bool, data []byte) (reply []byte, ok bool) { return nil, false }}
	_ = reconnect.Policy{Initial: aDuration, Max: aDuration, Multiplier: aFloat64, MaxAttempts: anInt, MaxElapsed: aDuration, Stable: aDuration,
		Classify: func(reconnect.Failure) reconnect.Verdict { return reconnect.Verdict{} }, Limiter: (*reconnect.Limiter)(nil)}
)

// The errors.
var (
	_ error = &wsclient.OptionError{Option: aString, Err: anError}
	_ error = &wsclient.UnconfirmedError{Session: anInt, Messages: anInt, Bytes: anInt64}
	_ error = &wsclient.HandshakeError{Status: anInt, Header: aHeader, Body: someBytes, RetryAfter: aDuration, Proxy: aString, Err: anError}
	_ error = &wsclient.CloseError{Code: wsclient.StatusGoingAway, Reason: aString, Remote: aBool}
	_ error = &wsclient.ProtocolError{}
	_ error = &wsclient.GaveUpError{Attempts: anInt, Elapsed: aDuration, Err: anError}
	_ error = &codec.Error{}
	_       = net.Error(&heartbeat.TimeoutError{})
	_       = []error{wsclient.ErrClosed, wsclient.ErrNotSent, wsclient.ErrQueueFull, wsclient.ErrTooLarge, wsclient.ErrNoConfirmation}
)

// The underlying types of the enumerations.
var (
	_ = int(wsclient.ReadyState(anInt)) + int(wsclient.MessageType(anInt)) + int(wsclient.Overflow(anInt)) + int(wsclient.Delivery(anInt))
	_ = uint16(wsclient.StatusCode(0))
)

func TestNumbersAreThoseOfTheBrowserAndTheRFC(t *testing.T) {
	for name, c := range map[string]struct{ got, want int }{
		"Connecting":    {int(wsclient.Connecting), 0},
		"Open":          {int(wsclient.Open), 1},
		"Closing":       {int(wsclient.Closing), 2},
		"Closed":        {int(wsclient.Closed), 3},
		"TextMessage":   {int(wsclient.TextMessage), 1},
		"BinaryMessage": {int(wsclient.BinaryMessage), 2},

		"StatusNormalClosure":           {int(wsclient.StatusNormalClosure), 1000},
		"StatusGoingAway":               {int(wsclient.StatusGoingAway), 1001},
		"StatusProtocolError":           {int(wsclient.StatusProtocolError), 1002},
		"StatusUnsupportedData":         {int(wsclient.StatusUnsupportedData), 1003},
		"StatusNoStatusReceived":        {int(wsclient.StatusNoStatusReceived), 1005},
		"StatusAbnormalClosure":         {int(wsclient.StatusAbnormalClosure), 1006},
		"StatusInvalidFramePayloadData": {int(wsclient.StatusInvalidFramePayloadData), 1007},
		"StatusPolicyViolation":         {int(wsclient.StatusPolicyViolation), 1008},
		"StatusMessageTooBig":           {int(wsclient.StatusMessageTooBig), 1009},
		"StatusMandatoryExtension":      {int(wsclient.StatusMandatoryExtension), 1010},
		"StatusInternalError":           {int(wsclient.StatusInternalError), 1011},
		"StatusServiceRestart":          {int(wsclient.StatusServiceRestart), 1012},
		"StatusTryAgainLater":           {int(wsclient.StatusTryAgainLater), 1013},
		"StatusBadGateway":              {int(wsclient.StatusBadGateway), 1014},
		"StatusTLSHandshake":            {int(wsclient.StatusTLSHandshake), 1015},

		"CompressionOff": {int(wsclient.CompressionOff), 0},
		"OverflowBlock":  {int(wsclient.OverflowBlock), 0},
		"AtMostOnce":     {int(wsclient.AtMostOnce), 1},
		"AtLeastOnce":    {int(wsclient.AtLeastOnce), 2},
	} {
		if c.got != c.want {
			t.Errorf("%s is %d, want %d", name, c.got, c.want)
		}
	}
	distinct := map[int]bool{}
	for _, n := range []wsclient.Overflow{wsclient.OverflowBlock, wsclient.OverflowReject, wsclient.OverflowDropOldest, wsclient.OverflowDropNewest,
		wsclient.OverflowDisconnect} {
		distinct[int(n)] = true
	}
	for _, n := range []wsclient.Compression{wsclient.CompressionOff, wsclient.CompressionNoContext, wsclient.CompressionContext} {
		distinct[100+int(n)] = true
	}
	if len(distinct) != 5+3 {
		t.Error("two constants are the same")
	}
	if !errors.Is(wsclient.ErrClosed, net.ErrClosed) {
		t.Error("ErrClosed is not net.ErrClosed")
	}
	if !new(heartbeat.TimeoutError).Timeout() {
		t.Error("a heartbeat's TimeoutError is no timeout")
	}
}
