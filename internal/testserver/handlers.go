package testserver

import "sync"

// Echo sends every message back and closes when the client does. RSV1 is kept:
// as each message goes back in order, one compressed with context (RFC 7692
// 7.2) is valid in the other direction as it is.
func Echo(p *Peer) {
	for {
		m, err := p.message()
		if err != nil {
			return
		}
		// A write fails after our own Close (CloseAll), and the client's is still
		// to be read; if it fails because the connection did, so does the read.
		_ = p.Write(Frame{Fin: true, Rsv: m.Rsv, Op: m.Op, Payload: m.Payload})
	}
}

// Sink reads everything, answers pings and the Close, and says nothing else.
func Sink(p *Peer) {
	for {
		if _, _, err := p.ReadMessage(); err != nil {
			return
		}
	}
}

// Hold neither reads nor writes until the server closes the connection: the
// peer that has hung, whose kernel still takes bytes.
func Hold(p *Peer) { <-p.Done() }

// Sessions gives the first connection to the first handler, the second to the
// second, and so on; the last one serves the rest.
func Sessions(handlers ...Handler) Handler {
	return func(p *Peer) {
		handlers[min(p.Session(), len(handlers))-1](p)
	}
}

// Recorder collects messages across connections.
type Recorder struct {
	mu       sync.Mutex
	received []Recorded
}

// Recorded is one message and where it came from.
type Recorded struct {
	Session int
	Data    string
}

// Serve is a Handler: Sink, with a memory.
func (r *Recorder) Serve(p *Peer) {
	for {
		_, data, err := p.ReadMessage()
		if err != nil {
			return
		}
		r.mu.Lock()
		r.received = append(r.received, Recorded{Session: p.Session(), Data: string(data)})
		r.mu.Unlock()
	}
}

// Received returns what was recorded, in order of arrival.
func (r *Recorder) Received() []Recorded {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Recorded(nil), r.received...)
}
