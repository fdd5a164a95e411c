package wsclient

import "time"

// Stats is a snapshot of a client.
type Stats struct {
	ReadyState ReadyState
	Session    int       // of the current or last connection that was open; 0: none yet
	Attempts   int       // failed attempts of the losing streak; 0 while Open
	Dials      uint64    // attempts ever made, failed or not
	Next       time.Time // when the next attempt begins; zero: none is waited for

	MessagesIn, MessagesOut uint64 // received; handed to the kernel, what OnConnect sends too
	BytesIn, BytesOut       uint64 // their payload
	DroppedIn, DroppedOut   uint64 // messages that were accepted and thrown away
	ReplacedIn              uint64 // of DroppedIn, those replaced by a newer one of the same Inbox.Key

	Drops Drops // DroppedOut by reason

	Throttled time.Duration // for how long Options.Rate has held up messages

	BufferedAmount int64 // as the method
	Unconfirmed    int64 // payload bytes handed to the kernel and not confirmed by a pong
	KernelBuffered int64 // bytes that the kernel holds, frames and TLS included; -1: unknown
	InboxMessages  int   // received and not taken yet
	InboxBytes     int64
	InboxLag       time.Duration // since the message that Receive returns next was received; 0: there is none

	RTT, RTTSmoothed, RTTVar time.Duration // of the current or last connection; 0: not measured
	LastReceived             time.Time     // the last byte from any connection; zero: none yet
}

// Stats returns a snapshot.
func (c *Client) Stats() Stats {
	s := Stats{
		ReadyState:     c.ReadyState(),
		Session:        int(c.sessions.Load()),
		Attempts:       int(c.attempts.Load()),
		Dials:          c.dials.Load(),
		MessagesIn:     c.messagesIn.Load(),
		BytesIn:        c.bytesIn.Load(),
		KernelBuffered: -1,
	}
	if at := c.nextAt.Load(); at != 0 {
		s.Next = c.q.base.Add(time.Duration(at))
	}
	if c.in != nil {
		c.in.stats(&s)
	}
	k := c.current.Load()
	c.q.mu.Lock()
	s.MessagesOut, s.BytesOut = c.q.out.n, uint64(c.q.out.all)
	if l := c.q.losses; l != nil {
		s.DroppedOut, s.Drops = l.drops.sum(), l.drops.counts()
	}
	s.BufferedAmount = c.q.buffered()
	s.Unconfirmed = c.q.window.bytes()
	s.Throttled = c.q.throttled
	if c.q.link != nil {
		s.Throttled += c.q.link.pace.throttled(time.Now())
	}
	if k != nil {
		s.RTT, s.RTTSmoothed, s.RTTVar = k.w.barriers.rtt.Last, k.w.barriers.rtt.Smoothed, k.w.barriers.rtt.Var
	}
	c.q.mu.Unlock()
	if k != nil {
		s.LastReceived = c.q.base.Add(k.lastHeard())
		s.KernelBuffered = k.sock.kernelBuffered()
	}
	return s
}

// BufferedAmount returns the payload bytes that were accepted and not yet handed
// to the kernel. It keeps its last value after the end, as a browser's does.
func (c *Client) BufferedAmount() int64 {
	c.q.mu.Lock()
	defer c.q.mu.Unlock()
	return c.q.buffered()
}

// URL returns the URL of the current or last connection, or else the one given
// to New. Credentials and the values of its query are left out.
func (c *Client) URL() string {
	if k := c.current.Load(); k != nil {
		return k.target.text
	}
	return c.endpoints[0].target.text
}

// Subprotocol returns the one that the server chose for the current or last
// connection, or "".
func (c *Client) Subprotocol() string {
	if k := c.current.Load(); k != nil {
		return k.agreed.Protocol
	}
	return ""
}

// Extensions returns those negotiated for the current or last connection, or "".
func (c *Client) Extensions() string {
	if k := c.current.Load(); k != nil {
		return k.extensions()
	}
	return ""
}
