package wsclient

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/steadyws/steadyws/heartbeat"
	"github.com/steadyws/steadyws/reconnect"
)

// Options configure a Client. nil and the zero value are production defaults;
// each field says what its zero means, and negative means "off" where that
// makes sense. New copies what it is given (Header, Jar's reference, TLS, the
// slices); later changes have no effect, and one Options may serve many clients.
//
// The callbacks OnOpen, OnMessage, OnError and OnClose run one at a time on the
// client's own goroutine, in the order of the events. While one of them runs
// nothing is read. Send, Close, CloseWith, Reconnect and Stats may be called in
// them; methods that wait for what that goroutine delivers (Flush, Ping,
// Receive, Shutdown, WaitOpen) would wait until their ctx ends. A panic in a
// callback is not recovered.
type Options struct {
	// Header is sent with each opening handshake: Origin, Authorization, Host
	// and the like. Hop-by-hop fields, Sec-WebSocket-* and values with CR, LF
	// or NUL are an *OptionError.
	Header http.Header
	// Jar keeps cookies across reconnects, as http.Client's does; nil: none.
	Jar http.CookieJar
	// Prepare runs before every attempt, for at most ConnectTimeout: it may
	// set a fresh token in a.Header or another a.URL. Its error is a failed
	// attempt, unless reconnect.Permanent wraps it. After a 401 or 403 it is
	// asked once more at once. nil: every attempt is the same.
	Prepare func(ctx context.Context, a *Attempt) error
	// Endpoints are more URLs of the same feed, for failover. An attempt that fails
	// is followed by one at the next of them, at once, until each was tried; then
	// comes the backoff, and the round begins anew with the one that had the last
	// stable connection. Those that fail come last; a Retry-After holds up only the
	// one that asked for it. The loss of an open connection is followed by a wait in
	// any case, and leads back to the same one first. Limits of Reconnect count all
	// attempts. One that stands there twice counts once; a bad URL is an
	// *OptionError that names it: "Endpoints[0]". nil: only the URL given to New.
	Endpoints []string
	// Subprotocols are offered in this order (RFC 6455 1.9). If there are any,
	// the server has to choose one of them.
	Subprotocols []string
	// Compression offers permessage-deflate (RFC 7692); zero: off. A server that
	// declines is spoken to without it.
	Compression Compression
	// TLS configures wss; nil: defaults. The minimum version is raised to 1.2,
	// ALPN is always http/1.1, an empty ServerName is the host of each
	// connection's URL. Without a ClientSessionCache each client has one of its
	// own, so that a reconnect resumes the session; but not beside
	// VerifyPeerCertificate, which no resumed connection is shown to.
	TLS *tls.Config
	// Proxy returns the proxy for a request, or nil; ws asks as http, wss as
	// https. It is asked before each connection, on a goroutine of the client's;
	// the request's context ends with the attempt. nil:
	// http.ProxyFromEnvironment, which obeys HTTP_PROXY, HTTPS_PROXY and NO_PROXY
	// and never names one for loopback.
	//
	// The schemes are http and https (CONNECT, with Basic auth from the URL) and
	// socks5 (user and password likewise). The proxy looks up the host, under
	// socks5 as under socks5h. An https proxy is verified against TLS.RootCAs and
	// its own name; nothing else of TLS that is about the server holds for it. A
	// proxy that refuses is a *HandshakeError whose Proxy is set; one that is no
	// such URL is an *OptionError and ends the client.
	Proxy func(*http.Request) (*url.URL, error)
	// NetDial makes the TCP connection (or another stream), to the proxy if there
	// is one; nil: net.Dialer's, which tries all addresses of the host.
	NetDial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Redirects is how many redirects an attempt follows; 0: none, they are a
	// *HandshakeError that says where to. http and https are taken as ws and wss,
	// and wss is never left for ws. What goes to another host or port than the
	// attempt began with, and to all after it, is the request without its
	// credentials: of Header, and what Prepare made of it, Origin and User-Agent
	// alone, no userinfo of the URL, and Jar's cookies for that host.
	// Subprotocols go everywhere: do not hide a token among them. The next
	// attempt begins at the URL again.
	Redirects int

	DialTimeout    time.Duration // proxy, TCP, TLS, upgrade and redirects together; 0: 10 s; negative: none
	ConnectTimeout time.Duration // Prepare and OnConnect, each; 0: 30 s; negative: none
	// WriteTimeout bounds how long the kernel may take no byte of a write
	// before the connection counts as dead; 0: 10 s; negative: for ever.
	WriteTimeout time.Duration
	// CloseTimeout bounds the closing handshake; 0: 5 s; negative: not waited for.
	CloseTimeout time.Duration
	// MaxMessage is the largest message received, in bytes, after inflating;
	// 0: 16 MiB. A larger one fails the connection with 1009 and ends the
	// client: it would come again.
	MaxMessage int64

	// OnConnect logs in and subscribes: it runs on each new connection before
	// any queued message goes out and before the client is Open, on the
	// client's goroutine, for at most ConnectTimeout. Its error is a failed
	// attempt, unless reconnect.Permanent wraps it. It sends with conn: a
	// Client.Send into a full queue would wait for what comes after it.
	OnConnect func(ctx context.Context, conn *Conn) error

	// StaleAfter: a stream can die on a living link. If no message for the user
	// comes for so long while the client is Open, OnError and Trace.Stale hear of it,
	// once in each such silence, as a *heartbeat.StaleError. The heartbeat's own
	// messages do not count; nor does the time while nothing is read. 0: never.
	StaleAfter time.Duration
	// StaleQuiet reports whether silence at now means nothing: a market is closed,
	// say. Such hours do not count; a silence that outlasts them counts from the
	// first look after their end, and there are eight in StaleAfter. It runs on a
	// goroutine of its own and must not block. nil: there are none.
	StaleQuiet func(now time.Time) bool
	// StaleReconnect: stale data also ends the connection, as Reconnect does.
	StaleReconnect bool

	Heartbeat heartbeat.Policy // zero: control ping after 15 s of silence, dead 10 s later
	Reconnect reconnect.Policy // zero: for ever, full jitter from 250 ms to 30 s
	Queue     QueueOptions     // zero: 1 MiB and 4096 messages, Send blocks
	Rate      Rate             // of what leaves on each connection; zero: no limit
	Inbox     InboxOptions     // zero: 4 MiB and 4096 messages, reading blocks

	OnOpen func(*Conn) // a connection is open
	// OnMessage gets every message on the reading goroutine; Data is valid
	// only during the call. With it, Receive and Messages are an *OptionError.
	OnMessage func(Message)
	// OnError: a loss, a failed attempt, unconfirmed messages, or ErrNoConfirmation if
	// a peer does not confirm what has to be confirmed; not the end by itself.
	OnError func(error)
	// OnClose: one connection, or attempt, has ended. While it runs, as while
	// OnError does, a Send that finds the queue full fails with ErrQueueFull, on
	// whichever goroutine: the callback might be waiting for it.
	OnClose func(CloseEvent)

	Logger *slog.Logger // nil: silent. State changes Info, retries Warn, the end Error
	Trace  *Trace       // nil: none
}

