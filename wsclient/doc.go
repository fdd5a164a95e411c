// Package wsclient is a WebSocket client (RFC 6455) that never sits on a dead
// feed: it dials, notices silence, reconnects with jittered backoff, and keeps a
// bounded, honest send queue. The program above it reads messages and sends
// messages.
//
//	c, err := wsclient.Dial(ctx, "wss://feed.example/ws", nil)
//	...
//	for m, err := range c.Messages(ctx) {
//		...
//	}
//
// What follows is the contract. Each promise has a test that fails when it is
// broken; docs/promises.md names it.
//
// # Liveness
//
// Only received bytes prove life: any frame, any part of one. What we send never
// postpones a probe. After Heartbeat.Interval of silence a probe goes out; when,
// Heartbeat.Timeout after it was written, still nothing has been received, the
// connection is dead: blocked reads and writes are released at once and
// ReadyState tells the truth.
//
// While nobody reads (a slow OnMessage, a full inbox under OverflowBlock) silence
// proves nothing: the verdict is on hold, and the Timeout starts anew when a read
// finds the socket empty. Probes still go out every Interval meanwhile. A peer's
// own ping then waits behind the unread data, and the peer may drop us for it.
//
// A write fails when the kernel has taken no byte of it for WriteTimeout; a slow
// upload is not a dead peer. Before a verdict the kernel is asked for unread
// bytes (on Linux, beneath TLS too); if it has some, or if the timer itself came
// late by more than Timeout/10, the connection gets one more Timeout.
//
// A heartbeat may be made of messages too: Heartbeat.Probe sends them, and hides what
// answers them; Heartbeat.Reply answers the peer's; under Passive, or Expect, the peer
// beats alone. Package heartbeat has a Policy for many feeds, and OnConnect can set the
// one that a greeting asks for. Under AnswersOnly no other byte proves life. A stream
// that dries up on a link that lives is for StaleAfter to notice. A machine that has
// slept probes at once when it wakes, and does not wait out its backoff.
//
// # Order
//
// Messages leave in the order in which Send accepted them, text and binary
// alike, and arrive in the order in which the peer sent them. Each carries its
// Session: 1 for the first connection, then one more for each. Where it changes
// there may be a gap, and nowhere else save where the inbox was told to throw
// away or to replace (see Back-pressure). OnClose may come before a Receive of
// that connection's last messages, which are in the inbox: Session is the truth.
//
// # Loss
//
// Send returning nil means accepted: the message is in the bounded queue. What
// was not handed to the kernel whole when a connection dies stays queued, in
// order, for the next one; so does a message that was cut in the middle: without
// its last byte it is none (RFC 6455 5.2). Messages whose last byte was handed
// over and which are not confirmed are uncertain. What becomes of them is the
// queue's Delivery, or that of the message:
//
//	AtMostOnce   they are never sent twice, and reported as an
//	             [*UnconfirmedError] to OnError: how many, how many bytes, and
//	             with KeepUnconfirmed the messages themselves
//	AtLeastOnce  they go again on the next connection: what OnConnect sends,
//	             then they, then the rest; those the peer has read come twice
//
// A message that makes the peer close would go again for ever. If the Close code
// is 1003, 1007, 1008 or 1009, and reconnect.Policy.Classify wants a retry, those
// that were unconfirmed then go one at a time, each alone until it is confirmed.
// One that the peer closes over while it is the only message unconfirmed, those of
// OnConnect included, is taken out and reported; UnconfirmedError.Rejected has the
// code. A cut without a Close never counts.
//
// All of this is memory: what the process holds is lost with it.
//
// A write error ends only the writing. What the peer said before, such as the
// Close code that explains it, is still read, for at most a second.
//
// # Confirmation
//
// The levels are Queued < Written (the kernel has it) < Confirmed (the peer's
// WebSocket layer has read it). Confirmed is not "processed". TCP is ordered, so
// the pong to a ping confirms all that was written before the ping (RFC 6455
// 5.5.3). While anything is unconfirmed such pings follow: within a burst before
// more than 64 KiB are behind none (16 KiB if some of it would have to go again; a
// larger message is alone between two), and behind the last message one per round
// trip, at least a second apart, or at once if somebody waits for it. Under
// heartbeat.Off, or with a Probe that is a message, they go only if a Flush waits
// or something is kept until it is confirmed; under Passive never. One goes
// before our Close, if something is unconfirmed; where none do, or the peer does not
// echo them, its echo of our Close confirms.
//
// A hop that answers pings itself, as some proxies do, confirms only that the hop
// has read: nobody at our end can tell. For such ways, and for Passive, there is
// Queue.Ack: messages that have a SendOptions.ID are confirmed when the server
// acknowledges it, and not by pongs. That works in any order, and on a later
// connection for what waits to go again.
//
// Flush waits for confirmation. It fails with an [*UnconfirmedError] if a cut or a
// drop has cost some of what it waits for; what was dropped before is told by the
// first Flush after it. Where confirmation cannot be had it says
// [ErrNoConfirmation]: at once under Passive; otherwise after a Timeout in which
// only pongs with other payloads came, and then at once for the rest of the
// connection. If messages that have to be confirmed are out, OnError is told so.
//
// # Back-pressure
//
// The send queue is bounded in bytes and in messages. What is kept until it is
// confirmed (AtLeastOnce, KeepUnconfirmed, ID) counts too, though not in
// BufferedAmount, which is the payload accepted and not yet handed to the kernel.
// That does not lie low because the kernel swallowed megabytes: on Linux it takes
// at most 128 KiB that it cannot send (TCP_NOTSENT_LOWAT). OnLow runs when
// BufferedAmount falls to LowWater. What Send does when the queue is full:
//
//	OverflowBlock       waits for room, first come, first served. While a
//	                    callback runs, which might wait for that Send, it fails
//	                    with ErrQueueFull instead: at once if there is no
//	                    connection, else after WriteTimeout
//	OverflowReject      fails with ErrQueueFull
//	OverflowDropOldest  drops those that have waited longest, as many as it takes;
//	                    not what is being written or kept: if it would take that,
//	                    the new one
//	OverflowDropNewest  drops the new one, and returns nil
//	OverflowDisconnect  fails with ErrQueueFull, and the connection, if it is open,
//	                    ends: the peer is too slow
//
// SendWith has classes: Key (the newest of each key, in the place of the first),
// Expires (never begun after it), Volatile (only on this connection), Priority (ahead, with as much room
// for itself, never dropped for want of it), Delivery and ID. Nothing that was
// accepted is thrown away without a word: Stats.Drops counts by reason,
// Trace.Dropped gets the message, Flush fails.
//
// The inbox is bounded too; an empty one takes one message of any size up to
// MaxMessage. What happens when it is full is Inbox.Overflow's to say:
//
//	OverflowBlock       nothing is read, so TCP makes the peer wait; the bound
//	                    may be exceeded by what one read brought
//	OverflowDropOldest  the oldest messages make room for the new one
//	OverflowDropNewest  the new message is thrown away
//	OverflowDisconnect  so it is, and the connection ends with a Close 1008 and
//	                    [ErrInboxFull], as a loss: what is in the inbox stays,
//	                    and the client connects again
//
// Inbox.Key keeps only the newest message of each key, in the place where the
// first one stood: of a symbol, say, the newest price. Nothing is thrown away or
// replaced without a word: Message.Dropped says where the hole is and how large,
// Stats.DroppedIn counts them all, and Stats.InboxLag says how far behind
// Receive is. While Shutdown drains, what does not fit is thrown away.
//
// With OnMessage there is no inbox: while it runs nothing is read.
// Trace.SlowMessage tells of one that takes too long, while it still does.
//
// # Compression
//
// Options.Compression offers permessage-deflate (RFC 7692). Every legal answer is
// taken, an illegal one fails the handshake. MaxMessage counts inflated bytes, and
// a message that is being put together holds no more memory than that and a
// window: compressed bytes are not kept besides. Each message is compressed when
// it leaves, in the order in which it leaves, unless it is too small or gets no
// smaller. An idle connection holds no compressor and no decoder; with context it
// remembers up to 45 KiB of what was said.
//
// # Reconnection
//
// For ever by default, with full jitter (before the first retry too) and a cap.
// Only a connection that lasted Reconnect.Stable ends a losing streak: a server
// that accepts and drops is met with a growing backoff. A peer's Close codes
// 1002, 1003 and 1007 to 1010 end the client, all others are retried. HTTP 408,
// 425, 429 and 5xx are retried, with Retry-After as a floor; 401 and 403 go once
// more through Prepare, at once, and then end; other answers end the client only
// if it was never open. A certificate error ends it before the first open.
// Reconnect.Classify may judge otherwise, and package reconnect has the Close codes
// of some services. A hook's error is a failed attempt, never the end, unless
// reconnect.Permanent wraps it.
//
// With Endpoints a failed attempt is followed by one at the next of them, at once;
// the client sleeps when each was tried, and begins again with the one that had the
// last stable connection. Clients that share a Reconnect.Limiter come back no
// faster than it says. CloseEvent.Wait is all of the wait. Within a connection
// Options.Rate bounds what leaves.
//
// The way there may lead through proxies, of Options.Proxy or the environment. A
// proxy that refuses is judged as the server is, save that no fresh credentials help.
// Redirects are refused unless Options.Redirects allows them.
//
// # Closing
//
// Close never blocks and may be called anywhere. It drops the queue, tells the
// peer 1000 if that can be said at once, and Done is closed when the last
// goroutine has ended, within about a second. Shutdown drains the queue, waits
// for confirmation and does the closing handshake; its error counts what was left,
// lost or dropped meanwhile. After our Close frame we half-close, read to the end
// and only then close, so that no RST destroys what was said.
//
// What they mean in each state:
//
//	            connecting           open                closing             closed
//	Send        queues; Volatile     queues              ErrClosed           ErrClosed
//	            fails
//	Flush       waits for a          waits for the pong  goes on while       ErrClosed
//	            connection, then                         Shutdown drains;
//	            for the pong                             ErrClosed by Close
//	Shutdown    connects first, if   drains, confirms,   waits for the end   nil
//	            something is queued  closes              too
//	Close       gives up             drops, says 1000    hurries             nothing
//
// Connecting is also what follows a loss. With nothing queued or unconfirmed Flush
// returns at once, unless the client is closing by Close, or closed.
//
// A Client that is dropped without Close leaks; context.AfterFunc ties it to a
// context, see the example.
//
// # Goroutines
//
// An idle connection costs one goroutine, which reads, and on which OnOpen,
// OnMessage, OnError and OnClose run, in the order of the events; a second one
// exists while there is something to write that nobody has written without
// waiting: the reader behind the callbacks, or, on plain TCP, a Send on a quiet
// connection, which then includes a system call. Nothing waits for ever: every
// wait takes a context or has a limit, and no lock is held while user code runs.
//
// # Errors
//
// An error answers "is it over?" and "did the message leave?":
//
//	*OptionError                   it never began
//	ErrClosed                      over, by us; Is net.ErrClosed
//	ErrNotSent (in the chain)      the message has not left and will not
//	ErrQueueFull, ErrTooLarge      not over; with ErrNotSent
//	*UnconfirmedError              not over; unknown whether they arrived
//	ErrNoConfirmation              not over; unknown
//	ErrInboxFull                   not over: Inbox.Overflow ended a connection
//	*HandshakeError, *CloseError   over if the policy says so
//	*heartbeat.TimeoutError        not over
//	*ProtocolError                 not over: we failed the peer
//	*GaveUpError                   over
//	*codec.Error                   not over: it is about one item
//
// Their text has no credentials: userinfo, tokens and query values are left out.
package wsclient
