// Package keeper protects the gate's own responses from other handlers of the
// site that change responses.
package keeper

import (
	"bytes"
	"iter"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// A keeper is the writer of a response of the gate itself. The directive header
// may change the application's responses at will; on the sign-in page it could
// let caches keep a page that is for one visitor, or remove the policy that
// protects a password. So the gate's own values stand, also against operations
// that Caddy applies only when the status is written. The directive templates would
// run what a visitor has written into the page as a template, and intercept would
// have its routes, which may lead to the application, answer instead: neither gets
// the response, and both find that nothing was written.
type keeper struct {
	http.ResponseWriter
	before headers // the headers that other handlers had set
	wrote  bool
}

// New returns the writer of a response of the gate itself, which w sends.
func New(w http.ResponseWriter) http.ResponseWriter {
	return &keeper{ResponseWriter: w, before: noted(w.Header())}
}

// Unwrap is for http.ResponseController.
func (k *keeper) Unwrap() http.ResponseWriter { return k.ResponseWriter }

// WriteHeader notes the headers that the gate has set, so that they are set
// again after the other handlers.
func (k *keeper) WriteHeader(status int) {
	if !k.wrote && status >= http.StatusOK {
		k.wrote = true
		own := k.own()
		own.restore(k.Header())
		if below := deepest(k.ResponseWriter); below != nil {
			below.ResponseWriter = &restorer{ResponseWriter: below.ResponseWriter, own: own}
		}
		if k.passRecorders() {
			k.Header()[atOnce] = []string{"?1"}
		}
	}
	k.ResponseWriter.WriteHeader(status)
}

func (k *keeper) Write(body []byte) (int, error) {
	if !k.wrote {
		k.WriteHeader(http.StatusOK)
	}
	return k.ResponseWriter.Write(body)
}

// ofTransport are headers about how a body is sent. The directive encode
// changes them.
var ofTransport = []string{"Accept-Ranges", "Content-Encoding", "Content-Length", "Etag", "Transfer-Encoding"}

// atOnce has the directive encode write the header at once, and not with the body: a
// handler whose recorder was passed writes the status of no response afterwards. No
// client gets this header.
const atOnce = "Incremental"

const (
	policyHeader = "Content-Security-Policy"
	typeHeader   = "Content-Type"
)

// own returns the headers that the gate has set. An earlier policy of the
// operator is kept together with the gate's: browsers obey both.
func (k *keeper) own() headers {
	own := noted(k.Header())
	own = slices.DeleteFunc(own, func(h header) bool {
		return slices.Contains(ofTransport, h.name) || h.name != typeHeader && slices.Equal(h.values, k.before.values(h.name))
	})
	for i, h := range own {
		if h.name == policyHeader {
			own[i].values = union(h.values, k.before.values(policyHeader))
		}
	}
	return own
}

// headers are some headers of a response at some time. There are few, so that a
// list is cheaper than a map.
type headers []header

type header struct {
	name   string
	values []string
}

// noted returns the present headers. The values are copied into one array,
// since other handlers may change them in place.
func noted(h http.Header) headers {
	n := 0
	for _, values := range h {
		n += len(values)
	}
	all, values := make(headers, 0, len(h)), make([]string, 0, n)
	for name, set := range h {
		from := len(values)
		values = append(values, set...)
		all = append(all, header{name, values[from:len(values):len(values)]})
	}
	return all
}

// values returns the values of a header, or nil.
func (all headers) values(name string) []string {
	for _, h := range all {
		if h.name == name {
			return h.values
		}
	}
	return nil
}

// restore sets the headers again that were changed. Additional values of
// headers with several values stay: a further policy can only forbid more. A
// header that only some caches read is removed, since those caches would obey it
// instead of the gate's no-store.
func (all headers) restore(to http.Header) {
	if slices.Equal(all.values("Cache-Control"), noStore) {
		maps.DeleteFunc(to, func(name string, _ []string) bool { return forSomeCaches(name) })
	}
	for _, h := range all {
		values := h.values
		switch h.name {
		case policyHeader, "Set-Cookie", "Vary":
			values = union(values, to[h.name])
		}
		if !slices.Equal(values, to[h.name]) {
			to[h.name] = slices.Clone(values)
		}
	}
}

var noStore = []string{"no-store"}

// forSomeCaches reports whether a header is a Cache-Control for only some caches
// (RFC 9213), or one of its predecessors before there was a standard.
func forSomeCaches(name string) bool {
	return strings.HasSuffix(name, "-Cache-Control") || name == "Surrogate-Control" || name == "Edge-Control" || name == "X-Accel-Expires"
}

// union returns values, followed by the values of more that are not in it.
func union(values, more []string) []string {
	all := slices.Clone(values)
	for _, value := range more {
		if !slices.Contains(all, value) {
			all = append(all, value)
		}
	}
	return all
}

// A restorer is a writer below those of other handlers. It restores the gate's
// headers after they have changed them.
type restorer struct {
	http.ResponseWriter
	own   headers
	wrote bool
}

// Unwrap is for http.ResponseController.
func (r *restorer) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *restorer) WriteHeader(status int) {
	if r.wrote {
		return
	}
	if status >= http.StatusOK {
		r.wrote = true
		delete(r.Header(), atOnce)
		r.own.restore(r.Header())
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *restorer) Write(body []byte) (int, error) {
	if !r.wrote {
		r.WriteHeader(http.StatusOK)
	}
	return r.ResponseWriter.Write(body)
}

// passRecorders takes the writers out of the way which may hold a response back and
// replace it, as those of templates and intercept may, and reports whether there were
// any. Recorders without a buffer, for logs and metrics, never do.
func (k *keeper) passRecorders() (passed bool) {
	above := &k.ResponseWriter
	for writer, wrapper := range wrapped(k.ResponseWriter) {
		if recorder, ok := writer.(interface{ Buffer() *bytes.Buffer }); ok && recorder.Buffer() != nil {
			*above, passed = wrapper.ResponseWriter, true
			continue
		}
		above = &wrapper.ResponseWriter
	}
	return passed
}

// deepest returns Caddy's wrapper that is nearest to the connection, or nil
// without a wrapper. The writers of handlers that change responses embed one.
func deepest(w http.ResponseWriter) (found *caddyhttp.ResponseWriterWrapper) {
	for _, wrapper := range wrapped(w) {
		found = wrapper
	}
	return found
}

// wrapped yields the writers from w to the connection that embed Caddy's
// wrapper, each with its wrapper.
func wrapped(w http.ResponseWriter) iter.Seq2[http.ResponseWriter, *caddyhttp.ResponseWriterWrapper] {
	return func(yield func(http.ResponseWriter, *caddyhttp.ResponseWriterWrapper) bool) {
		for w := w; w != nil; {
			if wrapper := wrapperIn(w); wrapper != nil && !yield(w, wrapper) {
				return
			}
			inner, ok := w.(interface{ Unwrap() http.ResponseWriter })
			if !ok {
				return
			}
			w = inner.Unwrap()
		}
	}
}

// wrapperIn returns the wrapper that a writer embeds. The types of these
// writers are not exported, but the field of the wrapper is.
func wrapperIn(w http.ResponseWriter) *caddyhttp.ResponseWriterWrapper {
	if wrapper, ok := w.(*caddyhttp.ResponseWriterWrapper); ok {
		return wrapper
	}
	v := reflect.ValueOf(w)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return nil
	}
	field := v.Elem().FieldByName("ResponseWriterWrapper")
	if field.IsValid() && field.Kind() == reflect.Struct && field.CanAddr() {
		field = field.Addr()
	}
	if !field.IsValid() || !field.CanInterface() {
		return nil
	}
	wrapper, _ := field.Interface().(*caddyhttp.ResponseWriterWrapper)
	return wrapper
}
