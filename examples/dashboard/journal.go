package main

import (
	"sync"
	"time"
)

const keptObjects = 512 // more than a minute of samples; a slower page misses some

// A journal is the objects of /events, for any number of pages that read at
// their own pace.
type journal struct {
	mu      sync.Mutex
	first   int // number of objects[0]
	objects [][]byte
	more    chan struct{} // closed by the next add
}

func newJournal() *journal { return &journal{more: make(chan struct{})} }

func (j *journal) add(object []byte) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.objects) == keptObjects {
		j.objects = append(j.objects[:0], j.objects[1:]...)
		j.first++
	}
	j.objects = append(j.objects, object)
	close(j.more)
	j.more = make(chan struct{})
}

// end is the cursor behind the last object.
func (j *journal) end() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.first + len(j.objects)
}

// since returns the objects from cursor on, the cursor behind them, and what is
// closed when there are more.
func (j *journal) since(cursor int) (objects [][]byte, next int, more <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	from := max(0, cursor-j.first)
	return append(objects, j.objects[from:]...), j.first + len(j.objects), j.more
}

// A meter measures how fast a counter grows, over about a second.
type meter struct {
	points []point // oldest first
}

type point struct {
	at    time.Time
	count uint64
}

func (r *meter) add(now time.Time, count uint64) (perSecond float64) {
	r.points = append(r.points, point{now, count})
	for len(r.points) > 2 && now.Sub(r.points[1].at) >= time.Second {
		r.points = r.points[1:]
	}
	oldest := r.points[0]
	elapsed := now.Sub(oldest.at).Seconds()
	if elapsed <= 0 {
		return 0
	}
	return float64(count-oldest.count) / elapsed
}
