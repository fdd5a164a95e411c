package main

import (
	"bytes"
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/steadyws/steadyws/wsclient"
)

// program runs soak, for a minute at most.
func program(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var out, err bytes.Buffer
	code = run(ctx, args, &out, &err)
	return code, out.String(), err.String()
}

// outline returns the columns of a Markdown table, and its rows' first cells.
func outline(table string) (columns, rows []string) {
	for i, line := range strings.Split(strings.TrimSpace(table), "\n") {
		var cells []string
		for _, cell := range strings.Split(strings.Trim(line, "|"), "|") {
			cells = append(cells, strings.TrimSpace(cell))
		}
		switch i {
		case 0:
			columns = cells
		case 1: // the rule
		default:
			rows = append(rows, cells[0])
		}
	}
	return columns, rows
}

func TestQuickKeepsThePromisesAndPrintsTheTableOfThePage(t *testing.T) {
	code, stdout, stderr := program(t, "-quick")
	if code != 0 {
		t.Errorf("exit code %d\n%s%s", code, stderr, stdout)
	}
	page, err := os.ReadFile("../../docs/soak.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, begin := strings.Cut(string(page), "<!-- soak:begin -->")
	table, _, end := strings.Cut(rest, "<!-- soak:end -->")
	if !begin || !end {
		t.Fatal("docs/soak.md lacks its markers")
	}
	columns, rows := outline(stdout)
	wantColumns, wantRows := outline(table)
	if !slices.Equal(columns, wantColumns) || !slices.Equal(rows, wantRows) {
		t.Errorf("it prints\n%q %q\ndocs/soak.md has\n%q %q", columns, rows, wantColumns, wantRows)
	}
}

func TestPlantedLossIsCaught(t *testing.T) {
	for _, mode := range modes {
		code, stdout, stderr := program(t, "-n", "5000", "-plant", "-mode", mode.name)
		if code != 1 || !strings.Contains(stderr, "missing") && !strings.Contains(stderr, "lost") {
			t.Errorf("%s: exit code %d\n%s%s", mode.name, code, stderr, stdout)
		}
	}
}

func TestFlags(t *testing.T) {
	for _, tt := range []struct {
		name string
		args []string
		code int
		text string
	}{
		{"help is no failure", []string{"-h"}, 0, "usage: soak"},
		{"a mode that is none", []string{"-mode", "ExactlyOnce"}, 2, "ExactlyOnce"},
		{"a size that is no range", []string{"-size", "100"}, 2, "two numbers"},
		{"a size too small for a number", []string{"-size", "4-100"}, 2, "-size 4-100"},
		{"no messages", []string{"-n", "0"}, 2, "-n"},
		{"an argument", []string{"fast"}, 2, "fast"},
		{"out of time", []string{"-limit", "1ms"}, 1, "deadline"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if code, _, stderr := program(t, tt.args...); code != tt.code || !strings.Contains(stderr, tt.text) {
				t.Errorf("exit code %d, want %d, and %q in\n%s", code, tt.code, tt.text, stderr)
			}
		})
	}
}

func TestLedger(t *testing.T) {
	type link struct {
		got      []int
		reported int
	}
	for _, tt := range []struct {
		name              string
		delivery          wsclient.Delivery
		links             []link
		lost, twice, back int
		broken            string // "": no promise
	}{
		{"all of six, over two connections", wsclient.AtMostOnce, []link{{[]int{0, 1, 2}, 0}, {[]int{3, 4, 5}, 0}}, 0, 0, 0, ""},
		{"a loss that was reported", wsclient.AtMostOnce, []link{{[]int{0, 1}, 3}, {[]int{3, 4, 5}, 0}}, 1, 0, 0, ""},
		{"a loss at the end that was reported", wsclient.AtMostOnce, []link{{[]int{0, 1}, 4}}, 4, 0, 0, ""},
		{"a loss over connections on which nothing came", wsclient.AtMostOnce, []link{{[]int{0}, 1}, {nil, 1}, {[]int{3, 4, 5}, 0}}, 2, 0, 0, ""},
		{"a loss that was not", wsclient.AtMostOnce, []link{{[]int{0, 1}, 0}, {[]int{3, 4, 5}, 0}}, 1, 0, 0, "1 messages are lost, 0 were reported"},
		{"a loss that another cut has reported", wsclient.AtMostOnce, []link{{[]int{0, 1}, 0}, {[]int{3, 4, 5}, 1}}, 1, 0, 0, "not reported as many"},
		{"a hole in a connection", wsclient.AtMostOnce, []link{{[]int{0, 1, 3, 4, 5}, 6}}, 1, 0, 0, "in the middle"},
		{"one that came twice", wsclient.AtMostOnce, []link{{[]int{0, 1, 2}, 1}, {[]int{2, 3, 4, 5}, 0}}, 0, 1, 0, "twice"},
		{"again, under AtLeastOnce", wsclient.AtLeastOnce, []link{{[]int{0, 1, 2}, 0}, {[]int{1, 2, 3, 4, 5}, 0}}, 0, 2, 0, ""},
		{"a loss under AtLeastOnce", wsclient.AtLeastOnce, []link{{[]int{0, 1, 2}, 0}, {[]int{4, 5}, 0}}, 1, 0, 0, "1 messages are lost"},
		{"out of order on one connection", wsclient.AtLeastOnce, []link{{[]int{0, 2, 1, 3, 4, 5}, 0}}, 0, 0, 1, "behind later ones"},
		{"late on another", wsclient.AtLeastOnce, []link{{[]int{0, 1, 2}, 0}, {[]int{4, 5}, 0}, {[]int{3}, 0}}, 0, 0, 1, "behind later ones"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			book := newLedger(config{n: 6, least: idSize, most: 50})
			for attempt, k := range tt.links {
				for _, id := range k.got {
					p := make([]byte, book.size(id))
					fill(p, id)
					book.arrive(attempt, p)
				}
				book.report(attempt, &wsclient.UnconfirmedError{Messages: k.reported})
			}
			r := book.sum(tt.delivery)
			if r.lost != tt.lost || r.twice != tt.twice || r.disorder != tt.back || r.received+r.lost != 6 {
				t.Errorf("%+v", r)
			}
			if all := strings.Join(r.broken, "; "); (all == "") != (tt.broken == "") || !strings.Contains(all, tt.broken) {
				t.Errorf("broken promises: %q, want %q", all, tt.broken)
			}
		})
	}
}

func TestLedgerKnowsItsMessages(t *testing.T) {
	book := newLedger(config{n: 6, least: idSize, most: 50})
	p := make([]byte, book.size(2))
	fill(p, 2)
	for _, bad := range [][]byte{nil, p[:4], p[:len(p)-1], append(bytes.Clone(p), 0), append(bytes.Clone(p[:len(p)-1]), ^p[len(p)-1])} {
		book.arrive(0, bad)
	}
	if r := book.sum(wsclient.AtMostOnce); r.received != 0 || len(r.broken) == 0 {
		t.Errorf("%+v", r)
	}
}
