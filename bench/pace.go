package main

import (
	"math"
	"math/bits"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

var started = time.Now()

// sinceBoot is CLOCK_MONOTONIC at started: processes of one machine share it.
var sinceBoot = func() (at int64) {
	least := time.Duration(math.MaxInt64)
	for range 20 { // the call that nothing interrupted tells it best
		var ts unix.Timespec
		a := time.Since(started)
		unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
		if b := time.Since(started); b-a < least {
			least, at = b-a, ts.Nano()-int64(a+b)/2
		}
	}
	return at
}()

// now is CLOCK_MONOTONIC without a system call.
func now() int64 { return sinceBoot + int64(time.Since(started)) }

// finest is the shortest time between two ticks of paced; what is due in
// between goes out together.
const finest = 50 * time.Microsecond

// paced calls send whenever messages are due, with how many and since when,
// until it was n of them, at rate messages a second; at rate 0 the next ones
// are due as soon as send returns. The schedule waits for nothing: whoever is
// behind it gets all that is due at once, with the times of the schedule.
//
// A timerfd wakes it: the runtime's timers are a millisecond late when the
// process is idle, and spinning would take the CPU from the client under test.
func paced(rate float64, n int, send func(k int, due int64) error) error {
	if rate <= 0 {
		for n > 0 {
			k := min(n, 256)
			if err := send(k, now()); err != nil {
				return err
			}
			n -= k
		}
		return nil
	}
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return err
	}
	timer := os.NewFile(uintptr(fd), "timerfd")
	defer timer.Close()
	tick := max(int64(1e9/rate), int64(finest))
	begin := now()
	if err := unix.TimerfdSettime(fd, unix.TFD_TIMER_ABSTIME, &unix.ItimerSpec{
		Interval: unix.NsecToTimespec(tick), Value: unix.NsecToTimespec(begin + tick)}, nil); err != nil {
		return err
	}
	var expired [8]byte
	for done, i := 0, int64(1); done < n; {
		if _, err := timer.Read(expired[:]); err != nil {
			return err
		}
		for ; done < n && begin+i*tick <= now(); i++ {
			k := min(n, int(math.Round(rate*float64(i*tick)/1e9))) - done
			if k <= 0 {
				continue
			}
			if err := send(k, begin+i*tick); err != nil {
				return err
			}
			done += k
		}
	}
	return nil
}

// hist counts times with an error below one percent.
type hist struct {
	n  float64
	at [60 * 64]uint32
}

func (h *hist) add(ns int64) {
	h.n++
	u := uint64(max(ns, 0))
	e := max(bits.Len64(u)-7, 0)
	h.at[e*64+int(u>>e)]++
}

// quantiles of a hist, in ns.
type quantiles struct{ N, P50, P99, P999 float64 }

func (h *hist) quantiles() quantiles {
	at := func(q float64) float64 {
		left := q * h.n
		for i, n := range h.at {
			if left -= float64(n); left < 0 {
				e := max(i/64-1, 0)
				return (float64(i-e*64) + .5) * float64(uint64(1)<<e)
			}
		}
		return 0
	}
	return quantiles{h.n, at(.5), at(.99), at(.999)}
}
