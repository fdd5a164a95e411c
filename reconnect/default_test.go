package reconnect_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/steadyws/steadyws/reconnect"
)

var (
	errTest = errors.New("something failed")
	backoff = reconnect.Verdict{}
	stop    = reconnect.Verdict{Action: reconnect.Stop}
	refresh = reconnect.Verdict{Action: reconnect.Refresh}
)

func floor(d time.Duration) reconnect.Verdict { return reconnect.Verdict{After: d} }

func TestDefaultJudgesCloseCodes(t *testing.T) {
	final := map[uint16]bool{1002: true, 1003: true, 1007: true, 1008: true, 1009: true, 1010: true}
	for code := uint16(0); code < 5000; code++ {
		// A peer may close while OnConnect runs, so the phase must not matter.
		for _, phase := range []reconnect.Phase{reconnect.PhaseOpen, reconnect.PhaseConnect} {
			want := backoff
			if final[code] {
				want = stop
			}
			f := reconnect.Failure{Phase: phase, CloseCode: code, Err: errTest, Opened: true}
			if got := reconnect.Default(f); got != want {
				t.Errorf("a Close %d from the peer in phase %v: %v, want %v", code, phase, got, want)
			}
			f.ClosedByUs = true
			if got := reconnect.Default(f); got != backoff {
				t.Errorf("a peer that we failed, code %d in phase %v: %v, want %v", code, phase, got, backoff)
			}
		}
	}
}

func TestDefaultJudgesEveryHTTPStatus(t *testing.T) {
	for status := 0; status < 700; status++ {
		early, late := backoff, backoff // before the first open, and after
		switch {
		case status == 408, status == 425, status == 429:
		case status == 401, status == 403:
			early, late = stop, stop // no Prepare hook in this test
		case status >= 300 && status < 500:
			early = stop
		}
		f := reconnect.Failure{Phase: reconnect.PhaseUpgrade, Status: status, Err: errTest}
		if got := reconnect.Default(f); got != early {
			t.Errorf("status %d before the first open: %v, want %v", status, got, early)
		}
		f.Opened = true
		if got := reconnect.Default(f); got != late {
			t.Errorf("status %d after the first open: %v, want %v", status, got, late)
		}
	}
}

func TestDefaultAsksForFreshCredentialsOnce(t *testing.T) {
	for _, status := range []int{401, 403} {
		for _, c := range []struct {
			name                          string
			canRefresh, refreshed, opened bool
			want                          reconnect.Verdict
		}{
			{"with a Prepare hook it refreshes", true, false, false, refresh},
			{"with a Prepare hook it refreshes after the first open too", true, false, true, refresh},
			{"once refreshed it stops", true, true, false, stop},
			{"once refreshed it stops after the first open too", true, true, true, stop},
			{"without a Prepare hook it stops", false, false, false, stop},
			{"without a Prepare hook it stops after the first open too", false, false, true, stop},
		} {
			t.Run(fmt.Sprint(status, " ", c.name), func(t *testing.T) {
				got := reconnect.Default(reconnect.Failure{
					Phase: reconnect.PhaseUpgrade, Status: status, Err: errTest, RetryAfter: time.Second,
					CanRefresh: c.canRefresh, Refreshed: c.refreshed, Opened: c.opened,
				})
				if got != c.want {
					t.Errorf("got %v, want %v", got, c.want)
				}
			})
		}
	}
}

// TestDefaultKnowsWhoHasRefused: a proxy knows nothing of the credentials that Prepare
// makes, and one that is being reloaded must not end a feed.
func TestDefaultKnowsWhoHasRefused(t *testing.T) {
	for _, status := range []int{401, 403, 407, 404} {
		f := reconnect.Failure{Phase: reconnect.PhaseProxy, Status: status, Err: errTest, CanRefresh: true}
		if got := reconnect.Default(f); got != stop {
			t.Errorf("a proxy's %d before the first open: %v, want %v", status, got, stop)
		}
		f.Opened = true
		if got := reconnect.Default(f); got != backoff {
			t.Errorf("a proxy's %d after the first open: %v, want %v", status, got, backoff)
		}
	}
}

