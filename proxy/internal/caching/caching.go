// Package caching marks responses of the application to signed-in visitors, so
// that no shared cache keeps them: only the application knows what is for one
// visitor, and most applications behind a gate say nothing about it.
package caching

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
)

// A Response is one response of the application. It contains its writer to save
// an allocation. The zero Response is not marked.
type Response struct{ hijackable }

// A writer marks a response just before its header is written. It has what the
// writers of net/http have, so that handlers that look for an interface find it as
// before.
type writer struct {
	http.ResponseWriter
	marked bool
	value  [1]string // of the header; other handlers may change it in place
}

// A hijackable is a writer around one that is a [http.Hijacker] itself. HTTP/2 has
// none, and handlers decide by that.
type hijackable struct{ writer }

// Mark returns the writer that marks the response to a request, or w itself if no
// cache keeps that response unless the application says so (RFC 9111, 3).
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

// Finish marks a response that its handler has left to the server.
func (p *Response) Finish() {
	if p.ResponseWriter != nil {
		p.mark()
	}
}

// Unwrap is for [http.ResponseController].
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader marks the response, unless it is informational (1xx). Not
// Modified (304) leaves the cached response with its mark.
func (w *writer) WriteHeader(status int) {
	if status >= http.StatusOK && status != http.StatusNotModified {
		w.mark()
	}
	w.ResponseWriter.WriteHeader(status)
}

// mark says that the response is private if the application has not said
// anything. It does so once: nothing after the first header is sent.
func (w *writer) mark() {
	if w.marked {
		return
	}
	w.marked = true
	h := w.Header()
	if len(h["Cache-Control"]) > 0 || len(h["Expires"]) > 0 || len(h["Pragma"]) > 0 {
		return
	}
	w.value[0] = "private"
	if isPage(h["Content-Type"]) {
		// The browser's own cache outlives the session.
		w.value[0] = "private, no-cache"
	}
	h["Cache-Control"] = w.value[:]
}

// isPage reports whether a response may be HTML. A response without a type may
// be, since browsers guess its type.
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

// ReadFrom lets the server choose how to send a file, as it would without this
// writer.
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
