package reconnect_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/steadyws/steadyws/reconnect"
)

const feed = "feed.example:443"

// after is a time of these tests.
func after(d time.Duration) time.Time { return start.Add(d) }

// reserve takes a place at start for each of the times.
func reserve(l *reconnect.Limiter, wanted ...time.Duration) (list []*reconnect.Reservation) {
	for _, d := range wanted {
		list = append(list, l.Reserve(feed, start, after(d)))
	}
	return list
}

// times are when the attempts may begin.
func times(list []*reconnect.Reservation) (d []time.Duration) {
	for _, r := range list {
		d = append(d, r.Time().Sub(start))
	}
	return d
}

func TestLimiterGivesTimes(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		name   string
		l      *reconnect.Limiter
		wanted []time.Duration
		got    []time.Duration
	}{
		{"as many as Attempts at once, then a Window later", &reconnect.Limiter{Attempts: 2, Window: s},
			[]time.Duration{0, 0, 0, 0, 0}, []time.Duration{0, 0, s, s, 2 * s}},
		{"one that comes when it is free is not held up", &reconnect.Limiter{Attempts: 1, Window: s},
			[]time.Duration{0, s, 5 * s}, []time.Duration{0, s, 5 * s}},
		{"one that comes too early waits for the Window's end only", &reconnect.Limiter{Attempts: 1, Window: s},
			[]time.Duration{0, s / 4}, []time.Duration{0, s}},
		{"a window is any window, not one of the clock's", &reconnect.Limiter{Attempts: 2, Window: s},
			[]time.Duration{0, 9 * s / 10, 95 * s / 100, s}, []time.Duration{0, 9 * s / 10, s, 19 * s / 10}},
		{"a later one takes the place before one that has its time", &reconnect.Limiter{Attempts: 1, Window: s},
			[]time.Duration{30 * s, 0, 10 * s}, []time.Duration{30 * s, 0, 10 * s}},
		{"but puts it off no instant", &reconnect.Limiter{Attempts: 1, Window: s},
			[]time.Duration{2 * s, 3 * s / 2, s + 1}, []time.Duration{2 * s, 3 * s, 4 * s}},
		{"nor together with others", &reconnect.Limiter{Attempts: 2, Window: s},
			[]time.Duration{2 * s, 2 * s, 3 * s / 2}, []time.Duration{2 * s, 2 * s, 3 * s}},
		{"a hole that is large enough is used", &reconnect.Limiter{Attempts: 1, Window: s},
			[]time.Duration{0, 2 * s, 0}, []time.Duration{0, 2 * s, s}},
		{"100 a second by default", &reconnect.Limiter{},
			make([]time.Duration, 101), append(make([]time.Duration, 100), s)},
		{"no limit", &reconnect.Limiter{Attempts: -1},
			make([]time.Duration, 300), make([]time.Duration, 300)},
		{"a time that is past is now", &reconnect.Limiter{Attempts: 1, Window: s},
			[]time.Duration{-5 * s, 0}, []time.Duration{0, s}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := times(reserve(c.l, c.wanted...)); !slices.Equal(got, c.got) {
				t.Errorf("got  %v\nwant %v", got, c.got)
			}
		})
	}
}

func TestLimiterCountsByKey(t *testing.T) {
	l := &reconnect.Limiter{Attempts: 1, Window: time.Minute}
	for i, addr := range []string{"a:1", "a:2", "b:1"} {
		if got := l.Reserve(addr, start, start).Time(); got != start {
			t.Errorf("%d: %s waits %v for another address", i, addr, got.Sub(start))
		}
	}
	l = &reconnect.Limiter{Attempts: 1, Window: time.Minute, Key: func(string) string { return "venue" }}
	l.Reserve("a:1", start, start)
	if got := l.Reserve("b:1", start, start).Time(); got != after(time.Minute) {
		t.Errorf("under one Key the second waits %v, want a minute", got.Sub(start))
	}
}

func TestLimiterCountsWhatHasBegun(t *testing.T) {
	l := &reconnect.Limiter{Attempts: 1, Window: time.Minute}
	r := l.Reserve(feed, start, start)
	if !r.Begin(start) {
		t.Fatal("the first attempt may not begin")
	}
	r.End(after(time.Second)) // however short it was
	next := l.Reserve(feed, after(2*time.Second), after(2*time.Second))
	if got := next.Time(); got != after(time.Minute) {
		t.Errorf("the next may begin at %v, want a minute", got.Sub(start))
	}
	for _, d := range []time.Duration{2 * time.Second, time.Minute - 1} {
		if next.Begin(after(d)) {
			t.Errorf("it has begun at %v", d)
		}
	}
	if !next.Begin(after(time.Minute)) {
		t.Error("it may not begin at its time")
	}
}

