package reconnect_test

import (
	"math"
	"net/http"
	"testing"
	"time"

	"github.com/steadyws/steadyws/reconnect"
)

func TestParseRetryAfter(t *testing.T) {
	now := time.Date(1994, time.November, 6, 8, 49, 7, 0, time.UTC) // 30 s before the dates of RFC 9110 section 5.6.7
	const longest = time.Duration(math.MaxInt64)
	for _, c := range []struct {
		name, value string
		want        time.Duration
		ok          bool
	}{
		{"seconds", "120", 2 * time.Minute, true},
		{"no seconds", "0", 0, true},
		{"leading zeros", "007", 7 * time.Second, true},
		{"white space around", " \t5 \t", 5 * time.Second, true},
		{"an IMF-fixdate", "Sun, 06 Nov 1994 08:49:37 GMT", 30 * time.Second, true},
		{"an RFC 850 date", "Sunday, 06-Nov-94 08:49:37 GMT", 30 * time.Second, true},
		{"an asctime date", "Sun Nov  6 08:49:37 1994", 30 * time.Second, true},
		{"a date with white space around", " Sun, 06 Nov 1994 08:49:37 GMT ", 30 * time.Second, true},
		{"a date that is now", "Sun, 06 Nov 1994 08:49:07 GMT", 0, true},
		{"a past date", "Sun, 06 Nov 1994 08:49:06 GMT", 0, true},
		{"a date far off", "Fri, 31 Dec 9999 23:59:59 GMT", longest, true},
		{"the most seconds that fit", "9223372036", 9223372036 * time.Second, true},
		{"one second too many", "9223372037", longest, true},
		{"seconds beyond 64 bits", "99999999999999999999999999", longest, true},
		{"seconds that wrap around to a small number", "18446744073709551617", longest, true},
		{"nothing", "", 0, false},
		{"white space", "  ", 0, false},
		{"a line break", "5\n", 0, false},
		{"a negative number", "-1", 0, false},
		{"a sign", "+1", 0, false},
		{"a fraction", "1.5", 0, false},
		{"a unit", "10s", 0, false},
		{"two values", "1, 2", 0, false},
		{"many digits, then garbage", "99999999999999999999x", 0, false},
		{"an ISO date", "1994-11-06T08:49:37Z", 0, false},
		{"words", "soon", 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := reconnect.ParseRetryAfter(c.value, now)
			if got != c.want || ok != c.ok {
				t.Errorf("%q: got %v, %v; want %v, %v", c.value, got, ok, c.want, c.ok)
			}
		})
	}
}

func FuzzParseRetryAfter(f *testing.F) {
	for _, s := range []string{"", "0", "120", "-1", "9223372037", "Sun, 06 Nov 1994 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"} {
		f.Add(s, int64(784111747))
	}
	f.Fuzz(func(t *testing.T, value string, unix int64) {
		now := time.Unix(unix%(1<<40), 0).UTC()
		d, ok := reconnect.ParseRetryAfter(value, now)
		if d < 0 || !ok && d != 0 {
			t.Fatalf("%q: %v, %v", value, d, ok)
		}
		// What we understood as a near date must mean the same when said as one.
		if at := now.Add(d); ok && d > 0 && d%time.Second == 0 && at.Year() > 0 && at.Year() < 10000 {
			again, ok := reconnect.ParseRetryAfter(at.Format(http.TimeFormat), now)
			if !ok || again != d {
				t.Fatalf("%q is %v, but as a date %v, %v", value, d, again, ok)
			}
		}
	})
}
