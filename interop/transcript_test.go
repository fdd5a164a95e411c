package interop

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
)

// A transcript is what a server says, line by line. It is a writer, for the
// output of a process, and a test can wait for a line.
type transcript struct {
	mu    sync.Mutex
	rest  []byte // of a line that is not complete
	lines []string
	more  chan struct{} // closed and replaced with each line
}

func newTranscript() *transcript { return &transcript{more: make(chan struct{})} }

func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rest = append(t.rest, p...)
	for {
		line, rest, ok := bytes.Cut(t.rest, []byte("\n"))
		if !ok {
			return len(p), nil
		}
		t.lines = append(t.lines, strings.TrimSpace(string(line)))
		t.rest = rest
		close(t.more)
		t.more = make(chan struct{})
	}
}

// closed notes how a server saw a connection end, as the servers in other
// languages print it.
func (t *transcript) closed(path string, code int, reason string) {
	fmt.Fprintf(t, "closed %s %d %s\n", path, code, reason)
}

// await returns the first line, said before or after the call, that has part in it.
func (t *transcript) await(ctx context.Context, part string) (string, error) {
	for next := 0; ; {
		t.mu.Lock()
		lines, more := t.lines, t.more
		t.mu.Unlock()
		for ; next < len(lines); next++ {
			if strings.Contains(lines[next], part) {
				return lines[next], nil
			}
		}
		select {
		case <-more:
		case <-ctx.Done():
			return "", fmt.Errorf("no line with %q: %w; it said:\n%s", part, context.Cause(ctx), t)
		}
	}
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(t.lines, "\n")
}