// An Attempt is one try to connect, as Prepare sees it. It is fresh for each.
type Attempt struct {
	Number int         // from 1 in this losing streak
	URL    string      // of the endpoint; may be changed
	Header http.Header // never nil; may be changed
	Err    error       // why the last attempt, or connection, failed; nil: first of all
}

// A CloseEvent tells that one connection ended, or one attempt failed.
type CloseEvent struct {
	Session  int        // 0: an attempt that never opened
	Code     StatusCode // the peer's Close code; StatusAbnormalClosure if none came
	Reason   string
	WasClean bool          // both Close frames were exchanged
	Err      error         // why it ended; Is ErrClosed if we ended it
	Retry    bool          // the client will connect again
	Wait     time.Duration // until it does, what Retry-After and Reconnect.Limiter ask for included
	Uptime   time.Duration // how long the connection was open
	URL      string        // where it led, or was to; without credentials and query values
}

// QueueOptions bound the send queue.
type QueueOptions struct {
	// MaxBytes and MaxMessages bound the payload bytes and the messages that were
	// accepted and not handed to the kernel, and those that are kept until they are
	// confirmed (AtLeastOnce, KeepUnconfirmed, SendOptions.ID). Priority messages
	// have the same bounds once more, for themselves. 0: 1 MiB, and 4096.
	MaxBytes    int64
	MaxMessages int
	Overflow    Overflow // what Send does when the queue is full; zero: OverflowBlock
	Delivery    Delivery // zero: AtMostOnce. AtLeastOnce beside a Passive heartbeat is an *OptionError

	// OnLow runs when BufferedAmount falls to LowWater or below after it was above,
	// as an RTCDataChannel's bufferedamountlow: on the client's goroutine, like
	// the other callbacks, so it waits for the end of a dial that is under way.
	// LowWater without OnLow is an *OptionError.
	LowWater int64
	OnLow    func()

	// KeepUnconfirmed keeps the messages themselves until they are confirmed, for
	// UnconfirmedError.Lost. AtLeastOnce keeps them anyway. Beside a Passive heartbeat
	// those with an ID are kept; without Ack it is an *OptionError there.
	KeepUnconfirmed bool

	// Ack looks at every received message and says which SendOptions.ID it
	// acknowledges, for servers that confirm by id; upTo: with it all that left
	// before it. Messages with an ID are then confirmed by it alone, not by pongs.
	// It runs on the reading goroutine; m.Data is valid only during the call. The
	// message is received all the same.
	Ack func(m Message) (id string, upTo, ok bool)
}

