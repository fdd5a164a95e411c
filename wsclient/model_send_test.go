package wsclient_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/steadyws/steadyws/wsclient"
)

// Messages begin with their number, in three letters, and go on with text that is
// known: odd ones with some that does not compress.
const (
	modelNumberSize = 3
	modelLetters    = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	modelHello      = -2
	modelBytes      = 6 << 20 // of one program; then messages are small
)

var modelTexture = func() (t [2][]byte) {
	rnd := rand.New(rand.NewPCG(1, 1))
	t[0], t[1] = bytes.Repeat([]byte("steadyws "), 300_000), make([]byte, 2_700_000)
	for i := range t[1] {
		t[1][i] = modelLetters[rnd.Uint32()%64]
	}
	return t
}()

// payload makes that of message id.
func modelPayload(id, size int) []byte {
	if size < modelNumberSize {
		return bytes.Repeat([]byte("?"), size)
	}
	p := make([]byte, 0, size)
	p = append(p, modelLetters[id>>12&63], modelLetters[id>>6&63], modelLetters[id&63])
	return append(p, modelTexture[id&1][id:id+size-modelNumberSize]...)
}

// parse tells what a payload is, and whose; m.mu is held.
func (m *model) parse(p []byte) (modelSent, *modelMessage) {
	switch {
	case string(p) == "!":
		return modelSent{id: modelHello}, nil
	case len(p) < modelNumberSize:
		return modelSent{-1, len(p), len(p) > 0}, nil
	}
	id := 0
	for _, b := range p[:modelNumberSize] {
		id = id<<6 + bytes.IndexByte([]byte(modelLetters), b)
	}
	if id < 0 || id >= len(m.sent) || m.sent[id].size != len(p) || !bytes.Equal(p[modelNumberSize:], modelTexture[id&1][id:id+len(p)-modelNumberSize]) {
		m.Errorf("a message of %d bytes that nobody has sent: %.40q", len(p), p)
		return modelSent{id: -1}, nil
	}
	return modelSent{id, len(p), m.sent[id].again}, m.sent[id]
}

// tally is the count of messages like h, which have no number.
func (m *model) tally(h modelSent) *modelTally {
	if h.again {
		return &m.empty[1]
	}
	return &m.empty[0]
}

// sends sends a few messages: here, if stream is 0, else on a goroutine.
func (m *model) sends(stream int) {
	p := &m.program
	n := 1 + int(p.next()%16)
	size := modelPick(p, 0, 1, 3, 10, 100, 500, 1000, 1000, 5000, 20_000, 65_000, 70_000, 200_000, 600_000, 1_300_000)
	vary := p.flag()
	o := wsclient.SendOptions{Delivery: modelPick(p, 0, 0, wsclient.AtMostOnce, wsclient.AtLeastOnce)}
	class, patience, life := p.next(), m.wait(), m.wait()
	switch class % 8 {
	case 0:
		o.Priority = true
	case 1:
		o.Volatile, o.Delivery = true, 0
	case 2:
		o.Key = "k" + string('a'+class>>6)
	case 3:
		o.Key, o.Priority = "k", true
	}
	if class>>3&7 < 2 {
		o.Expires = time.Now().Add(life)
	}
	var list []*modelMessage
	m.locked(func() {
		for i := range n {
			k := size
			if vary {
				k = size * (i + 1) / n
			}
			if m.bytes += k; m.bytes > modelBytes {
				k = min(k, 100)
			}
			list = append(list, m.register(stream, k, o))
		}
	})
	m.note("send %d of up to %d bytes on stream %d from number %d, %+v, within %v", n, size, stream, list[0].id, o, patience)
	all := func() {
		ctx, cancel := context.WithTimeout(m.ctx, patience)
		defer cancel()
		for _, s := range list {
			m.send(ctx, s, patience)
		}
	}
	if stream == 0 {
		all()
	} else {
		m.work.Go(all)
	}
}

// register gives a message its number; m.mu is held.
func (m *model) register(stream, size int, o wsclient.SendOptions) *modelMessage {
	s := &modelMessage{id: -1, stream: stream, size: size, o: o}
	delivery := o.Delivery
	if size < modelNumberSize { // its size is all that tells its class
		s.o = wsclient.SendOptions{Delivery: wsclient.AtMostOnce + wsclient.Delivery(min(size, 1))}
		delivery = s.o.Delivery
	} else {
		s.id = len(m.sent)
		m.sent = append(m.sent, s)
	}
	if delivery == 0 && !o.Volatile {
		delivery = m.opts.Queue.Delivery
	}
	s.again = delivery == wsclient.AtLeastOnce
	return s
}

