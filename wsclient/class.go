package wsclient

import (
	"cmp"
	"errors"
	"time"
)

// A class is what SendOptions made of a message.
type class struct {
	x     *extra // nil: none of it
	lane  int8
	marks marks
}

// marks are the rest of a class, and what has happened to its entry.
type marks uint8

const (
	again        marks = 1 << iota // AtLeastOnce: a cut does not settle it
	volatile                       // it does not outlive the connection
	kept                           // its payload is kept until it is confirmed
	written                        // it was handed over on an earlier connection
	suspect                        // the peer may have closed over it: it goes alone
	acknowledged                   // it was confirmed by its id before its write has returned
)

func (c *class) is(m marks) bool { return c.marks&m != 0 }

// extra is what few messages have.
type extra struct {
	key, id string
	expires time.Time
}

func (c *class) expired(now time.Time) bool {
	return c.x != nil && !c.x.expires.IsZero() && now.After(c.x.expires)
}

// acked reports whether the message is confirmed by its id.
func (c *class) acked() bool { return c.x != nil && c.x.id != "" }

var (
	errExpired = errors.New("expired")
	errNotOpen = errors.New("not open")
)

// class turns o into a class, or says what is wrong with it.
func (c *Client) class(o *SendOptions) (cl class, err error) {
	cl = class{lane: dataLane}
	delivery := cmp.Or(o.Delivery, c.opts.Queue.Delivery, AtMostOnce)
	switch {
	case delivery < AtMostOnce || delivery > AtLeastOnce:
		return cl, option("SendOptions.Delivery", "%d is neither AtMostOnce nor AtLeastOnce", o.Delivery)
	case o.ID != "" && c.opts.Queue.Ack == nil:
		return cl, option("SendOptions.ID", "means nothing without Queue.Ack")
	case o.Volatile && o.Delivery == AtLeastOnce:
		return cl, option("SendOptions.Volatile", "contradicts AtLeastOnce")
	case delivery == AtLeastOnce && o.ID == "" && !o.Volatile && c.opts.Heartbeat.IsPassive():
		return cl, option("SendOptions.ID", "AtLeastOnce needs confirmation, and a Passive heartbeat sends no pings")
	}
	if o.Key != "" || o.ID != "" || !o.Expires.IsZero() {
		cl.x = &extra{o.Key, o.ID, o.Expires}
	}
	if o.Priority {
		cl.lane = priorityLane
	}
	if o.Volatile {
		cl.marks |= volatile
	} else if delivery == AtLeastOnce {
		cl.marks |= again | kept
	}
	if c.opts.Queue.KeepUnconfirmed {
		cl.marks |= kept
	}
	return cl, nil
}