// InboxOptions bound what was received and not yet taken by Receive. An empty
// inbox takes one message of any size. With OnMessage there is no inbox, and
// Overflow and Key are an *OptionError.
//
// Whatever is thrown away or replaced is counted in Stats.DroppedIn, and in the
// Dropped of the message behind the hole.
type InboxOptions struct {
	MaxBytes    int64 // payload bytes; 0: 4 MiB
	MaxMessages int   // 0: 4096
	// Overflow says what happens when the inbox is full. Under OverflowBlock
	// (zero) nothing is read until there is room; the bound may be exceeded by
	// what one read brought. The others read on and keep to the bound, message by
	// message. OverflowDropOldest throws away the first messages until the new one
	// fits, OverflowDropNewest the new one. OverflowDisconnect throws away what
	// does not fit and all that was read behind it, and ends the connection with a
	// Close 1008 and ErrInboxFull; what is in the inbox stays, and the client
	// connects again, after the backoff. OverflowReject is an *OptionError.
	Overflow Overflow
	// Key returns what a message is about, such as a price's symbol; "": nothing.
	// A message takes the place of the one of the same key and session that is
	// still in the inbox: the newest of each key is received, in the order in
	// which the keys came first. If it does not fit even so, Overflow decides. Key
	// runs on the reading goroutine, once for each message that comes into the
	// inbox: it must be quick, and neither change Data nor keep it. nil: no message
	// is replaced. Messages that were read together share memory, at most 16 KiB,
	// which a key that is seldom renewed keeps beyond MaxBytes.
	Key func(Message) string
}

// SendOptions are the classes of one message; zero is as Send.
type SendOptions struct {
	// Key: a message of the same key that waits in the queue is replaced, in its
	// place, whatever its other classes; it counts as dropped. Priorities have keys
	// of their own. "": none.
	Key string
	// Expires: the message is never begun after it, and is then dropped; Send fails
	// with ErrNotSent if it has passed. Begun is what the kernel has a part of, or,
	// over TLS, what is in the 16 KiB that are being written. Zero: never.
	Expires time.Time
	// Volatile: only if it can leave now. Send fails with ErrNotSent unless the
	// client is Open, and does not wait for room; what has not left when the
	// connection ends is dropped.
	Volatile bool
	// Priority: ahead of other messages, after what OnConnect sends; never dropped
	// for want of room.
	Priority bool
	Delivery Delivery // zero: the queue's
	// ID is what QueueOptions.Ack confirms the message by; without Ack it is an
	// *OptionError. "": by pongs.
	ID string
}

// Overflow says what happens when a queue is full.
type Overflow int

// What may happen when a queue is full. In the send queue a message that the
// writer has in its hands, or that waits for its confirmation, is not dropped.
const (
	OverflowBlock      Overflow = iota // wait for room
	OverflowReject                     // refuse the new message: ErrQueueFull
	OverflowDropOldest                 // drop the messages that have waited longest, as many as it takes
	OverflowDropNewest                 // drop the new message; Send returns nil
	OverflowDisconnect                 // refuse the new message, and end the connection: it is retried
)

// Delivery says what becomes of a message whose fate a lost connection left
// unknown.
type Delivery int

// The levels of delivery; zero is the queue's, and AtMostOnce there.
const (
	AtMostOnce  Delivery = 1 // it is reported and never sent twice
	AtLeastOnce Delivery = 2 // it is sent again
)
