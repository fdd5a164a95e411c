package wsclient_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/steadyws/steadyws/internal/testserver"
	"github.com/steadyws/steadyws/wsclient"
)

// The cases of the public conformance suite, the Autobahn Testsuite, under its
// ids, made anew from RFC 6455, RFC 7692 and the description of each. The client
// echoes every message; the peer plays the suite's server.
//
// The public suite judges mildly: a bare TCP close passes for a Close with a
// code, and the contents of large messages are not looked at. Here all that the
// client says is compared frame by frame, and testserver watches each of them:
// masked, with a mask of its own, nothing behind the Close.

// A wireCase is one row of the list.
type wireCase struct {
	id, name string
	steps    []wireStep         // what the server writes
	want     []testserver.Frame // what the client says, without its Close
	code     ws.StatusCode      // of its Close; 0: none in it
	fails    bool               // the Close is about a violation
	errIs    error              // or about something else
	farewell bool               // the server says Close 1000 when it has heard want

	// The Close must leave once so many octets have come, be it in the middle of
	// a frame; 0: all of them.
	needs int

	// The one message of the row, which is then run in fragments too.
	op      ws.OpCode
	payload []byte

	compression       // of what is on the wire; want is what it means
	limit       int64 // of the client's messages; 0: 32 MiB

	may     int                                 // so many at the end of want may be left out
	runs    int                                 // more than one for a race
	prepare func(way string) *wireCase          // makes the case when it is run
	only    string                              // the one way that it is run in
	also    func(way string, got []heard) error // what else is to be seen
}

// A wireStep is one write: frames, or octets of one.
type wireStep struct {
	frames []testserver.Frame
	raw    []byte
	pause  time.Duration // before it
	await  int           // before it: until the client has said so many frames
}

// The ways to send a case. RFC 6455 knows frames, not TCP segments: in all ways
// the answers are the same, and as early.
const (
	asListed = "as listed"        // each step in a write, with its pauses
	glued    = "glued"            // all of it in one write
	behind   = "glued to the 101" // and that one the handshake's
	inOctets = "in octets"        // each in a write; large cases in chops of 997
	inParts  = "in fragments"     // of 1 octet; large messages in 50 or so
)

const (
	tick  = time.Microsecond // between octets, and between fragments
	chop  = 997              // as the list has it; being prime, it never fits a frame
	large = 4 << 10
)

// caseList is the list's own count of its cases.
var caseList = []struct {
	group string
	cases int
}{
	{"1.1", 8}, {"1.2", 8},
	{"2", 11}, {"3", 7}, {"4.1", 5}, {"4.2", 5}, {"5", 20},
	{"6.1", 3}, {"6.2", 4}, {"6.3", 2}, {"6.4", 4}, {"6.5", 5}, {"6.6", 11}, {"6.7", 4}, {"6.8", 2}, {"6.9", 4}, {"6.10", 3}, {"6.11", 5},
	{"6.12", 8}, {"6.13", 5}, {"6.14", 10}, {"6.15", 1}, {"6.16", 3}, {"6.17", 5}, {"6.18", 5}, {"6.19", 5}, {"6.20", 7}, {"6.21", 8}, {"6.22", 34}, {"6.23", 7},
	{"7.1", 6}, {"7.3", 6}, {"7.5", 1}, {"7.7", 13}, {"7.9", 9}, {"7.13", 2},
	{"9.1", 6}, {"9.2", 6}, {"9.3", 9}, {"9.4", 9}, {"9.5", 6}, {"9.6", 6}, {"9.7", 6}, {"9.8", 6},
	{"10.1", 1},
	{"12.1", 18}, {"12.2", 18}, {"12.3", 18}, {"12.4", 18}, {"12.5", 18},
	{"13.1", 18}, {"13.2", 18}, {"13.3", 18}, {"13.4", 18}, {"13.5", 18}, {"13.6", 18}, {"13.7", 18},
}

var caseSums = map[string]int{"1": 16, "2": 11, "3": 7, "4": 10, "5": 20, "6": 145, "7": 37, "9": 54, "10": 1, "12": 90, "13": 126}

func TestConformance(t *testing.T) {
	cases := slices.Concat(messageCases(), controlCases(), reservedCases(), fragmentCases(),
		validTextCases(), invalidTextCases(), closingCases(), limitCases(), deflateCases())
	t.Run("no case is missing", func(t *testing.T) { checkCaseList(t, cases) })
	for _, c := range cases {
		t.Run(c.id+" "+c.name, func(t *testing.T) {
			for _, way := range c.ways() {
				t.Run(way, func(t *testing.T) { c.check(t, way) })
			}
		})
	}
}

