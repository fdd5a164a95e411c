package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"net"
	"strconv"
)

// A stamped message begins with the time at which it was due: the wait of one
// that its sender was late with counts, too.
func stamp(p []byte, due int64)        { binary.LittleEndian.PutUint64(p, uint64(due)) }
func (h *hist) look(p []byte, t int64) { h.add(t - int64(binary.LittleEndian.Uint64(p))) }

// volley is what /paced is asked for.
type volley struct {
	Rate    float64
	N, Size int
}

// timed answers the stamps of messages that were there when a read returned.
func timed(c net.Conn) {
	h, t, fresh := new(hist), int64(0), true
	wait := func() error {
		fresh = true
		return nil
	}
	frames(c, wait, func(b0 byte, p []byte, _ [4]byte) error {
		if fresh { // one look at the clock for all that one read brought
			t, fresh = now(), false
		}
		switch {
		case b0&0x0f == opBinary && len(p) >= 8:
			h.look(p, t)
		case b0&0x0f == opText:
			b, _ := json.Marshal(h.quantiles())
			*h = hist{}
			_, err := c.Write(append(appendHeader(nil, 0x80|opText, len(b)), b...))
			return err
		}
		return nil
	})
}

// sendPaced sends stamped messages, and then how late it was with them.
func sendPaced(c net.Conn) {
	frames(c, func() error { return nil }, func(b0 byte, p []byte, _ [4]byte) error {
		var v volley
		if b0&0x0f != opText {
			return nil
		}
		if err := json.Unmarshal(p, &v); err != nil {
			return err
		}
		head := appendHeader(nil, 0x80|opBinary, v.Size)
		msg := append(head, message(v.Size, opBinary, 0)...)
		late, out := new(hist), []byte(nil)
		err := paced(v.Rate, v.N, func(k int, due int64) error {
			late.add(now() - due)
			stamp(msg[len(head):], due)
			for ; k > 0; out = out[:0] {
				m := min(k, 1024)
				for range m {
					out = append(out, msg...)
				}
				if _, err := c.Write(out); err != nil {
					return err
				}
				k -= m
			}
			return nil
		})
		if err != nil {
			return err
		}
		b := strconv.AppendFloat(nil, late.quantiles().P99, 'f', 0, 64)
		_, err = c.Write(append(appendHeader(nil, 0x80|opText, len(b)), b...))
		return err
	})
}

// inTwo does a run to warm up, then one of t.Time, which is the one that counts.
func (t Task) inTwo(do func(n int) (Result, error)) (Result, error) {
	n, rate := int(t.Rate*t.Time.Seconds()/5), t.Rate
	if rate == 0 {
		n = 20_000
	}
	r, err := do(max(64, n))
	if rate == 0 {
		rate = r.N * 1e9 / r.Wall
	}
	if err == nil {
		r, err = do(max(64, int(rate*t.Time.Seconds())))
	}
	return r, err
}

// answered starts to read: messages of the task's size go to h, another one ends
// a run.
func answered(t Task, c Conn, h *hist) func() (string, error) {
	answers := make(chan string, 1)
	go func() {
		defer close(answers)
		c.Loop(func(b []byte, _ int) {
			if len(b) == t.Size {
				h.look(b, now())
			} else {
				answers <- string(b)
			}
		})
	}()
	return func() (string, error) {
		a, ok := <-answers
		if !ok {
			return "", errors.New("the connection ended early")
		}
		return a, nil
	}
}

// timedSendTask: from the time when a Send is due to the server having read it.
func timedSendTask(t Task, c Conn) (Result, error) {
	answer := answered(t, c, nil)
	msg := message(t.Size, opBinary, 0)
	return t.inTwo(func(n int) (r Result, err error) {
		late, began := new(hist), now()
		err = paced(t.Rate, n, func(k int, due int64) error {
			late.add(now() - due)
			stamp(msg, due)
			for ; k > 0; k-- {
				if err := c.Send(opBinary, msg); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil {
			err = c.Send(opText, nil)
		}
		if err != nil {
			return r, err
		}
		a, err := answer()
		if err != nil {
			return r, err
		}
		var q quantiles
		err = json.Unmarshal([]byte(a), &q)
		return q.result(began, late.quantiles().P99), err
	})
}

// timedRecvTask: from the time when the server's write is due to the message
// being with the user.
func timedRecvTask(t Task, c Conn) (Result, error) {
	h := new(hist)
	answer := answered(t, c, h)
	return t.inTwo(func(n int) (r Result, err error) {
		*h = hist{}
		began := now()
		b, _ := json.Marshal(volley{t.Rate, n, t.Size})
		if err := c.Send(opText, b); err != nil {
			return r, err
		}
		a, err := answer()
		if err != nil {
			return r, err
		}
		late, err := strconv.ParseFloat(a, 64)
		return h.quantiles().result(began, late), err
	})
}

func (q quantiles) result(began int64, late float64) Result {
	return Result{N: q.N, Wall: float64(now() - began), P50: q.P50, P99: q.P99, P999: q.P999, Late: late}
}
