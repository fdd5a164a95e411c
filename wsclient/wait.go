package wsclient

import (
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/steadyws/steadyws/reconnect"
)

// An endpoint is one of the URLs that lead to the feed.
type endpoint struct {
	url    string
	target target // that url means
}

// parseEndpoints parses the URL of New and those of Options.Endpoints. Those that
// stand there twice count once.
func parseEndpoints(first string, o *Options) (list []endpoint, err error) {
	urls := []string{first}
	if o != nil {
		urls = append(urls, o.Endpoints...)
	}
	for i, raw := range urls {
		e := endpoint{url: raw}
		err := e.target.parse(raw)
		switch {
		case err != nil && i == 0:
			return nil, &OptionError{"url", err}
		case err != nil:
			return nil, &OptionError{"Endpoints[" + strconv.Itoa(i-1) + "]", err}
		case !slices.ContainsFunc(list, func(o endpoint) bool { return o.url == raw }):
			list = append(list, e)
		}
	}
	return list, nil
}

// A plan is the attempt that comes next.
type plan struct {
	number int   // in its losing streak
	last   error // why the one before failed
	to     *endpoint
	wanted time.Time              // when it is to begin
	at     time.Time              // when it will, as far as is known
	held   bool                   // the Limiter has put it off
	place  *reconnect.Reservation // nil: there is no Limiter
}

// plan plans the next attempt, within the Limiter.
func (c *Client) plan(step reconnect.Step, last error, now time.Time) plan {
	p := plan{number: step.Attempts + 1, last: last, to: &c.endpoints[step.Endpoint], wanted: now.Add(step.Wait)}
	if p.at = p.wanted; c.opts.Reconnect.Limiter != nil {
		p.place = c.opts.Reconnect.Limiter.Reserve(strings.ToLower(p.to.target.addr), now, p.wanted)
		p.at = p.place.Time()
		p.held = p.at.After(p.wanted)
	}
	return p
}

// begin reports whether the attempt may begin now. If not, it is to be asked again
// at p.at, or if that is past when there is a token in changed.
func (p *plan) begin(now time.Time) (ok bool) {
	if p.place == nil {
		return !p.at.After(now)
	}
	if p.place.Begin(now) {
		return true
	}
	p.at = p.place.Time()
	p.held = p.held || p.at.After(p.wanted) || !now.Before(p.wanted)
	return false
}

// hasten lets the attempt begin now, or as soon as the Limiter lets it.
func (p *plan) hasten(now time.Time) {
	if p.wanted.After(now) {
		p.wanted, p.at, p.held = now, now, false
	}
	if p.place != nil {
		p.place.Hasten(now)
	}
}

// sooner cuts the wait short by what the machine has slept.
func (p *plan) sooner(d time.Duration) {
	if now := time.Now(); d > 0 && p.wanted.After(now) {
		p.wanted, p.at = p.wanted.Add(-d), p.at.Add(-d)
		if p.place != nil && !p.wanted.After(now) {
			p.place.Hasten(now)
		}
	}
}

// changed has a token when begin may say something else than before.
func (p *plan) changed() <-chan struct{} {
	if p.place == nil {
		return nil
	}
	return p.place.Changed()
}

// end notes that the attempt is over, or will not be made.
func (p *plan) end() {
	if p.place != nil {
		p.place.End(time.Now())
	}
}

// pause waits until the attempt may begin; Reconnect cuts that short. false: the
// client was closed meanwhile.
func (c *Client) pause(p *plan) bool {
	now := time.Now()
	ok, over := c.due(p, now)
	if over { // as the first one mostly is
		return ok
	}
	defer c.nextAt.Store(0)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	asleep := newAsleep()
	defer asleep.stop()
	for !over {
		c.nextAt.Store(int64(max(p.at.Sub(c.q.base), now.Sub(c.q.base))))
		if timer.Stop(); p.at.After(now) {
			timer.Reset(p.at.Sub(now))
		}
		select {
		case <-timer.C:
		case <-asleep.look.C:
			p.sooner(asleep.check())
		case <-p.changed():
		case <-c.again.wait():
			p.hasten(time.Now())
		case <-c.q.low.bell:
			c.callLow()
		}
		now = time.Now() // for both: what is due and how long to wait
		ok, over = c.due(p, now)
	}
	return ok
}

// due reports whether the wait is over, and whether the attempt may begin.
func (c *Client) due(p *plan, now time.Time) (ok, over bool) {
	if c.stopping.Load() != nil {
		p.end()
		return false, true
	}
	if !p.begin(now) {
		return false, false
	}
	c.limited(p, now)
	return true, true
}

// limited tells how long the Limiter has held up an attempt that begins now.
func (c *Client) limited(p *plan, now time.Time) {
	if !p.held {
		return
	}
	held := now.Sub(p.wanted)
	c.log(slog.LevelDebug, "held up by the limiter", "url", p.to.target.text, "attempt", p.number, "held", held)
	if t := c.opts.Trace; t != nil && t.Limited != nil {
		t.Limited(p.number, p.to.target.text, held)
	}
}