func (m *model) send(ctx context.Context, s *modelMessage, patience time.Duration) {
	msg := wsclient.Message{Type: wsclient.BinaryMessage - wsclient.MessageType(s.size&1), Data: modelPayload(max(0, s.id), s.size)}
	began := time.Now()
	var err error
	if s.o == (wsclient.SendOptions{}) {
		err = m.c.Send(ctx, msg)
	} else {
		err = m.c.SendWith(ctx, msg, s.o)
	}
	took := time.Since(began)
	clear(msg.Data) // it is ours
	m.mu.Lock()
	defer m.mu.Unlock()
	m.judge(s, err, took, patience)
	if err != nil {
		s.refused = true
		return
	}
	s.accepted, s.since = m.event(), time.Now()
	for _, l := range m.links {
		s.session = max(s.session, l.session)
	}
	if s.id < 0 {
		m.tally(modelSent{again: s.again}).accepted++
	}
}

// judge looks at what Send has returned, and when.
func (m *model) judge(s *modelMessage, err error, took, patience time.Duration) {
	if err != nil && !errors.Is(err, wsclient.ErrNotSent) {
		m.Errorf("Send of %d: %v", s.id, err)
	}
	switch {
	case took > patience:
		m.Errorf("Send of %d took %v, its context %v", s.id, took, patience)
	case took > 0 && (m.opts.Queue.Overflow != wsclient.OverflowBlock || s.o.Volatile):
		m.Errorf("Send of %d has waited for %v", s.id, took)
	case int64(s.size) > m.opts.Queue.MaxBytes && !errors.Is(err, wsclient.ErrTooLarge) && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, wsclient.ErrClosed):
		m.Errorf("Send of %d bytes: %v", s.size, err)
	}
}

// flush flushes, and checks what that says.
func (m *model) flush(d time.Duration) error {
	ctx, cancel := context.WithTimeout(m.ctx, d)
	defer cancel()
	var before []*modelMessage
	var began, untold, begun int
	var alone bool // else it is open which of them is told of a drop
	m.locked(func() {
		for _, s := range m.sent {
			if s.accepted > 0 {
				before = append(before, s)
			}
		}
		began, untold = m.event(), m.untold
		m.untold = 0
		m.flying++
		m.begun++
		begun = m.begun
		alone = m.flying == 1
	})
	start := time.Now()
	err := m.c.Flush(ctx)
	m.note("flushed after %v: %v", time.Since(start), err)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.flying--
	m.flushed = m.elapsed()
	alone = alone && begun == m.begun
	if _, told := errors.AsType[*wsclient.UnconfirmedError](err); err != nil && !told && alone {
		m.untold += untold
	}
	if took := time.Since(start); took > d {
		m.Errorf("Flush took %v, its context %v", took, d)
	}
	if errors.Is(err, wsclient.ErrNoConfirmation) && !m.muted {
		m.Errorf("Flush: %v, and every ping was answered", err)
	}
	if err != nil {
		return err
	}
	if m.closing {
		return nil // known: a Flush behind Close says nothing of what Close has dropped
	}
	if untold > 0 && alone {
		m.Errorf("Flush says nothing of %d messages that were dropped before", untold)
	}
	for _, s := range before {
		if why := m.unread(s, began, start.Sub(m.start), alone); why != "" {
			m.Errorf("Flush says that all was read, and of message %d: %s", s.id, why)
		}
	}
	return nil
}

// unread says why a Flush that began then had no right to return nil for the
// sake of s; m.mu is held.
func (m *model) unread(s *modelMessage, began int, start time.Duration, alone bool) string {
	switch {
	case len(s.arrived) > 0:
	case len(s.dropped) > 0 && s.dropped[0] < began:
	case len(s.dropped) > 0 && !alone:
	case len(s.dropped) > 0:
		return fmt.Sprint("it was dropped: ", s.reason)
	case len(s.handed) == 0:
		return "it was not handed over"
	default: // lost at a cut before
		l := m.links[s.handed[len(s.handed)-1].link]
		if s.again || l.gone < 0 || l.gone > start {
			return "it has not arrived"
		}
	}
	return ""
}
