package main

import (
	"strconv"
	"testing"
	"time"
)

func TestJournalServesReadersAtTheirOwnPace(t *testing.T) {
	j := newJournal()
	start := j.end()
	objects, slow, more := j.since(start)
	if len(objects) != 0 || slow != start {
		t.Fatalf("an empty journal gives %d objects, cursor %d", len(objects), slow)
	}
	j.add([]byte("0"))
	<-more
	objects, fast, _ := j.since(start)
	if len(objects) != 1 || string(objects[0]) != "0" {
		t.Fatalf("since(%d) = %q", start, objects)
	}
	for i := range keptObjects {
		j.add([]byte(strconv.Itoa(i + 1)))
	}
	if objects, _, _ = j.since(fast); len(objects) != keptObjects || string(objects[0]) != "1" {
		t.Errorf("the fast reader gets %d objects from %q on, want all that it has not seen", len(objects), objects[0])
	}
	j.add([]byte("last"))
	objects, next, _ := j.since(slow)
	if len(objects) != keptObjects || string(objects[0]) != "2" || next != j.end() {
		t.Errorf("the slow reader gets %d objects from %q on, want the kept ones", len(objects), objects[0])
	}
}

func TestMeterForgetsAfterASecond(t *testing.T) {
	var m meter
	at := time.Unix(0, 0)
	if got := m.add(at, 10); got != 0 {
		t.Errorf("one point gives %v/s", got)
	}
	for i := range 10 {
		at = at.Add(200 * time.Millisecond)
		if got := m.add(at, 10+uint64(i+1)*4); got != 20 {
			t.Errorf("4 in 200ms give %v/s, want 20", got)
		}
	}
	for range 5 {
		at = at.Add(200 * time.Millisecond)
		m.add(at, 50)
	}
	if got := m.add(at.Add(200*time.Millisecond), 50); got != 0 {
		t.Errorf("a second of nothing gives %v/s", got)
	}
}