func (c *wireCase) check(t *testing.T, way string) {
	for range max(1, c.runs) {
		for _, wrong := range c.run(t, way) {
			t.Error(wrong)
		}
	}
}

// checkCaseList compares the rows that there are with the list's counts.
func checkCaseList(t *testing.T, cases []wireCase) {
	missing := map[string]bool{}
	for _, g := range caseList {
		for i := range g.cases {
			missing[fmt.Sprintf("%s.%d", g.group, i+1)] = true
		}
	}
	if len(missing) != 517 {
		t.Errorf("the list counts %d cases, want 517", len(missing))
	}
	sums := map[string]int{}
	for _, c := range cases {
		if !missing[c.id] {
			t.Errorf("%s is there twice, or not in the list", c.id)
		}
		delete(missing, c.id)
		section, _, _ := strings.Cut(c.id, ".")
		sums[section]++
	}
	for id := range missing {
		t.Errorf("%s is missing", id)
	}
	for section, want := range caseSums {
		if sums[section] != want {
			t.Errorf("section %s has %d cases, want %d", section, sums[section], want)
		}
	}
}

// ways are those that make sense for c.
func (c *wireCase) ways() []string {
	if c.only != "" {
		return []string{c.only}
	}
	if c.prepare != nil {
		return []string{inContext, alone}
	}
	ways := []string{asListed, glued, inOctets}
	if !slices.ContainsFunc(c.steps, func(s wireStep) bool { return s.raw != nil }) {
		ways = append(ways, behind)
	}
	if len(c.payload) > 0 || c.offer != wsclient.CompressionOff && c.needs == 0 {
		ways = append(ways, inParts)
	}
	return ways
}

// octets are all that the server writes.
func (c *wireCase) octets() (all []byte) {
	for _, s := range c.steps {
		all = append(all, s.octets()...)
	}
	return all
}

func (s wireStep) octets() []byte {
	if s.raw != nil {
		return s.raw
	}
	return testserver.Encode(s.frames...)
}

// in returns the steps of one way, and how many of their octets the Close needs.
func (c *wireCase) in(way string) (steps []wireStep, needs int) {
	switch way {
	case glued:
		return []wireStep{{raw: c.octets()}}, c.needs
	case behind:
		return nil, 0 // it has happened
	case inOctets:
		all := c.octets()
		size := 1
		if len(all) > large {
			size = chop
		}
		for part := range slices.Chunk(all, size) {
			steps = append(steps, wireStep{raw: part, pause: tick})
		}
		return steps, c.needs
	case inParts:
		if c.offer != wsclient.CompressionOff {
			return splintered(c.steps), 0
		}
		size := 1
		if len(c.payload) > large {
			size = len(c.payload) / 50
		}
		for _, f := range fragmented(c.op, c.payload, size) {
			steps = append(steps, wireStep{frames: []testserver.Frame{f}, pause: tick})
		}
		if needs = c.needs; needs > 0 { // of the payload, of which each octet has now a header of 2
			needs = 3 * (needs - len(c.octets()) + len(c.payload))
		}
		return steps, needs
	}
	return c.steps, c.needs
}

// fragmented is one message in fragments of size octets.
func fragmented(op ws.OpCode, payload []byte, size int) (frames []testserver.Frame) {
	for part := range slices.Chunk(payload, size) {
		frames = append(frames, testserver.Frame{Op: op, Payload: part})
		op = ws.OpContinuation
	}
	frames[len(frames)-1].Fin = true
	return frames
}

// splintered sends the data frames of steps in fragments of one octet; if they are
// large, in 50 or so each.
func splintered(steps []wireStep) (pieces []wireStep) {
	total := 0
	for _, s := range steps {
		total += len(s.octets())
	}
	for _, s := range steps {
		for _, f := range s.frames {
			all := []testserver.Frame{f}
			if !f.Op.IsControl() && len(f.Payload) > 0 {
				size := 1
				if total > large {
					size = max(1, len(f.Payload)/50)
				}
				all = fragmented(f.Op, f.Payload, size)
				all[0].Rsv = f.Rsv
				all[len(all)-1].Fin = f.Fin
			}
			for _, piece := range all {
				pieces = append(pieces, wireStep{frames: []testserver.Frame{piece}, pause: tick})
			}
		}
	}
	return pieces
}
