package reconnect

import "errors"

// permanentError marks an error; it adds no text, for the marked error has its
// prefix already.
type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

// Permanent marks err: returned from any hook, it ends the client instead of
// being retried. errors.Is and errors.As see err through the mark, and the text
// is that of err. Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

// IsPermanent reports whether err, or any error it wraps (the branches of
// errors.Join included), was marked by [Permanent].
func IsPermanent(err error) bool {
	_, ok := errors.AsType[*permanentError](err)
	return ok
}