func TestDefaultTakesRetryAfterAsAFloor(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		asked  time.Duration
		want   reconnect.Verdict
	}{
		{"429 with a minute", 429, time.Minute, floor(time.Minute)},
		{"408 with a minute", 408, time.Minute, floor(time.Minute)},
		{"425 with a minute", 425, time.Minute, floor(time.Minute)},
		{"503 with a minute", 503, time.Minute, floor(time.Minute)},
		{"404 after the first open with a minute", 404, time.Minute, floor(time.Minute)},
		{"exactly the cap", 503, 10 * time.Minute, floor(10 * time.Minute)},
		{"more than the cap", 503, 10*time.Minute + 1, floor(10 * time.Minute)},
		{"a week", 429, 7 * 24 * time.Hour, floor(10 * time.Minute)},
		{"none", 503, 0, backoff},
		{"a negative one", 503, -time.Second, backoff},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := reconnect.Failure{Phase: reconnect.PhaseUpgrade, Status: c.status, RetryAfter: c.asked, Opened: true}
			if got := reconnect.Default(f); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestDefaultJudgesErrors(t *testing.T) {
	cert := &x509.Certificate{}
	verification := &tls.CertificateVerificationError{UnverifiedCertificates: []*x509.Certificate{cert}, Err: errTest}
	for _, c := range []struct {
		name        string
		phase       reconnect.Phase
		err         error
		early, late reconnect.Verdict
	}{
		{"an unknown authority", reconnect.PhaseTLS, x509.UnknownAuthorityError{Cert: cert}, stop, backoff},
		{"another host's certificate", reconnect.PhaseTLS, x509.HostnameError{Certificate: cert, Host: "h"}, stop, backoff},
		{"an expired certificate", reconnect.PhaseTLS, x509.CertificateInvalidError{Cert: cert, Reason: x509.Expired}, stop, backoff},
		{"a certificate that crypto/tls refuses", reconnect.PhaseTLS, verification, stop, backoff},
		{"a wrapped certificate error", reconnect.PhaseTLS, fmt.Errorf("dial: %w", verification), stop, backoff},
		{"a certificate error inside the Prepare hook", reconnect.PhasePrepare, verification, backoff, backoff},
		{"a certificate error inside the OnConnect hook", reconnect.PhaseConnect, verification, backoff, backoff},
		{"the certificate of a proxy", reconnect.PhaseProxy, fmt.Errorf("proxy: %w", verification), stop, backoff},
		{"TLS that is not TLS", reconnect.PhaseTLS, tls.RecordHeaderError{Msg: "not TLS"}, backoff, backoff},
		{"refused", reconnect.PhaseDial, syscall.ECONNREFUSED, backoff, backoff},
		{"reset", reconnect.PhaseUpgrade, syscall.ECONNRESET, backoff, backoff},
		{"a timeout", reconnect.PhaseDial, context.DeadlineExceeded, backoff, backoff},
		{"a name that does not exist", reconnect.PhaseDNS, &net.DNSError{IsNotFound: true}, backoff, backoff},
		{"a proxy that fails", reconnect.PhaseProxy, errTest, backoff, backoff},
		{"a Prepare hook's error", reconnect.PhasePrepare, errTest, backoff, backoff},
		{"an OnConnect hook's error", reconnect.PhaseConnect, errTest, backoff, backoff},
		{"no error", reconnect.PhaseOpen, nil, backoff, backoff},
		{"a permanent error in Prepare", reconnect.PhasePrepare, reconnect.Permanent(errTest), stop, stop},
		{"a permanent error in OnConnect", reconnect.PhaseConnect, reconnect.Permanent(errTest), stop, stop},
		{"a wrapped permanent error", reconnect.PhaseDial, fmt.Errorf("hook: %w", reconnect.Permanent(errTest)), stop, stop},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := reconnect.Failure{Phase: c.phase, Err: c.err, CanRefresh: true}
			if got := reconnect.Default(f); got != c.early {
				t.Errorf("before the first open: %v, want %v", got, c.early)
			}
			f.Opened = true
			if got := reconnect.Default(f); got != c.late {
				t.Errorf("after the first open: %v, want %v", got, c.late)
			}
		})
	}
}

func TestAPermanentErrorStopsWhateverElseIsTrue(t *testing.T) {
	for name, f := range map[string]reconnect.Failure{
		"a transient status":             {Phase: reconnect.PhaseUpgrade, Status: 503},
		"credentials could be refreshed": {Phase: reconnect.PhaseUpgrade, Status: 401, CanRefresh: true},
		"an invalid upgrade":             {Phase: reconnect.PhaseUpgrade, Status: 101},
		"a peer that we failed":          {Phase: reconnect.PhaseOpen, ClosedByUs: true, Opened: true},
	} {
		f.Err = reconnect.Permanent(errTest)
		if got := reconnect.Default(f); got != stop {
			t.Errorf("%s: %v, want %v", name, got, stop)
		}
	}
}

func TestPermanent(t *testing.T) {
	if got := reconnect.Permanent(nil); got != nil {
		t.Errorf("Permanent(nil) = %v, want nil", got)
	}
	marked := reconnect.Permanent(&net.OpError{Op: "login", Err: errTest})
	if !errors.Is(marked, errTest) {
		t.Error("errors.Is does not see the marked error")
	}
	if _, ok := errors.AsType[*net.OpError](marked); !ok {
		t.Error("errors.As does not see the marked error")
	}
	if got, want := marked.Error(), "login: something failed"; got != want {
		t.Errorf("text %q, want %q: the mark adds none", got, want)
	}
	for _, c := range []struct {
		name string
		err  error
		want bool
	}{
		{"nil", nil, false},
		{"an unmarked error", errTest, false},
		{"joined unmarked errors", errors.Join(errTest, context.Canceled), false},
		{"a marked error", marked, true},
		{"wrapped", fmt.Errorf("a: %w", fmt.Errorf("b: %w", marked)), true},
		{"the second branch of a Join", errors.Join(errTest, fmt.Errorf("b: %w", marked)), true},
		{"marked twice", reconnect.Permanent(marked), true},
	} {
		if got := reconnect.IsPermanent(c.err); got != c.want {
			t.Errorf("IsPermanent of %s = %v, want %v", c.name, got, c.want)
		}
	}
}

func TestNamesOfPhasesAndActions(t *testing.T) {
	for got, want := range map[fmt.Stringer]string{
		reconnect.PhasePrepare: "prepare", reconnect.PhaseDNS: "dns", reconnect.PhaseDial: "dial",
		reconnect.PhaseProxy: "proxy", reconnect.PhaseTLS: "tls", reconnect.PhaseUpgrade: "upgrade",
		reconnect.PhaseConnect: "connect", reconnect.PhaseOpen: "open",
		reconnect.Phase(8): "Phase(8)", reconnect.Phase(-1): "Phase(-1)",
		reconnect.Backoff: "backoff", reconnect.At: "at", reconnect.Now: "now",
		reconnect.Refresh: "refresh", reconnect.Stop: "stop", reconnect.Action(5): "Action(5)",
	} {
		if got.String() != want {
			t.Errorf("got %q, want %q", got.String(), want)
		}
	}
}
