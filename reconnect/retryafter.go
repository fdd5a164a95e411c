package reconnect

import (
	"math"
	"net/http"
	"strings"
	"time"
)

const maxDuration time.Duration = math.MaxInt64

// ParseRetryAfter reads the value of a Retry-After header (RFC 9110 section
// 10.2.3): a number of seconds, or an HTTP-date in any of its three formats
// (section 5.6.7), which it compares with now. White space around it is
// ignored.
//
// A date that is past is 0, true. More than a time.Duration can hold (292
// years) is the longest Duration, true. Anything else, an empty value too, is
// 0, false.
func ParseRetryAfter(value string, now time.Time) (time.Duration, bool) {
	value = strings.Trim(value, " \t")
	if d, ok := parseSeconds(value); ok {
		return d, true
	}
	t, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	return max(t.Sub(now), 0), true // Sub saturates
}

// parseSeconds reads 1*DIGIT. strconv would take a sign.
func parseSeconds(value string) (time.Duration, bool) {
	const most = int64(maxDuration / time.Second)
	var n int64
	for _, c := range []byte(value) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = min(n*10+int64(c-'0'), most+1) // most+1: too many, however many digits follow
	}
	if n > most {
		return maxDuration, value != ""
	}
	return time.Duration(n) * time.Second, value != ""
}
