package reconnect

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"time"
)

// MaxRetryAfter is the longest Retry-After that Default obeys. A server that
// asks for more is asked again after this: a mistyped header must not end a
// feed for a week.
const MaxRetryAfter = 10 * time.Minute

// Default is the Classify of a Policy that has none. The first rule that fits
// counts:
//
//	an error marked by Permanent                          stop
//	Close 1002, 1003, 1007-1010 from the peer             stop
//	HTTP 408, 425, 429                                    backoff
//	HTTP 401, 403, not a proxy's                          refresh once per open, then stop;
//	                                                      without a Prepare hook, stop
//	other HTTP 3xx, 4xx, all of a proxy's                 stop if never open yet, else backoff
//	a certificate that does not verify, a proxy's too     stop if never open yet, else backoff
//	(but with Endpoints, each of them must have refused us so: until then, backoff)
//	all else: HTTP 5xx, refused, reset, timeout, DNS      backoff
//	(NXDOMAIN too), a hook's error, an invalid upgrade,
//	any other Close (1000 too), a peer that we failed
//
// "If never open yet", because what is a mistake in the configuration at the
// start is a server being reloaded later, and that must not end a feed.
//
// Each backoff takes a Retry-After (RFC 9110 section 10.2.3) as its floor, up
// to [MaxRetryAfter].
func Default(f Failure) Verdict {
	retry := Verdict{Action: Backoff, After: min(max(f.RetryAfter, 0), MaxRetryAfter)}
	// A proxy that refuses knows nothing of the credentials that Prepare makes.
	denied := f.Phase != PhaseProxy && (f.Status == http.StatusUnauthorized || f.Status == http.StatusForbidden)
	switch {
	case IsPermanent(f.Err), !f.ClosedByUs && finalCode(f.CloseCode):
		return Verdict{Action: Stop}
	case denied && f.CanRefresh && !f.Refreshed:
		return Verdict{Action: Refresh}
	case refusal(f) && !f.Elsewhere && (denied || !f.Opened):
		return Verdict{Action: Stop}
	}
	return retry
}

// refusal reports whether an endpoint has refused us for good, or so it seems.
func refusal(f Failure) bool {
	if f.Status >= 300 && f.Status <= 499 {
		return !transientStatus(f.Status)
	}
	return (f.Phase == PhaseTLS || f.Phase == PhaseProxy) && isCertificateError(f.Err)
}

// finalCode reports whether a Close with this code from the peer says that we
// are wrong, not it (RFC 6455 section 7.4.1): the same would happen again.
func finalCode(code uint16) bool {
	switch code {
	case 1002, // protocol error
		1003, // a type of data it cannot accept
		1007, // data not consistent with its type
		1008, // policy violation
		1009, // message too big
		1010: // an extension it did not offer
		return true
	}
	return false
}

// transientStatus reports whether an HTTP status says "not now" although it is
// a 4xx (RFC 9110 section 15.5.9, RFC 8470 section 5.2, RFC 6585 section 4).
func transientStatus(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return false
}

// isCertificateError reports whether the server's certificate did not verify.
// The x509 errors are looked for by themselves too: a VerifyPeerCertificate or
// VerifyConnection of the user's returns them bare.
func isCertificateError(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return true
	}
	_, ok := errors.AsType[x509.CertificateInvalidError](err)
	return ok
}
