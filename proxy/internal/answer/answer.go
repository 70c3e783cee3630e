// Package answer holds an application's answer back, so that the gate can read
// it before a browser does.
package answer

import (
	"errors"
	"net/http"
)

// MaxBody is the longest body that is kept, in bytes.
const MaxBody = 1 << 20

// ErrTooLong is returned to an application that writes more than MaxBody bytes.
var ErrTooLong = errors.New("the answer of the application is longer than 1 MiB")

// An Answer is a writer that keeps the application's answer. The zero Answer is
// empty. It must not be used concurrently.
type Answer struct {
	Status int
	Body   []byte
	Cut    bool // the body is longer than MaxBody

	header http.Header // as the application changes it
	sent   http.Header // as it was when the answer began
}

// Header returns the headers, which the application may change until it has begun
// to answer.
func (a *Answer) Header() http.Header {
	if a.header == nil {
		a.header = http.Header{}
	}
	return a.header
}

// WriteHeader begins the answer. Informational answers (RFC 9110, 15.2) are left
// out.
func (a *Answer) WriteHeader(status int) {
	if a.sent == nil && status >= http.StatusOK {
		a.Status, a.sent = status, a.Header().Clone()
	}
}

// Write adds to the body.
func (a *Answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	if len(a.Body)+len(b) > MaxBody {
		a.Cut = true
		return 0, ErrTooLong
	}
	a.Body = append(a.Body, b...)
	return len(b), nil
}

// Flush does nothing: the answer is held back on purpose.
func (*Answer) Flush() {}

// Sent returns the headers of the answer.
func (a *Answer) Sent() http.Header {
	a.WriteHeader(http.StatusOK) // as a server does once the handler returns
	return a.sent
}

// Cookies returns the cookies that the answer sets.
func (a *Answer) Cookies() []*http.Cookie {
	return (&http.Response{Header: a.Sent()}).Cookies()
}

// Replay writes the answer to a browser, as the application has given it. A body
// that was cut off is left out.
func (a *Answer) Replay(w http.ResponseWriter) {
	into := w.Header()
	for name, values := range a.Sent() {
		into[name] = append(into[name], values...)
	}
	if a.Cut {
		into.Del("Content-Length")
		a.Body = nil
	}
	w.WriteHeader(a.Status)
	_, _ = w.Write(a.Body) // fails only if the client has disconnected
}
