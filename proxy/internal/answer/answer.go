// Package answer holds an application's answer back until the gate has read it.
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

	header http.Header // which the application can change
	sent   http.Header // a copy from when the answer began
}

// Header returns the headers. The application may change them until it begins
// to answer.
func (a *Answer) Header() http.Header {
	if a.header == nil {
		a.header = http.Header{}
	}
	return a.header
}

// WriteHeader begins the answer. Informational answers (RFC 9110, 15.2) are
// dropped.
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
	a.WriteHeader(http.StatusOK) // a server does the same once the handler returns
	return a.sent
}

// Cookies returns the cookies that the answer sets.
func (a *Answer) Cookies() []*http.Cookie {
	return (&http.Response{Header: a.Sent()}).Cookies()
}

// Replay writes the answer to a browser as the application wrote it. A body
// that is longer than MaxBody is left out.
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