func TestPlacesThatAreGivenBackLetOthersMoveUp(t *testing.T) {
	l := &reconnect.Limiter{Attempts: 1, Window: time.Minute}
	list := reserve(l, 0, 0, 0, 150*time.Second, 0)
	if got := fmt.Sprint(times(list)); got != "[0s 1m0s 2m0s 3m0s 4m0s]" {
		t.Fatal(got)
	}
	list[0].Begin(start)
	list[1].End(after(time.Second))
	if got := fmt.Sprint(times(list[2:])); got != "[1m0s 2m30s 3m30s]" {
		t.Errorf("after the second has gone: %v", got)
	}
	for i, r := range list[2:] {
		select {
		case <-r.Changed():
		default:
			t.Errorf("%d has not been told", i+2)
		}
	}
	list[0].End(after(time.Second))
	list[1].End(after(time.Second)) // once more is nothing
	if got := fmt.Sprint(times(list[2:])); got != "[1m0s 2m30s 3m30s]" {
		t.Errorf("after an attempt has ended: %v", got)
	}
}

func TestHastenStaysWithinTheLimit(t *testing.T) {
	l := &reconnect.Limiter{Attempts: 1, Window: time.Minute}
	list := reserve(l, 0, 10*time.Minute, time.Hour)
	list[0].Begin(start)
	list[2].Hasten(after(time.Second))
	if got := fmt.Sprint(times(list[1:])); got != "[10m0s 1m0s]" {
		t.Errorf("hastened: %v, want the first time that is free", got)
	}
	list[2].Hasten(after(2 * time.Second))
	list[1].Hasten(after(2 * time.Second))
	if got := fmt.Sprint(times(list[1:])); got != "[2m0s 1m0s]" {
		t.Errorf("hastened again: %v, want each in its place", got)
	}
}

func TestDialsAreGivenInTurn(t *testing.T) {
	l := &reconnect.Limiter{Attempts: -1, Dials: 2}
	list := reserve(l, 0, 0, 0, 0)
	begin := func(i int, want bool) {
		t.Helper()
		if got := list[i].Begin(after(time.Second)); got != want {
			t.Fatalf("Begin of %d: %v, want %v", i, got, want)
		}
	}
	begin(3, true) // those before it do not wait, and hold up nobody
	begin(0, true)
	begin(1, false)
	begin(2, false)
	list[3].End(after(time.Second))
	begin(2, false) // 1 was there first, and has been told
	select {
	case <-list[1].Changed():
	default:
		t.Error("the first in line has not been told")
	}
	begin(1, true)
	list[0].End(after(time.Second))
	begin(2, true)
}

func TestWhoWaitsForDialsGivesItsPlaceBack(t *testing.T) {
	l := &reconnect.Limiter{Dials: 1}
	list := reserve(l, 0, 0, 0)
	for i, want := range []bool{true, false, false} {
		if list[i].Begin(start) != want {
			t.Fatalf("Begin of %d: %v", i, !want)
		}
	}
	list[1].End(start)
	if list[2].Begin(start) {
		t.Error("two at the same time")
	}
	list[0].End(start)
	select {
	case <-list[2].Changed():
	default:
		t.Error("the last in line has not been told")
	}
	if !list[2].Begin(start) {
		t.Error("it may not begin")
	}
}

// What begins late, because of Dials or because the process stood still, counts
// from when it began.
func TestLateAttemptsDoNotPileUp(t *testing.T) {
	l := &reconnect.Limiter{Attempts: 2, Window: time.Minute}
	list := reserve(l, 0, 0, 0, 0, 0, 0) // 0, 0, 1 min, 1 min, 2 min, 2 min
	now := after(10 * time.Minute)
	for _, r := range list {
		r.Begin(start.Add(-1)) // they are there, and wait
	}
	n := 0
	for _, i := range []int{5, 3, 4, 2, 1, 0} {
		if list[i].Begin(now) {
			if n++; i > 1 {
				t.Errorf("%d has begun before those in front of it", i)
			}
		}
	}
	if got := fmt.Sprint(times(list[2:])); n != 2 || got != "[11m0s 11m0s 12m0s 12m0s]" {
		t.Errorf("%d have begun at once, the others are to at %v", n, got)
	}
}

// TestLimiterLetsThoseWaitWhoWaitForDials: one that asks does not make the others ask,
// or they would go on for ever.
func TestLimiterLetsThoseWaitWhoWaitForDials(t *testing.T) {
	l := &reconnect.Limiter{Attempts: 1000, Dials: 1}
	list := reserve(l, 0, 0, 0, 0)
	if !list[0].Begin(start) {
		t.Fatal("the first may not begin")
	}
	told := 0
	for i := range 100 {
		for _, r := range list[1:] {
			if r.Begin(after(time.Duration(i+1) * time.Millisecond)) {
				t.Fatal("two dial at a time")
			}
		}
		for _, r := range list[1:] {
			select {
			case <-r.Changed():
				told++
			default:
			}
		}
	}
	if told > 0 {
		t.Errorf("they were told to ask again %d times, for nothing", told)
	}
	list[0].End(after(time.Second))
	select {
	case <-list[1].Changed():
	default:
		t.Error("the next is not told that it may begin")
	}
}
