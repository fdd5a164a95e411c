package wsclient_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"

	"github.com/steadyws/steadyws/wsclient"
)

// FuzzDelivery runs programs against a client, its network and its server, and
// checks what happened against the promises: see watch, flush and check. Its seeds
// are programs drawn from the numbers 0 to 19. What is known not to hold says so where
// it is let pass.
func FuzzDelivery(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(modelProgramOf(seed))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		m := newModel(p[:min(len(p), 400)])
		defer m.tell(t, p)
		bubble(t, m.server(), m.run)
	})
}

// tell prints a program that has failed.
func (m *model) tell(t *testing.T, p []byte) {
	if !t.Failed() {
		return
	}
	t.Logf("the program %q, %+v:", p, m.opts.Queue)
	for _, line := range m.noted() {
		t.Log(line)
	}
}

// modelProgramOf is the program of a seed.
func modelProgramOf(seed uint64) []byte {
	rnd := rand.New(rand.NewPCG(seed, 4))
	p := make([]byte, 100+rnd.IntN(300))
	for i := range p {
		p[i] = byte(rnd.Uint32())
	}
	return p
}

// run is the program.
func (m *model) run(w *world) {
	m.world = w
	ctx, cancel := context.WithTimeout(w.T.Context(), 1000*time.Hour)
	defer cancel()
	m.ctx = ctx
	m.opts = m.options()
	m.c = w.open(m.opts)
	consumed := make(chan struct{})
	go m.consume(consumed)
	if m.program.next()%4 > 0 {
		if err := m.c.WaitOpen(m.ctx); err != nil {
			m.Fatal(err)
		}
	}
	for len(m.program) > 0 && !m.Failed() {
		m.step()
	}
	if m.early {
		m.locked(func() { m.closing = true })
		m.c.Close()
		w.done(m.c)
	}
	m.heal()
	m.work.Wait()
	if !m.early {
		m.drain()
	}
	<-consumed
	<-time.After(10 * time.Second) // for what is still on its way to the server
	synctest.Wait()
	m.check()
}

// step runs one operation.
func (m *model) step() {
	p := &m.program
	switch op := p.next() % 24; op {
	case 0, 1, 2, 3, 4, 5:
		m.sends(0)
	case 6:
		m.bursts++
		m.sends(m.bursts)
	case 7:
		m.flush(m.wait())
	case 8:
		d := m.wait()
		m.work.Go(func() { m.flush(d) })
	case 9, 10:
		m.pause(m.wait())
	case 11, 12:
		m.cut(op == 11)
	case 13:
		m.note("fin")
		m.srv.CutFIN()
	case 14:
		m.note("rst")
		m.srv.CutRST()
	case 15:
		m.note("freeze")
		m.srv.FreezeAll()
	case 16:
		m.note("thaw")
		m.srv.ThawAll()
	case 17:
		m.stall(p.flag())
	case 18:
		// 1000 may cross that of a Reconnect.
		code := modelPick[uint16](p, 1000, 1001, 1011, 1012, 1013, 1008, 1009, 1003, 4000)
		m.note("server closes with %d", code)
		for _, p := range m.srv.Peers() {
			m.work.Go(func() { // serve reads on
				_ = p.SendClose(ws.StatusCode(code), "")
				limit := time.AfterFunc(5*time.Second, func() { _ = p.FIN() })
				<-p.Done()
				limit.Stop()
			})
		}
	case 19:
		m.note("reconnect")
		m.c.Reconnect("")
	case 20:
		m.outage()
	case 21:
		m.talk(int(p.next()) % 40)
	case 22:
		m.mute(p.flag())
	case 23:
		m.dislike(p.flag())
	}
}

// wait is a time from a millisecond to two minutes.
func (m *model) wait() time.Duration {
	return time.Duration(1+int(m.program.next())) * modelPick(&m.program, time.Millisecond, 10*time.Millisecond, 100*time.Millisecond, 500*time.Millisecond)
}

// pause lets time pass, and looks at the client once nothing moves.
func (m *model) pause(d time.Duration) {
	m.note("pause %v", d)
	<-time.After(d)
	m.watch()
}

func (m *model) cut(up bool) {
	p := &m.program
	n := int(p.next()) * modelPick(p, 1, 16, 256)
	b := p.next()
	f := tapFault{rst: b&1 != 0, silent: b&2 != 0, abrupt: b&4 != 0}
	m.note("cut, up %v, after %d bytes, %+v", up, n, f)
	var l *modelLink
	m.locked(func() {
		if l = m.last(); b&8 != 0 {
			l, m.next = nil, func(l *modelLink) { l.cutAfter(up, n, f) }
		}
	})
	if l != nil {
		l.cutAfter(up, n, f)
	}
}

func (m *model) outage() {
	d := time.Duration(1+int(m.program.next())%100) * time.Millisecond
	if m.program.flag() {
		m.note("drop for %v", d)
		m.srv.DropFor(d)
	} else {
		m.note("refuse for %v", d)
		m.srv.RefuseFor(d, http.StatusServiceUnavailable, nil)
	}
}

// heal ends all faults.
func (m *model) heal() {
	m.note("heal")
	m.srv.Recover()
	m.stall(false)
	m.mute(false)
	m.dislike(false)
	var l *modelLink
	m.locked(func() { l, m.next = m.last(), nil })
	if l != nil {
		l.cutAfter(true, -1, tapFault{})
		l.cutAfter(false, -1, tapFault{})
	}
	m.srv.ThawAll()
	if m.muted {
		m.c.Reconnect("")
	}
}

// drain waits until everything has arrived, and shuts down.
func (m *model) drain() {
	for range 30 {
		if m.flush(5*time.Minute) == nil {
			break
		}
		<-time.After(time.Second) // a mute server's connection is about to be replaced
	}
	<-time.After(2 * time.Second) // what OnConnect has sent may be in the way of a cut
	m.watch()
	if s := m.c.Stats(); s.BufferedAmount != 0 || s.Unconfirmed != 0 {
		m.Errorf("with the server back %d bytes stay buffered, %d unconfirmed", s.BufferedAmount, s.Unconfirmed)
	}
	if err := m.c.Shutdown(m.ctx); err != nil {
		m.Errorf("Shutdown: %v", err)
	}
	m.done(m.c)
}

// consume receives, unless OnMessage does.
func (m *model) consume(done chan struct{}) {
	defer close(done)
	for m.opts.OnMessage == nil {
		msg, err := m.c.Receive(m.ctx)
		if err != nil {
			if !errors.Is(err, wsclient.ErrClosed) {
				m.Errorf("Receive: %v", err)
			}
			return
		}
		m.received(msg)
	}
}

func (m *model) note(format string, args ...any) {
	m.world.note("%8v  %s", m.elapsed(), fmt.Sprintf(format, args...))
}
