// Package caching marks the application's responses to signed-in visitors as
// private, so that no shared cache keeps them. Only the application knows which
// responses are for one visitor, and most applications behind a gate do not say
// so.
package caching

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
)

// A Response is one response of the application. Its writer is a part of it,
// which saves an allocation. The zero Response is not marked.
type Response struct{ hijackable }

// A writer marks a response just before its header is written. It implements
// the same interfaces as the writers of net/http, since handlers look for them.
type writer struct {
	http.ResponseWriter
	marked bool
	value  [1]string // that of the header; other handlers may change it in place
}

// A hijackable is a writer around a [http.Hijacker]. The writers of HTTP/2 are
// not one, and handlers decide by that.
type hijackable struct{ writer }

// Mark returns the writer that marks the response to a request. It returns w
// itself if caches keep that response only if the application allows it (RFC
// 9111, 3).
func (p *Response) Mark(w http.ResponseWriter, r *http.Request) http.ResponseWriter {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return w
	}
	p.ResponseWriter = w
	if _, ok := w.(http.Hijacker); ok {
		return &p.hijackable
	}
	return &p.writer
}

// Finish marks a response to which the handler has written nothing, before the
// server writes it.
func (p *Response) Finish() {
	if p.ResponseWriter != nil {
		p.mark()
	}
}

// Unwrap is for [http.ResponseController].
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader marks the response, unless it is informational (1xx) or Not
// Modified (304): the cached response has its mark already.
func (w *writer) WriteHeader(status int) {
	if status >= http.StatusOK && status != http.StatusNotModified {
		w.mark()
	}
	w.ResponseWriter.WriteHeader(status)
}

// mark makes the response private, unless the application allows shared caches
// or forbids them itself. Only the first call has an effect: later changes of
// the header are not sent.
func (w *writer) mark() {
	if w.marked {
		return
	}
	w.marked = true
	h := w.Header()
	said := h["Cache-Control"]
	switch {
	case aboutSharing(said):
		return
	case !blank(said): // only about the time, or the browser
		w.value[0] = strings.Join(said, ", ") + ", private"
	case hasDirective(h["Pragma"], noCache), blank(h["Expires"]) && isPage(h["Content-Type"]):
		// A browser's own cache outlives the session.
		w.value[0] = "private, no-cache"
	default:
		w.value[0] = private
	}
	h["Cache-Control"] = w.value[:]
}

const (
	private = "private"
	noCache = "no-cache"
)

// aboutSharing reports whether a Cache-Control decides what shared caches may
// do with a response. A max-age without more is for them, too, and so does not:
// applications that leave the sign-in to the gate do not know that they have
// anything to hide.
func aboutSharing(lines []string) bool {
	for _, directive := range [...]string{"public", private, "no-store", noCache, "s-maxage"} {
		if hasDirective(lines, directive) {
			return true
		}
	}
	return false
}

// hasDirective reports whether a directive is in a list. Private and no-cache
// with the names of headers are about those headers only.
func hasDirective(lines []string, name string) bool {
	for _, line := range lines {
		for directive := range strings.SplitSeq(line, ",") {
			directive = strings.Trim(directive, " \t")
			if before, _, valued := strings.Cut(directive, "="); valued && name == "s-maxage" {
				directive = strings.TrimRight(before, " \t")
			}
			if strings.EqualFold(directive, name) {
				return true
			}
		}
	}
	return false
}

// blank reports whether a header says nothing.
func blank(lines []string) bool {
	for _, line := range lines {
		if strings.Trim(line, " \t,") != "" {
			return false
		}
	}
	return true
}

// isPage reports whether a response may be HTML. That includes a response
// without a type, since browsers guess it.
func isPage(types []string) bool {
	if len(types) == 0 {
		return true
	}
	const html, xhtml = "text/html", "application/xhtml+xml"
	t := strings.TrimLeft(types[0], " \t")
	return t == "" || hasPrefixFold(t, html) || hasPrefixFold(t, xhtml)
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// Write marks the response if the header is not written yet.
func (w *writer) Write(p []byte) (int, error) {
	w.mark()
	return w.ResponseWriter.Write(p)
}

// WriteString is Write for [io.WriteString].
func (w *writer) WriteString(s string) (int, error) {
	w.mark()
	return io.WriteString(w.ResponseWriter, s)
}

// ReadFrom lets the server choose how to send a file, as without this writer.
func (w *writer) ReadFrom(r io.Reader) (int64, error) {
	w.mark()
	if to, ok := w.ResponseWriter.(io.ReaderFrom); ok {
		return to.ReadFrom(r)
	}
	return io.Copy(w.ResponseWriter, r)
}

// FlushError is for [http.ResponseController]. It writes the header if that is
// not written yet.
func (w *writer) FlushError() error {
	w.mark()
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Flush is for handlers that do not use [http.ResponseController].
func (w *writer) Flush() { _ = w.FlushError() }

// Push is for HTTP/2.
func (w *writer) Push(target string, o *http.PushOptions) error {
	if p, ok := w.ResponseWriter.(http.Pusher); ok {
		return p.Push(target, o)
	}
	return http.ErrNotSupported
}

// Hijack is for handlers that do not use [http.ResponseController].
func (w *hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(w.ResponseWriter).Hijack()
}
