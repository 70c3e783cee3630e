package group

import (
	"context"
	"net/http"
	"slices"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/headers"
)

// An Earlier is what a gate that has passed a request on leaves for the next
// gates of its group. The next gate may be the same gate again.
type Earlier struct {
	sent          []string         // the lines of the Cookie header as the browser sent them
	authorization []string         // and the lines of Authorization
	identity      []headers.Header // the identity headers that earlier gates have set
}

type earlierKey struct{}

// Sent returns the lines of the Cookie header as the browser sent them. A gate
// that has passed the request on has removed its own cookies and its
// neighbours'.
func (m *Member) Sent(r *http.Request) []string {
	if !m.HandsOn() {
		return r.Header["Cookie"]
	}
	if e, ok := r.Context().Value(earlierKey{}).(*Earlier); ok {
		return e.sent
	}
	return slices.Clone(r.Header["Cookie"])
}

// Authorization returns the lines of the header Authorization as they were
// sent. A gate that has passed the request on has removed or replaced them.
func (m *Member) Authorization(r *http.Request) []string {
	if m.HandsOn() {
		if e, ok := r.Context().Value(earlierKey{}).(*Earlier); ok {
			return e.authorization
		}
	}
	return r.Header["Authorization"]
}

// HandsOn reports whether the gate leaves something for the next gates of a
// request.
func (m *Member) HandsOn() bool { return m.Repeats || m.Shares() }

// HandOn returns the request with everything that the next gate has to know,
// including the headers that this gate has set. This gate has removed all
// identity headers, even those of earlier gates. HandOn sets the latter again:
// if this gate has no session for the request, the application gets only these.
func HandOn(x *exchange.Exchange) (*http.Request, *Earlier) {
	next := &Earlier{sent: x.Sent, authorization: x.Authorization}
	if e, ok := x.Context().Value(earlierKey{}).(*Earlier); ok {
		next.identity = slices.Clone(e.identity)
		for _, line := range e.identity {
			x.R.Header[line.Name] = []string{line.Value}
		}
	}
	return x.R.WithContext(context.WithValue(x.Context(), earlierKey{}, next)), next
}

// Tells adds identity headers that this gate has set.
func (e *Earlier) Tells(lines []headers.Header) { e.identity = append(e.identity, lines...) }

// Following returns a request together with what gates have left in passed, a
// copy of the request that they have passed on.
func Following(r, passed *http.Request) *http.Request {
	e, ok := passed.Context().Value(earlierKey{}).(*Earlier)
	if _, known := r.Context().Value(earlierKey{}).(*Earlier); known || !ok {
		return r
	}
	return r.WithContext(context.WithValue(r.Context(), earlierKey{}, e))
}
