package wsclient_test

import (
	"bytes"
	"context"
	"errors"
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
	modelBytes      = 2 << 20 // of one program; then messages are small
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
	s.accepted, s.since = true, time.Now()
	s.newest = len(m.links) - 1
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
